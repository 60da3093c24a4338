"""Who may talk to the page's server, and what every answer carries."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from botkit.console.guard import BODY_LIMIT_BYTES, http_status
from botkit.core.errors import BotkitError, Conflict, Denied, LimitReached, NotFound, StoreBusy, StoreFull
from tests.console.fake import FakeConsole
from tests.console.support import ORIGIN, client_of, message

MESSAGES = "/api/sandbox/messages"


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/run_x", "/api/sandbox/overview", "/api/sandbox/runs/run_x"])
async def test_every_answer_carries_the_strict_policy_also_an_error(path: str) -> None:
    async with client_of(FakeConsole()) as client:
        answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{ORIGIN}.evil.example"},
    ],
)
async def test_a_message_from_another_site_is_refused_and_not_sent(headers: dict[str, str]) -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post(MESSAGES, json=message(), headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "cross_site"
    assert fake.sent == []


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": ORIGIN}, {}])
async def test_our_own_page_and_clients_without_a_browser_may_send(headers: dict[str, str]) -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post(MESSAGES, json=message(), headers=headers)
    assert answer.status_code == 202
    assert len(fake.sent) == 1


async def test_another_site_may_link_to_the_page_and_not_read_its_interface() -> None:
    async with client_of(FakeConsole()) as client:
        page = await client.get("/", headers={"sec-fetch-site": "cross-site"})
        data = await client.get("/api/sandbox/chats", headers={"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert data.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_form_of_another_page_cannot_pass_for_json(kind: str) -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post(MESSAGES, content=b'{"room":"r"}', headers={"content-type": kind})
    assert answer.status_code == 415
    assert fake.sent == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"room": "r1"}',
        b'{"room": "r1", "bot": "concierge", "person": "ada", "text": 5}',
        b'{"room": "", "bot": "concierge", "person": "ada", "text": "x"}',
        b'{"room": "r1", "bot": "concierge", "person": "ada", "text": ""}',
        b'{"room": "r1", "bot": "concierge", "person": "ada", "text": "\xff\xfe"}',
        b'{"room": "r1", "bot": "concierge", "person": "ada", "text": "\\ud800"}',
        b'{"room": "' + b"r" * 129 + b'", "bot": "concierge", "person": "ada", "text": "x"}',
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_a_reason(body: bytes) -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        answer = await client.post(MESSAGES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The request does not fit")
    assert fake.sent == []


async def test_a_huge_body_is_cut_off_while_it_arrives() -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b"x" * 65536

    async with client_of(FakeConsole()) as client:
        answer = await client.post(MESSAGES, content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert sent <= BODY_LIMIT_BYTES + 2 * 65536


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (Denied("x"), 403),
        (LimitReached("x"), 413),
        (StoreBusy("x"), 503),
        (StoreFull("x"), 507),
        (BotkitError("x"), 500),
    ],
)
def test_each_error_has_its_status(error: BotkitError, status: int) -> None:
    assert http_status(error) == status
