"""OAuth for workspaces: the official SDK's client from a refusal to a call, and everything that must not work."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import mcp
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.gateway.access.desk import OPERATOR
from botkit.gateway.access.oauth import clients

SERVER = Path(__file__).with_name("plain_server.py")
CONFIG = """\
version: 1
servers:
  orders: {{command: {python}, args: [{file}, find, refund], env: {{EFFECTS: {effects}}}}}
workspaces:
  open: &desk
    servers: [orders]
    tools: {{orders__find: {{class: read-only}}, orders__refund: {{class: destructive}}}}
    oauth: true
  other: *desk
  closed: {{servers: [orders]}}
bots:
  helper: {{name: Helper}}
"""
CLIENT = "https://client.example.com/oauth.json"
CALLBACK = "http://127.0.0.1:7777/callback"
DOCUMENT = {"client_id": CLIENT, "client_name": "A <Client>", "redirect_uris": ["http://127.0.0.1/callback"]}
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class House:
    def __init__(self, serving: Serving):
        self.instance = serving.instance
        self.base = serving.url.rstrip("/")
        self.http = httpx.AsyncClient(base_url=self.base, timeout=60)

    async def member(self, name: str = "ada", workspace: str = "open", **options: Any) -> str:
        return (await self.instance.access.create_token(workspace, by=OPERATOR, name=name, **options)).token

    def request(self, **changed: str) -> dict[str, str]:
        """The parameters of a good request for consent; empty ones are left out."""
        given = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "s-1",
            "resource": f"{self.base}/ws/open",
            **changed,
        }
        return {key: value for key, value in given.items() if value}

    async def consent(self, token: str, *, decision: str = "allow", **changed: str) -> httpx.Response:
        """As a person with a browser: look at the page, enter the token, press the button."""
        page = await self.http.get("/oauth/open/authorize", params=self.request(**changed))
        return await self.press(page, token, decision=decision)

    async def press(
        self, page: httpx.Response, token: str, *, decision: str = "allow", **headers: str
    ) -> httpx.Response:
        assert page.status_code == 200, page.text
        found = re.search(r'name="request" value="([^"]+)"', page.text)
        assert found is not None
        form = {"request": unescape(found[1]), "token": token, "decision": decision}
        return await self.http.post("/oauth/open/authorize", data=form, headers=headers)

    async def code(self, token: str, **changed: str) -> str:
        return answer(await self.consent(token, **changed))["code"]

    async def exchange(self, workspace: str = "open", **form: str) -> httpx.Response:
        return await self.http.post(f"/oauth/{workspace}/token", data={"client_id": CLIENT, **form})

    async def by_code(self, code: str, **changed: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
        return await self.exchange(**{**form, **changed})

    async def refresh(self, token: str, **changed: str) -> httpx.Response:
        return await self.exchange(**{"grant_type": "refresh_token", "refresh_token": token, **changed})

    async def status(self, token: str, workspace: str = "open") -> int:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        return (await self.http.post(f"/ws/{workspace}", json=body, headers=headers)).status_code


def answer(response: httpx.Response) -> Mapping[str, str]:
    """What the browser was sent back with."""
    assert response.status_code == 303, response.text
    target = urlsplit(response.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    return {key: values[0] for key, values in parse_qs(target.query).items()}


@pytest.fixture
async def house(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async def fetch(url: str) -> bytes:
        assert url == CLIENT
        return json.dumps(DOCUMENT).encode()

    monkeypatch.setattr(clients, "fetch_document", fetch)
    text = CONFIG.format(python=sys.executable, file=SERVER, effects=folder / "effects")
    (folder / "bots.yaml").write_text(text)
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        house = House(serving)
        async with house.http:
            yield house


class Storage:
    """What the SDK's client remembers."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@pytest.mark.parametrize("published", [True, False], ids=["document", "registration"])
