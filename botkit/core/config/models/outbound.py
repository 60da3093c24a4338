"""`settings.http`: where requests of workflows may go besides the public internet."""

from __future__ import annotations

__all__ = ["HttpRequests", "PrivateTarget", "network_of"]

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from botkit.core.config.models.base import Model, OneOrMany, problem

_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?", re.IGNORECASE)
_SHARED = IPv4Network("100.64.0.0/10")
"""Private to providers and overlay networks, which `is_private` does not count."""


def network_of(target: str) -> IPv4Network | IPv6Network | None:
    """The network a target names; None for a host."""
    if "/" not in target:
        return None
    try:
        return ip_network(target)
    except ValueError:
        return None


def _check_target(value: str) -> str:
    value = value.lower()
    if "://" in value or ("/" in value and network_of(value) is None):
        raise problem("write a host (tickets.corp.example, with :8080 for one port) or a network such as 10.20.0.0/16")
    network = network_of(value)
    if network is None:
        if not _HOST.fullmatch(value):
            raise problem("this is no host; write a name or an address, with a port where only that one is meant")
        return value
    if network.is_loopback:
        raise problem("name this machine as localhost or 127.0.0.1, with the port that is meant")
    if isinstance(network, IPv4Network) and network.subnet_of(_SHARED):
        return value
    if not network.is_private or network.is_link_local or network.num_addresses > 1 << 120 or network.prefixlen == 0:
        raise problem("this is no private network, such as 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8")
    return value


PrivateTarget = Annotated[
    str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True), AfterValidator(_check_target)
]
"""`host`, `host:port`, or a network in CIDR notation."""


class HttpRequests(Model, frozen=True):
    """Where `http_request` may send besides the public internet."""

    allow_private: OneOrMany[PrivateTarget] = ()
    """Hosts (`tickets.corp.example`, `localhost:8080`) and networks (`10.20.0.0/16`) that workflows may reach although
    they are this machine or private. A host counts wherever it leads, a network for every name that leads into it.
    Secrets go without https to hosts alone. Addresses of cloud metadata services are never reached."""
