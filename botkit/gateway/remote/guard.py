"""Which addresses may be connected to, so that a URL cannot become a way into the private network.

A name is resolved here, every address it has is checked, and the connection goes to an address that was checked: a
name that points elsewhere a moment later (DNS rebinding) gains nothing. Since the check sits where connections are
made, redirects, discovery documents and token endpoints pass it like everything else. TLS and `Host` keep the name.

* Public addresses may always be connected to.
* This machine only by a client made for a URL that names it: `localhost`, `127.0.0.1`, `[::1]`.
* Private networks only where the operator says `allow_private`.
* Link-local addresses, among them the metadata services of clouds, never.

IPv6 notations of IPv4 addresses (mapped, NAT64) are looked through, and those that hide one (6to4, Teredo) refused.
`2130706433`, `0x7f.1` and their like are names to us, and the resolver makes them 127.0.0.1, which is refused.

Source: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

__all__ = ["Address", "Blocked", "Guard", "Network", "Reach", "Resolver", "is_loopback_host", "is_public", "resolve"]

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from botkit.core.errors import ToolUnavailable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[list[Address]]]
Reach = Literal["public", "private", "loopback"]
"""How far a client may reach: the internet; private networks too; this machine alone."""

# Public on paper, private in fact: IETF protocol assignments (Oracle's metadata service lives there), the address
# at which Azure answers its machines, and IPv6 notations that carry some IPv4 address past a careless check.
_NEVER = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "240.0.0.0/4",
            "::/128",
            "fe80::/10",
            "fec0::/10",
            "fd00:ec2::254/128",
            "fd20:ce::254/128",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
        ),
    )
)
_COMPATIBLE = ip_network("::/96")
_NAT64 = ip_network("64:ff9b::/96")
_SHARED = ip_network("100.64.0.0/10")
"""Private to providers and overlay networks, which `is_private` does not count."""


class Blocked(ToolUnavailable):
    """The address may not be connected to; nothing was sent."""

    code = "address_blocked"
    retryable = False


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host names this machine, by its name or by a plain address."""
    host = host.lower().rstrip(".").removeprefix("[").removesuffix("]")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, looking through IPv6 notations of IPv4 addresses."""
    plain = _plain(address)
    if plain is None or _is_never(plain):
        return False
    return plain.is_global and not plain.is_multicast and not plain.is_reserved


def _plain(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 one stands for; None for the long outdated notation that only attackers use."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _COMPATIBLE and not address.is_loopback:
        return None
    return address


def _is_never(address: Address) -> bool:
    return any(address in network for network in _NEVER if network.version == address.version)


async def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name, as the system resolves it.

    Raises:
        ToolUnavailable: there is none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ToolUnavailable(f"The name {host[:200]} could not be resolved.") from error
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class Guard:
    """Decides where one client may connect to.

    Args:
        reach: what it may connect to besides the public internet. `loopback` is for a URL that names this machine,
            and then it may connect to nothing else.
        resolver: name and port → addresses.
        networks: private networks that may be connected to all the same.
    """

    def __init__(self, reach: Reach = "public", resolver: Resolver = resolve, networks: Collection[Network] = ()):
        self.reach: Reach = reach
        self._networks = networks
        self._resolver = resolver

    @classmethod
    def of(cls, host: str, *, allow_private: bool = False, resolver: Resolver = resolve) -> Guard:
        """The guard of a client for a URL with this host."""
        if is_loopback_host(host):
            return cls("loopback", resolver)
        return cls("private" if allow_private else "public", resolver)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses to connect to, in the order of the resolver.

        Raises:
            Blocked: at least one of them is not allowed; a name that is half public is no better than one that is not.
            ToolUnavailable: the name has no address.
        """
        found = await self._resolver(host, port)
        if not found:
            raise ToolUnavailable(f"The name {host[:200]} has no address.")
        if not all(self._allows(address) for address in found):
            raise Blocked(self._reason(host))
        return found

    def _allows(self, address: Address) -> bool:
        plain = _plain(address)
        if self.reach == "loopback":
            return address.is_loopback
        if plain is None or plain.is_loopback or plain.is_multicast or _is_never(plain):
            return False
        if is_public(address) or (self.reach == "private" and (plain.is_private or plain in _SHARED)):
            return True
        return any(plain in network for network in self._networks if network.version == plain.version)

    def _reason(self, host: str) -> str:
        if self.reach == "loopback":
            return f"{host[:200]} is not on this machine, and this connection may go nowhere else."
        if self.reach == "private":
            return f"{host[:200]} leads to this machine or to a reserved address and is not contacted."
        return f"{host[:200]} lies in a private network and is not contacted. If it is meant, say allow_private: true."