async def test_the_official_client_finds_its_way_from_a_refusal_to_a_call(house: House, published: bool) -> None:
    token = await house.member(role="read-only")
    await house.instance.gateway.ready(60)
    came: dict[str, str] = {}

    async def redirect(url: str) -> None:
        page = await house.http.get(url)
        came.update(answer(await house.press(page, token)))

    async def callback() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=came["code"], state=came["state"], iss=came["iss"])

    storage = Storage()
    metadata = OAuthClientMetadata(
        client_name="SDK",
        redirect_uris=[cast("Any", CALLBACK)],
        token_endpoint_auth_method="none",
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
    )
    auth = OAuthClientProvider(
        f"{house.base}/ws/open",
        metadata,
        storage,
        redirect,
        callback,
        client_metadata_url=CLIENT if published else None,
    )
    http = httpx2.AsyncClient(auth=auth, timeout=60)
    async with http, mcp.Client(streamable_http_client(f"{house.base}/ws/open", http_client=http)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["orders__find"]
        result = await client.call_tool("orders__find", {})
        assert '"tool": "find"' in result.content[0].text  # type: ignore[union-attr]
    assert storage.tokens is not None
    assert storage.client is not None
    assert (storage.client.client_id == CLIENT) is published
    assert await house.status(storage.tokens.access_token) == 200
    assert await house.status(storage.tokens.access_token, "other") == 401
    (issued,) = [row for row in await house.instance.store.members.tokens() if row.origin == "oauth"]
    assert issued.client == storage.client.client_id[:1000]
    acts = {audit.action for audit in await house.instance.store.records.audits()}
    assert "oauth.consent" in acts


async def test_only_workspaces_that_switched_it_on_speak_of_it(house: House) -> None:
    for path in (
        "/.well-known/oauth-protected-resource/ws/closed",
        "/.well-known/oauth-authorization-server/oauth/closed",
        "/oauth/closed/authorize",
        "/.well-known/oauth-protected-resource/ws/nowhere",
    ):
        assert (await house.http.get(path)).status_code == 404
    assert (await house.exchange("closed", grant_type="refresh_token")).status_code == 404
    closed, opened = [await house.http.post(f"/ws/{slug}", json={}) for slug in ("closed", "open")]
    assert closed.headers["www-authenticate"] == "Bearer"
    named = re.search(r'resource_metadata="([^"]+)"', opened.headers["www-authenticate"])
    assert named is not None
    metadata = (await house.http.get(named[1])).json()
    assert metadata["resource"] == f"{house.base}/ws/open"
    issuer = str(metadata["authorization_servers"][0])
    parts = urlsplit(issuer)
    found = await house.http.get(f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}")
    assert found.json()["issuer"] == issuer
    assert found.json()["code_challenge_methods_supported"] == ["S256"]


async def test_the_page_shows_who_asks_and_where_the_answer_goes(house: House) -> None:
    page = await house.http.get("/oauth/open/authorize", params=house.request())
    assert "A &lt;Client&gt; (client.example.com)" in page.text
    assert "<Client>" not in page.text
    assert CALLBACK in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_whoever_refuses_or_has_no_good_token_gives_nothing(house: House) -> None:
    token = await house.member()
    assert answer(await house.consent(token, decision="deny"))["error"] == "access_denied"
    foreign = await house.member(workspace="other")
    for wrong in ("", "mwt_nobody_00", foreign):
        refused = await house.consent(wrong)
        assert refused.status_code == 403
        assert "location" not in refused.headers
    tokens = (await house.by_code(await house.code(token))).json()
    assert (await house.consent(tokens["access_token"])).status_code == 403  # one client cannot let the next one in


async def test_a_form_works_in_the_browser_it_was_made_for_and_from_our_page_only(house: House) -> None:
    token = await house.member()
    page = await house.http.get("/oauth/open/authorize", params=house.request())
    crossed = await house.press(page, token, **{"sec-fetch-site": "cross-site"})
    assert crossed.status_code == 403
    house.http.cookies.clear()
    assert (await house.press(page, token)).status_code == 400
    other = await house.http.get("/oauth/open/authorize", params=house.request())
    assert (await house.press(page, token)).status_code == 400  # another cookie than the page's
    assert (await house.press(other, token)).status_code == 303


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "https://client.example.com/"},
        {"client_id": "http://client.example.com/oauth.json"},
        {"client_id": "reg.forged"},
        {"client_id": "somebody"},
        {"redirect_uri": "https://evil.example.com/callback"},
        {"redirect_uri": "http://127.0.0.1:7777/other"},
        {"redirect_uri": "http://127.0.0.1:7777/callback?x=1"},
        {"redirect_uri": "http://localhost:7777/callback"},
        {"redirect_uri": "http://127.0.0.1@evil.example.com/callback"},
    ],
)
async def test_an_unknown_client_or_address_is_told_to_the_person_and_never_redirected(
    house: House, changed: dict[str, str]
) -> None:
    page = await house.http.get("/oauth/open/authorize", params=house.request(**changed))
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"resource": "https://elsewhere.example.com/ws/open"}, "invalid_target"),
    ],
)
async def test_other_mistakes_are_told_to_the_client(house: House, changed: dict[str, str], error: str) -> None:
    told = answer(await house.http.get("/oauth/open/authorize", params=house.request(**changed)))
    assert (told["error"], told["state"], told["iss"]) == (error, "s-1", f"{house.base}/oauth/open")


