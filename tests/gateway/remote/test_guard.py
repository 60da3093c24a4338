"""Where a URL may lead: address classes, names that lie, and the connection that goes to what was checked."""

from __future__ import annotations

import importlib.util
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest

from botkit.core.errors import ToolUnavailable
from botkit.gateway.remote.guard import Address, Blocked, Guard, is_loopback_host, is_public, resolve
from botkit.gateway.remote.http import open_client, read_capped, send_following
from tests.gateway.remote.support import Handmade, Response, handmade

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
PRIVATE = ["10.0.0.1", "100.64.1.1", "172.16.3.4", "192.168.1.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
NEVER = ["169.254.169.254", "fe80::1", "fd00:ec2::254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "0.0.0.0",
         "::", "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1", "64:ff9b:1::1", "224.0.0.1", "ff02::1",
         "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fec0::1", "255.255.255.255"]  # fmt: skip


def pointing_to(*addresses: str) -> Any:
    async def resolver(host: str, port: int) -> list[Address]:
        return [ip_address(one) for one in addresses]

    return resolver


async def allowed(reach: Any, *addresses: str) -> bool:
    try:
        await Guard(reach, pointing_to(*addresses)).addresses("name.example", 443)
    except Blocked:
        return False
    return True


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_may_be_contacted(address: str) -> None:
    assert is_public(ip_address(address))
    assert await allowed("public", address)
    assert await allowed("private", address)


@pytest.mark.parametrize("address", PRIVATE)
async def test_private_addresses_only_where_the_operator_says_so(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not await allowed("public", address)
    assert await allowed("private", address)


@pytest.mark.parametrize("address", [*LOOPBACK, *NEVER])
async def test_this_machine_and_metadata_services_never(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not await allowed("public", address)
    assert not await allowed("private", address)


async def test_one_bad_address_spoils_a_name() -> None:
    assert not await allowed("public", "8.8.8.8", "10.0.0.1")
    assert not await allowed("loopback", "127.0.0.1", "8.8.8.8")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "mcp.localhost", "127.0.0.1", "::1", "[::1]"])
def test_hosts_that_name_this_machine(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "017700000001", "[::ffff:127.0.0.1]", "localhost.evil.example"]
)
async def test_disguised_loopback_is_no_loopback_and_is_refused(host: str) -> None:
    assert not is_loopback_host(host)
    with pytest.raises(ToolUnavailable):  # blocked where the system knows the notation, unknown where it does not
        await Guard.of(host).addresses(host.strip("[]"), 80)


def test_the_guards_of_the_gateway_and_of_the_web_server_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that reads the web runs in an environment of its own and cannot import ours."""
    file = Path(__file__).parents[3] / "workspace" / "servers" / "web.py"
    spec = importlib.util.spec_from_file_location("web_server_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    web = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, web)
    spec.loader.exec_module(web)
    for one in [*PUBLIC, *PRIVATE, *LOOPBACK, *NEVER]:
        assert web.is_public(ip_address(one)) == is_public(ip_address(one)), one


async def test_a_name_that_moves_after_the_check_gains_nothing() -> None:
    """DNS rebinding: each connection resolves, checks and connects in one step, so a second answer is checked too."""
    answers = iter([[ip_address("127.0.0.1")], [ip_address("10.0.0.1")]])

    async def moving(host: str, port: int) -> list[Address]:
        return next(answers)

    async with handmade() as server:
        port = httpx2.URL(server.url).port
        async with open_client(Guard("loopback", moving)) as client:
            request = client.build_request("POST", f"http://rebind.example:{port}/mcp", content=b"{}")
            response = await client.send(request, stream=True)
            await response.aclose()
            assert server.seen[-1].headers["host"] == f"rebind.example:{port}"  # the name stays, the address is pinned
        async with open_client(Guard("loopback", moving)) as client:
            with pytest.raises(Blocked):
                await client.get(f"http://rebind.example:{port}/mcp")


async def redirect(server: Handmade, location: str, status: int = 307) -> httpx2.Response:
    server.answers["ping"] = lambda _: Response(status_code=status, headers={"Location": location})
    async with open_client(Guard.of("127.0.0.1")) as client:
        request = client.build_request("POST", server.url, content=b'{"method": "ping"}')
        response = await send_following(client, request)
        await read_capped(response)
        await response.aclose()
        return response


async def test_redirects_stay_with_the_server() -> None:
    async with handmade() as server:
        for location in ("http://169.254.169.254/latest/meta-data", "http://localhost:1/", "https://127.0.0.1/mcp"):
            before = len(server.seen)
            assert (await redirect(server, location)).status_code == 307
            assert len(server.seen) == before + 1
        assert (await redirect(server, "/elsewhere", 303)).status_code == 303  # would turn a POST into a GET
        before = len(server.seen)
        await redirect(server, "/again")
        assert [one.path for one in server.seen[before:]] == ["/mcp", "/again", "/again", "/again"]


async def test_answers_are_capped_and_never_unpacked() -> None:
    async with handmade() as server:
        server.answers["ping"] = lambda _: Response(b"x" * 5000, media_type="application/json")
        async with open_client(Guard.of("127.0.0.1")) as client:
            for limit, expected in ((5000, b"x" * 5000), (4999, None)):
                request = client.build_request("POST", server.url, content=b'{"method": "ping"}')
                response = await send_following(client, request)
                assert await read_capped(response, limit) == expected
                await response.aclose()
            server.answers["ping"] = lambda _: Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
            response = await send_following(
                client, client.build_request("POST", server.url, content=b'{"method": "ping"}')
            )
            assert await read_capped(response) is None
            await response.aclose()


async def test_the_system_resolver_speaks_for_names() -> None:
    assert all(address.is_loopback for address in await resolve("localhost", 80))
    with pytest.raises(ToolUnavailable, match="could not be resolved"):
        await resolve("no-such-name.invalid", 80)
