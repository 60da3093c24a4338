"""Requests of workflows against a real server on this machine: where they may go, and what they carry."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from botkit.app.outbound import GuardedHttp
from botkit.core.errors import SecretError
from botkit.core.outbound import HttpRequest, HttpUnanswered, HttpUnsent, SecretPart
from botkit.gateway.remote.guard import Address, Blocked, Guard
from tests.gateway.remote.support import serving

API_KEY = "sk-live-0123456789"


class Vault:
    async def resolve(self, names: Iterable[str], scopes: Sequence[str]) -> dict[str, str]:
        if missing := set(names) - {"API"}:
            raise SecretError(f"There is no secret {missing.pop()} in {scopes[0]}.")
        return dict.fromkeys(names, API_KEY)


async def _echo(request: Request) -> Response:
    body = await request.body()
    seen = {
        "method": request.method,
        "path": request.url.path,
        "query": request.query_params.multi_items(),
        "headers": dict(request.headers),
        "body": body.decode(),
    }
    return JSONResponse(seen, headers={"X-Seen": request.headers.get("authorization", ""), "Set-Cookie": "a=b"})


async def _redirect(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"], status_code=int(request.query_params.get("status", "302")))


async def _long(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    return StreamingResponse(pieces())


async def _packed(request: Request) -> Response:
    return Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/echo", _echo, methods=methods),
        Route("/redirect", _redirect, methods=methods),
        Route("/long", _long),
        Route("/packed", _packed),
    ]
    async with serving(Starlette(routes=routes)) as found:
        yield found


def http(address: str, **more: Any) -> GuardedHttp:
    """Allowed to contact the server of the test."""
    return GuardedHttp(Vault(), hosts=[address.removeprefix("http://")], **more)


async def test_a_request_arrives_as_it_was_meant(address: str) -> None:
    request = HttpRequest(
        method="POST", url=f"{address}/echo?a=1", headers={"X-A": "b"}, query={"b": ["2", "3"]}, body=b"hello"
    )

    reply = await http(address).send(request)
    seen = _json(reply.body)
    assert (reply.status, seen["method"], seen["body"], seen["headers"]["x-a"]) == (200, "POST", "hello", "b")
    assert seen["query"] == [["a", "1"], ["b", "2"], ["b", "3"]]
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    ("part", "arrives"),
    [
        (SecretPart(secret="API", before="Bearer "), f"Bearer {API_KEY}"),
        (
            SecretPart(secret="API", encode="basic", user="me"),
            "Basic " + base64.b64encode(f"me:{API_KEY}".encode()).decode(),
        ),
    ],
)
async def test_a_secret_arrives_and_is_taken_out_of_what_comes_back(
    address: str, part: SecretPart, arrives: str
) -> None:
    heard: list[str] = []

    async def hear(request: Request) -> Response:
        heard.append(request.headers["authorization"])
        return JSONResponse({"you_said": request.headers["authorization"]}, headers={"X-Seen": heard[-1]})

    async with serving(Starlette(routes=[Route("/hear", hear)])) as other:
        reply = await http(other).send(HttpRequest(method="GET", url=f"{other}/hear", secrets=(part,)))

    assert heard == [arrives]
    for shown in (reply.body.decode(), *reply.headers.values()):
        assert API_KEY not in shown
        assert arrives.split()[1] not in shown


async def test_a_secret_parameter_arrives_and_is_in_no_answer(address: str) -> None:
    part = SecretPart(secret="API", place="query", name="key")

    reply = await http(address).send(HttpRequest(method="GET", url=f"{address}/echo?a=1", secrets=(part,)))
    assert _json(reply.body)["query"] == [["a", "1"], ["key", "[redacted]"]]
    assert API_KEY not in reply.url


async def test_nothing_is_sent_without_a_secret_it_needs(address: str) -> None:
    with pytest.raises(HttpUnsent) as caught:
        await http(address).send(
            HttpRequest(method="GET", url=f"{address}/echo", secrets=(SecretPart(secret="NONE"),)), workspace="w"
        )
    assert caught.value.code == "secret"


async def test_a_secret_does_not_travel_without_tls() -> None:
    request = HttpRequest(method="GET", url="http://api.example.com/", secrets=(SecretPart(secret="API"),))
    with pytest.raises(HttpUnsent) as caught:
        await GuardedHttp(Vault()).send(request)

    assert caught.value.code == "insecure"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.8",
        "192.168.1.1",
        "[fd00::1]",
    ],
)
async def test_this_machine_and_private_networks_are_not_contacted(address: str, host: str) -> None:
    port = address.rpartition(":")[2]
    with pytest.raises(HttpUnsent) as caught:
        await GuardedHttp(Vault()).send(HttpRequest(method="GET", url=f"http://{host}:{port}/echo", timeout_s=60))

    assert caught.value.code in ("address_blocked", "http_unsent")
    assert not caught.value.retryable or host in ("2130706433", "0x7f.1"), "those may not resolve at all"


async def test_a_public_name_that_leads_to_this_machine_is_not_contacted(address: str) -> None:
    async def lying(host: str, port: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    port = address.rpartition(":")[2]
    with pytest.raises(HttpUnsent) as caught:
        await GuardedHttp(Vault(), resolver=lying).send(
            HttpRequest(method="GET", url=f"http://public.example.com:{port}/echo")
        )
    assert caught.value.code == "address_blocked"


async def test_a_redirect_into_the_private_network_is_not_followed_there(address: str) -> None:
    async with serving(Starlette(routes=[Route("/echo", _echo)])) as other:
        with pytest.raises(HttpUnsent) as caught:
            await http(address).send(HttpRequest(method="GET", url=f"{address}/redirect?to={other}/echo"))

    assert caught.value.code == "address_blocked"


async def test_redirects_on_the_same_host_are_followed_with_what_was_sent(address: str) -> None:
    request = HttpRequest(
        method="GET",
        url=f"{address}/redirect?to=/echo",
        headers={"X-A": "b"},
        secrets=(SecretPart(secret="API"),),
    )

    seen = _json((await http(address).send(request)).body)
    assert (seen["path"], seen["headers"]["x-a"], "authorization" in seen["headers"]) == ("/echo", "b", True)


@pytest.mark.parametrize(
    ("method", "status", "arrives"),
    [("POST", 307, ("POST", "hello")), ("POST", 303, ("GET", "")), ("POST", 302, None), ("PUT", 308, ("PUT", "hello"))],
)
async def test_a_redirect_keeps_or_drops_method_and_body_as_its_status_says(
    address: str, method: str, status: int, arrives: tuple[str, str] | None
) -> None:
    url = f"{address}/redirect?to=/echo&status={status}"

    reply = await http(address).send(HttpRequest(method=method, url=url, body=b"hello"))
    if arrives is None:
        assert reply.status == status
    else:
        seen = _json(reply.body)
        assert (seen["method"], seen["body"]) == arrives


async def test_another_host_gets_neither_secrets_nor_headers(address: str) -> None:
    async with serving(Starlette(routes=[Route("/echo", _echo)])) as other:
        allowed = [address.removeprefix("http://"), other.removeprefix("http://")]
        port = GuardedHttp(Vault(), hosts=allowed)
        url = f"{address}/redirect?to={other}/echo"

        plain = await port.send(HttpRequest(method="GET", url=url, headers={"X-Key": "k", "Accept": "a/b"}))
        assert "x-key" not in _json(plain.body)["headers"]
        assert _json(plain.body)["headers"]["accept"] == "a/b"
        secret = await port.send(HttpRequest(method="GET", url=url, secrets=(SecretPart(secret="API"),)))
        assert secret.status == 302


async def test_redirects_have_an_end(address: str) -> None:
    reply = await http(address).send(
        HttpRequest(method="GET", url=f"{address}/redirect?to=/redirect?to=/echo", redirects=1)
    )
    assert reply.status == 302


@pytest.mark.parametrize("path", ["/long", "/packed"])
async def test_an_answer_that_is_too_long_or_packed_is_not_read(address: str, path: str) -> None:
    with pytest.raises(HttpUnanswered):
        await http(address).send(HttpRequest(method="GET", url=address + path, limit_bytes=5_000))


async def test_a_server_that_is_not_there_was_never_reached() -> None:
    async with serving(Starlette()) as gone:
        pass
    with pytest.raises(HttpUnsent) as caught:
        await http(gone).send(HttpRequest(method="GET", url=f"{gone}/?key=hunter2"))

    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_never_answers_is_not_waited_for_without_end() -> None:

    never = asyncio.Event()

    async def silent(request: Request) -> Response:
        await never.wait()
        return Response()

    async with serving(Starlette(routes=[Route("/", silent)])) as slow:
        with pytest.raises(HttpUnanswered):
            await http(slow).send(HttpRequest(method="GET", url=slow, timeout_s=0.3))
        never.set()


@pytest.mark.parametrize("url", ["ftp://example.com/", "https://exa mple/", "https://xn--a-ecp.ru\ud800/"])
async def test_what_is_no_address_is_not_sent(url: str) -> None:
    with pytest.raises(HttpUnsent):
        await GuardedHttp(Vault()).send(HttpRequest(method="GET", url=url))


def _json(body: bytes) -> Any:

    return json.loads(body)


async def test_a_private_host_is_reached_when_the_operator_names_it(address: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    request = HttpRequest(method="GET", url=f"{address}/echo")
    allowed: list[str] = []
    port_of = GuardedHttp(Vault(), private=lambda: allowed)

    with pytest.raises(HttpUnsent, match=r"settings\.http\.allow_private"):
        await port_of.send(request)
    allowed.append(f"{host}:1")
    with pytest.raises(HttpUnsent):
        await port_of.send(request)
    allowed.append(f"{host}:{port}")
    assert (await port_of.send(request)).status == 200


@pytest.mark.parametrize(
    ("addresses", "reached"),
    [
        (["10.20.3.4"], True),
        (["10.20.3.4", "93.184.215.14"], True),
        (["10.21.0.1"], False),
        (["10.20.3.4", "10.21.0.1"], False),
        (["127.0.0.1"], False),
        (["169.254.169.254"], False),
        (["fd12:3456::1"], True),
        (["::ffff:10.20.3.4"], True),
    ],
)
async def test_a_network_counts_for_every_name_that_leads_into_it(addresses: list[str], reached: bool) -> None:
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [ip_address(one) for one in addresses]

    guard = Guard("public", resolver, [ip_network("10.20.0.0/16"), ip_network("fd12:3456::/32")])
    if reached:
        assert await guard.addresses("tickets.corp.example", 443) == [ip_address(one) for one in addresses]
    else:
        with pytest.raises(Blocked):
            await guard.addresses("tickets.corp.example", 443)
    assert asked == ["tickets.corp.example"]