async def test_a_code_is_good_once_for_its_client_and_verifier(house: House) -> None:
    token = await house.member()
    for changed in (
        {"code_verifier": "w" * 64},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"client_id": "https://other.example.com/x"},
        {"resource": f"{house.base}/ws/other"},
    ):
        refused = await house.by_code(await house.code(token), **changed)
        assert refused.status_code == 400, changed
        assert refused.json()["error"] in ("invalid_grant", "invalid_target")
    assert (await house.by_code("nothing")).json()["error"] == "invalid_grant"
    code = await house.code(token)
    assert (await house.by_code(code, workspace="other")).status_code == 400
    code = await house.code(token)
    tokens = (await house.by_code(code)).json()
    assert await house.status(tokens["access_token"]) == 200
    assert (await house.by_code(code)).json()["error"] == "invalid_grant"
    assert await house.status(tokens["access_token"]) == 401  # somebody has a copy of the code
    assert (await house.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert await house.status(token) == 200


async def test_refresh_tokens_rotate_and_a_copy_ends_everything(house: House) -> None:
    token = await house.member(allow=("orders__find",))
    first = (await house.by_code(await house.code(token))).json()
    second = (await house.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await house.status(second["access_token"]) == 200
    rows = [row for row in await house.instance.store.members.tokens() if row.origin == "oauth"]
    assert {row.allow for row in rows} == {("orders__find",)}
    assert (await house.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    for tokens in (first, second):
        assert await house.status(tokens["access_token"]) == 401
    assert (await house.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_the_token_or_removing_the_member_ends_what_the_client_holds(house: House) -> None:
    desk = house.instance.access
    token = await house.member()
    held = (await house.by_code(await house.code(token))).json()
    (row,) = [row for row in await house.instance.store.members.tokens() if row.origin == "oauth"]
    await desk.revoke_token("open", row.id, by=OPERATOR)
    assert await house.status(held["access_token"]) == 401
    assert (await house.refresh(held["refresh_token"])).status_code == 400
    again = (await house.by_code(await house.code(token))).json()
    gone = await house.http.post("/oauth/open/revoke", data={"token": again["refresh_token"]})
    assert gone.status_code == 200
    assert await house.status(again["access_token"]) == 401
    last = (await house.by_code(await house.code(token))).json()
    code = await house.code(token)
    await desk.remove("open", "ada", by=OPERATOR)
    assert await house.status(last["access_token"]) == 401
    assert (await house.refresh(last["refresh_token"])).status_code == 400
    assert (await house.by_code(code)).status_code == 400


async def test_registrations_are_checked_and_leave_nothing_behind(house: House) -> None:
    for uris in ([], ["http://client.example.com/cb"], ["javascript:alert(1)"], ["https://a.example/cb#x"], ["x"]):
        wrong = await house.http.post("/oauth/open/register", json={"redirect_uris": uris})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client_metadata")
    made = await house.http.post("/oauth/open/register", json={"redirect_uris": ["cursor://callback", CALLBACK]})
    assert made.status_code == 201
    page = await house.http.get(
        "/oauth/open/authorize",
        params=house.request(client_id=made.json()["client_id"], redirect_uri="cursor://callback"),
    )
    assert "registered itself" in page.text
    assert "form-action 'self' cursor:;" in page.headers["content-security-policy"]
    huge = await house.http.post("/oauth/open/register", content=b"x" * 100_000)
    assert huge.status_code == 413
