"""web.py: pages as text, and no way into the private network."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import pytest

Ask = Callable[..., Awaitable[Any]]

PAGE = """<!doctype html><html><head><title> Tea
 shop </title><style>p {color: red}</style></head><body><h1>Tea &amp; more</h1><script>alert(1)</script>
<p>Open from <b>nine</b> to five.</p><ul><li>Green</li><li><a href="/black#top">Black</a></li></ul>
<a href="/black">again</a> <a href="mailto:x@example.com">mail</a></body></html>"""


class Site:
    """A small web server on loopback: a path answers with fixed bytes."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.port = 0

    def page(self, path: str, body: bytes, *headers: str, status: str = "200 OK") -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
        self.answers[path] = head.encode() + b"\r\n\r\n" + body

    def redirect(self, path: str, target: str) -> None:
        self.page(path, b"", f"Location: {target}", status="302 Found")

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        writer.write(self.answers[request.split(" ")[1]])
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with await asyncio.start_server(site.serve, "127.0.0.1", 0) as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_WEB_ALLOW", "127.0.0.0/8")


@pytest.mark.usefixtures("allowed")
async def test_a_page_is_read_as_text(ask: Ask, site: Site) -> None:
    site.page("/", PAGE.encode(), "Content-Type: text/html; charset=utf-8")
    page = await ask("web", "fetch", url=site.url("/"))
    assert page["title"] == "Tea shop"
    assert page["text"] == "# Tea & more\n\nOpen from nine to five.\n\n- Green\n\n- Black\n\nagain mail"
    assert (page["status"], page["next_start"], page["cut"]) == (200, None, False)


@pytest.mark.usefixtures("allowed")
async def test_links_are_absolute_and_named_once(ask: Ask, site: Site) -> None:
    site.page("/", PAGE.encode(), "Content-Type: text/html")
    found = await ask("web", "links", url=site.url("/"))
    assert found["links"] == [{"url": site.url("/black"), "text": "Black"}]


@pytest.mark.usefixtures("allowed")
async def test_a_long_text_comes_in_parts(ask: Ask, site: Site) -> None:
    site.page("/t", b"0123456789" * 30, "Content-Type: text/plain")
    first = await ask("web", "fetch", url=site.url("/t"), max_chars=200)
    rest = await ask("web", "fetch", url=site.url("/t"), max_chars=200, start=first["next_start"])
    assert first["text"] + rest["text"] == "0123456789" * 30
    assert rest["next_start"] is None


@pytest.mark.usefixtures("allowed")
async def test_a_small_body_that_unpacks_to_a_huge_one_is_cut(ask: Ask, site: Site) -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    site.page("/", bomb, "Content-Type: text/plain", "Content-Encoding: gzip")
    page = await ask("web", "fetch", url=site.url("/"))
    assert page["cut"]
    assert page["total_chars"] == 2 * 1024 * 1024


@pytest.mark.usefixtures("allowed")
async def test_what_is_not_text_is_not_read(ask: Ask, site: Site) -> None:
    site.page("/i", b"\x89PNG", "Content-Type: image/png")
    assert "holds image/png, not text" in await ask("web", "fetch", url=site.url("/i"))


@pytest.mark.usefixtures("allowed")
async def test_a_wrong_or_unknown_charset_still_gives_text(ask: Ask, site: Site) -> None:
    site.page("/a", b"caf\xe9", "Content-Type: text/plain; charset=latin-1")
    site.page("/b", b"caf\xe9", "Content-Type: text/plain; charset=no-such")
    assert (await ask("web", "fetch", url=site.url("/a")))["text"] == "café"
    assert (await ask("web", "fetch", url=site.url("/b")))["text"] == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://0:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[fe80::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(ask: Ask, site: Site, url: str) -> None:
    answer = await ask("web", "fetch", url=url.format(port=site.port))
    assert "private network" in answer, answer
    assert site.requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "Only http"),
        ("gopher://example.com/", "Only http"),
        ("http://user:pass@93.184.216.34/", "user name or password"),
        ("http://93.184.216.34:22/", "Port 22"),
        ("http://[::1/", "not a web address"),
        ("http://host:99999999/", "not a web address"),
        ("not an address", "Only http"),
    ],
)
async def test_only_plain_web_addresses_are_fetched(ask: Ask, url: str, reason: str) -> None:
    assert reason in await ask("web", "fetch", url=url)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("target", ["http://169.254.169.254/", "//10.0.0.1/x", "http://[::ffff:10.0.0.1]/", "ftp://x/"])
async def test_a_redirect_is_checked_like_the_first_address(ask: Ask, site: Site, target: str) -> None:
    site.redirect("/", target)
    answer = await ask("web", "fetch", url=site.url("/"))
    assert "private network" in answer or "Only http" in answer
    assert len(site.requests) == 1


@pytest.mark.usefixtures("allowed")
async def test_redirects_are_followed_a_few_times(ask: Ask, site: Site) -> None:
    site.redirect("/a", "/b")
    site.page("/b", b"here", "Content-Type: text/plain")
    site.redirect("/loop", "/loop")
    page = await ask("web", "fetch", url=site.url("/a"))
    assert (page["text"], page["url"]) == ("here", site.url("/b"))
    assert "redirects more than 5 times" in await ask("web", "fetch", url=site.url("/loop"))


@pytest.mark.usefixtures("allowed")
async def test_the_connection_goes_to_the_address_that_was_checked(
    load: Callable[[str], ModuleType], site: Site
) -> None:
    """DNS rebinding: the name is resolved once for each request and never by the HTTP client."""
    site.page("/", b"pinned", "Content-Type: text/plain")
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [ip_address("127.0.0.1")]

    response, _ = await load("web").fetch_page(site.url("/", host="shop.invalid"), resolver)
    assert response.text == "pinned"
    assert asked == ["shop.invalid"]
    assert f"Host: shop.invalid:{site.port}" in site.requests[0]


async def test_one_private_address_among_public_ones_is_enough_to_refuse(load: Callable[[str], ModuleType]) -> None:
    async def resolver(host: str, port: int) -> list[Any]:
        return [ip_address("93.184.216.34"), ip_address("10.0.0.5")]

    with pytest.raises(Exception, match="private network"):
        await load("web").fetch_page("http://mixed.example/", resolver)


async def test_an_unknown_name_and_a_dead_server_are_honest_errors(
    ask: Ask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "could not be resolved" in await ask("web", "fetch", url="http://nowhere.invalid/")
    monkeypatch.setenv("BOTKIT_WEB_ALLOW", "127.0.0.1")
    async with await asyncio.start_server(site.serve, "127.0.0.1", 0) as gone:
        port = gone.sockets[0].getsockname()[1]
    assert "could not be reached" in await ask("web", "fetch", url=f"http://127.0.0.1:{port}/")


@pytest.mark.usefixtures("allowed")
async def test_a_server_that_never_answers_ends_at_the_deadline(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    module = load("web")
    monkeypatch.setattr(module, "TOTAL_TIMEOUT_S", 0.05)
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Exception, match="did not arrive within"):
            await module.fetch_page(f"http://127.0.0.1:{port}/")
        hung.set()


@pytest.mark.parametrize("address", ["2606:4700::1111", "93.184.216.34", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(load: Callable[[str], ModuleType], address: str) -> None:
    assert load("web").is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16", "100.64.0.1", "198.18.0.1", "fc00::1",
     "fec0::1", "ff02::1", "2002:7f00:1::", "64:ff9b:1::808:808", "::", "::8.8.8.8", "2001:0:1::1", "fd00:ec2::254"],
)  # fmt: skip
def test_everything_else_is_not(load: Callable[[str], ModuleType], address: str) -> None:
    assert not load("web").is_public(ip_address(address))
