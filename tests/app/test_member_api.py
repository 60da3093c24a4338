"""What members do over HTTP with their token: every row of the permission table, for each role."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.http.members import ENDPOINTS, Endpoint
from botkit.app.member_desk import Visitor
from botkit.app.serve import Serving, serve
from botkit.core.members import MEMBER_ROLES
from botkit.gateway.access.desk import OPERATOR
from botkit.gateway.access.permissions import ACTIONS, may
from botkit.testing.stores.members import a_member, a_token

SERVER = Path(__file__).with_name("plain_server.py")
CONFIG = """\
version: 1
servers:
  db: {{command: {python}, args: [{file}, run_query, list_tables], env: {{EFFECTS: {effects}}}}}
  deploy: {{command: {python}, args: [{file}, rollback], env: {{EFFECTS: {effects}}}}}
workspaces:
  desk:
    servers: [db]
    tools: {{db__list_tables: {{class: read-only}}, db__run_query: {{class: read-only, approve: true}}}}
  other: {{servers: [db, deploy]}}
"""
BY_OPERATOR = {"bots.manage", "workflows.manage", "workspace.manage"}
"""Rows whose acts change bots.yaml, which a whole instance shares."""
SECRET = "s3cret-of-the-desk"


class Office:
    """An instance that serves, with a member of each role in `desk` and an admin in `other`."""

    def __init__(self, serving: Serving):
        self.instance = serving.instance
        self.access = serving.instance.access
        self.http = httpx.AsyncClient(base_url=serving.url, timeout=60)
        self.tokens: dict[str, str] = {}

    async def token(self, workspace: str, name: str, **options: Any) -> str:
        return (await self.access.create_token(workspace, by=OPERATOR, name=name, **options)).token

    async def fill(self) -> None:
        for role in MEMBER_ROLES:
            self.tokens[role] = await self.token("desk", role, role=role)
        self.tokens["stranger"] = await self.token("other", "stranger", role="admin")

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, workspace: str = "desk", **more: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens.get(who, who)}", **more.pop("headers", {})}
        return await self.http.request(
            method, f"ws/{workspace}/api{path}", headers=headers, **({"json": body} if body is not None else {}), **more
        )

    async def acts(self) -> list[tuple[str, str, str]]:
        """Who did what by which way, oldest first."""
        rows = await self.instance.store.records.audits(limit=1000)
        return [(row.actor, row.via, row.action) for row in reversed(rows)]

    async def approval(self, who: str, order: int) -> str:
        """A call of somebody that waits for approval."""
        params = {"name": "db__run_query", "arguments": {"number": order}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"authorization": f"Bearer {self.tokens[who]}", "accept": "application/json, text/event-stream"}
        reply = await self.http.post("ws/desk", json=body, headers=headers)
        return str(reply.json()["error"]["data"]["approvalId"])


@pytest.fixture
async def office(folder: Path) -> AsyncIterator[Office]:
    text = CONFIG.format(python=sys.executable, file=SERVER, effects=folder / "effects")
    (folder / "bots.yaml").write_text(text)
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.gateway.ready(60)
        office = Office(serving)
        await office.fill()
        async with office.http:
            yield office


async def sample(office: Office, endpoint: Endpoint, role: str) -> tuple[str, Any]:
    """A good request: path and body, with everything it needs in place."""
    spot = {"name": "API_KEY", "server": "db"}
    if "{token}" in endpoint.path:
        made = await office.access.create_token("desk", by=OPERATOR, name=f"spare of {role}", member=role)
        spot["token"] = made.row.id
    if "{member}" in endpoint.path:
        await office.token("desk", f"guest of {role} for {endpoint.method}", role="read-only")
        spot["member"] = f"guest of {role} for {endpoint.method}"
    if "{approval}" in endpoint.path:
        spot["approval"] = await office.approval("developer", len(role))
    if endpoint.method == "DELETE" and "{name}" in endpoint.path:
        await office.instance.vault.put("workspace:desk", "API_KEY", SECRET)
    bodies: dict[tuple[str, str], Any] = {
        ("POST", "/tokens"): {"name": f"laptop of {role}"},
        ("POST", "/members"): {"name": f"invited by {role}", "role": "read-only"},
        ("PATCH", "/members/{member}"): {"role": "developer"},
        ("PUT", "/secrets/{name}"): {"value": SECRET},
        ("POST", "/approvals/{approval}"): {"approved": True},
    }
    return endpoint.path.format(**spot), bodies.get((endpoint.method, endpoint.path))


@pytest.mark.parametrize("role", MEMBER_ROLES)
async def test_each_role_may_what_the_table_says_and_each_act_leaves_a_row(office: Office, role: Any) -> None:
    for endpoint in ENDPOINTS:
        path, body = await sample(office, endpoint, role)
        before = len(await office.acts())
        reply = await office.ask(role, endpoint.method, path, body)
        acts = (await office.acts())[before:]
        allowed = endpoint.action is None or may(role, endpoint.action)
        case = f"{role}: {endpoint.method} {endpoint.path}: {reply.status_code} {reply.text}"
        if not allowed:
            assert (reply.status_code, acts) == (403, []), case
            assert reply.json()["error"]["code"] == "denied", case
            continue
        assert reply.status_code in (200, 204), case
        assert reply.headers["cache-control"] == "no-store", case
        changed = [] if endpoint.method == "GET" else [(role, "api")]
        assert [act[:2] for act in acts] == changed, case
        assert SECRET not in reply.text, case


def test_every_row_of_the_table_is_an_address_or_the_operators() -> None:
    served = {endpoint.action for endpoint in ENDPOINTS} - {None}
    assert served | {"tokens.manage"} == set(ACTIONS) - BY_OPERATOR


@pytest.mark.parametrize("role", MEMBER_ROLES)
async def test_tokens_of_others_are_for_admins(office: Office, role: Any) -> None:
    (of_another,) = [row for row, owner in await office.access.tokens("desk", by=OPERATOR) if owner.name == "read-only"]
    made = await office.ask(role, "POST", "/tokens", {"name": "for another", "member": "read-only"})
    listed = await office.ask(role, "GET", "/tokens")
    ended = await office.ask(role, "DELETE", f"/tokens/{of_another.id}")
    if role == "admin":
        assert (made.status_code, ended.status_code) == (200, 204)
        assert {one["member"] for one in listed.json()["tokens"]} == set(MEMBER_ROLES)
    elif role == "developer":
        assert (made.status_code, ended.status_code) == (403, 403)
        assert {one["member"] for one in listed.json()["tokens"]} == {role}
    else:
        assert {made.status_code, listed.status_code, ended.status_code} == {403}


async def test_a_member_acts_in_their_own_workspace_alone(office: Office) -> None:
    for endpoint in ENDPOINTS:
        path, body = await sample(office, endpoint, "developer")
        crossed = await office.ask("stranger", endpoint.method, path, body)
        nowhere = await office.ask("stranger", endpoint.method, path, body, workspace="nowhere")
        assert (crossed.status_code, nowhere.status_code) == (401, 401), endpoint
        assert crossed.content == nowhere.content
    (token, _), *_ = await office.access.tokens("desk", by=OPERATOR)
    waits = await office.approval("developer", 99)
    for method, path, body in (
        ("DELETE", f"/tokens/{token.id}", None),
        ("DELETE", "/members/admin", None),
        ("PATCH", "/members/admin", {"role": "read-only"}),
        ("POST", "/approvals/" + waits, {"approved": True}),
        ("POST", "/servers/nothing/refresh", None),
    ):
        reply = await office.ask("stranger", method, path, body, workspace="other")
        assert reply.status_code == 404, (method, path, reply.text)
    servers = (await office.ask("admin", "GET", "/servers")).json()["servers"]
    assert [one["name"] for one in servers] == ["db"]
    assert str(SERVER) not in str(servers)
    acts = (await office.ask("admin", "GET", "/audit?limit=1000")).json()["acts"]
    assert acts
    assert not any("stranger" in str(one) or "other/" in one["target"] for one in acts)


async def test_a_new_token_works_and_ends_no_later_than_the_one_it_was_made_with(office: Office) -> None:
    office.tokens["short"] = await office.token("desk", "short", member="developer", expires_in_s=3600)
    (parent,) = [row for row, _ in await office.access.tokens("desk", by=OPERATOR) if row.name == "short"]
    for wanted, expected in (({}, parent.expires_at), ({"expires_in_s": 86_400}, parent.expires_at)):
        made = (await office.ask("short", "POST", "/tokens", {"name": "child", **wanted})).json()
        assert made["expires_at"] == expected
        assert (await office.ask(made["token"], "GET", "")).json()["member"] == "developer"
    sooner = (await office.ask("short", "POST", "/tokens", {"name": "child", "expires_in_s": 60})).json()
    assert sooner["expires_at"] < parent.expires_at
    assert (await office.ask("developer", "POST", "/tokens", {"name": "x", "role": "admin"})).status_code == 409


@pytest.mark.parametrize(
    "scope", [{"allow": ("db__*",)}, {"deny": ("db__x",)}, {"per_minute": 100}, {"per_month": 100}], ids=str
)
async def test_a_narrowed_token_only_looks(office: Office, scope: dict[str, Any]) -> None:
    office.tokens["narrow"] = await office.token("desk", "narrow", member="admin", **scope)
    before = await office.acts()
    for endpoint in ENDPOINTS:
        path, body = await sample(office, endpoint, "admin")
        before = await office.acts()
        reply = await office.ask("narrow", endpoint.method, path, body)
        assert reply.status_code == (200 if endpoint.method == "GET" else 403), (endpoint, reply.text)
        assert await office.acts() == before
    assert (await office.ask("narrow", "GET", "")).json()["only_looks"] is True


async def test_nobody_approves_calls_of_their_own_or_those_for_others_to_decide(office: Office) -> None:
    own = await office.approval("admin", 1)
    assert (await office.ask("admin", "POST", f"/approvals/{own}", {"approved": True})).status_code == 403
    waiting = await office.approval("developer", 2)
    listed = (await office.ask("admin", "GET", "/approvals")).json()["approvals"]
    assert {one["id"] for one in listed} == {own, waiting}
    assert (await office.ask("admin", "POST", f"/approvals/{waiting}", {"approved": False})).status_code == 200
    second = await office.ask("admin", "POST", f"/approvals/{waiting}", {"approved": True})
    assert second.status_code == 409


async def test_an_invitation_lets_somebody_in_with_the_role_it_names(office: Office) -> None:
    invited = (await office.ask("admin", "POST", "/members", {"name": "Bo", "role": "read-only"})).json()
    accepted = await office.access.accept(invited["code"], via="page")
    assert (await office.ask(accepted.token, "GET", "")).json()["may"] == ["analytics.view"]
    await office.ask("admin", "DELETE", "/members/Bo")
    assert (await office.ask(accepted.token, "GET", "")).status_code == 401
    assert (await office.ask("admin", "DELETE", "/members/admin")).status_code == 409


async def test_what_comes_from_other_sites_or_with_the_token_in_the_address_is_refused(office: Office) -> None:
    token = office.tokens["admin"]
    strange = {"origin": "https://evil.example"}
    assert (await office.ask("admin", "GET", "", headers=strange)).status_code == 403
    assert (await office.ask("admin", "GET", "", headers={"host": "evil.example"})).status_code == 421
    assert (await office.http.get(f"ws/desk/api?token={token}")).status_code == 401
    assert (await office.ask("admin", "GET", f"?access_token={token}")).status_code == 401
    assert (await office.http.get("ws/desk/api")).status_code == 401
    text = {"content-type": "text/plain"}
    plain = await office.ask("admin", "POST", "/members", content=b'{"name": "x"}', headers=text)
    assert plain.status_code == 415
    assert (await office.ask("admin", "PUT", "/members")).headers["allow"] == "GET, POST"


async def test_a_request_that_does_not_fit_says_what_is_wrong_and_never_a_value(office: Office) -> None:
    for method, path, body in (
        ("POST", "/tokens", {"name": "x", "person": "ada"}),  # nobody becomes somebody else of the chat platforms
        ("POST", "/tokens", {"name": "x", "per_minute": -1}),
        ("POST", "/tokens", {"name": "x", "allow": ["two words"]}),
        ("POST", "/members", {"name": "x", "role": "owner"}),
        ("PUT", "/secrets/KEY", {"value": ""}),
        ("PUT", "/secrets/KEY", {"value": "v" * 70_000}),
        ("PUT", "/secrets/KEY", {"value": [SECRET]}),
        ("GET", "/logs?limit=0", None),
        ("GET", "/logs?since=1", None),
    ):
        reply = await office.ask("admin", method, path, body)
        assert reply.status_code == 422, (method, path, body, reply.text)
        assert SECRET not in reply.text
    assert (await office.ask("admin", "PUT", "/secrets/KEY", {"value": "v" * 600_000})).status_code == 413


async def test_a_stored_secret_is_the_workspaces_own_and_is_never_told(office: Office) -> None:
    await office.ask("developer", "PUT", "/secrets/api-key", {"value": SECRET})
    assert await office.instance.vault.reveal("workspace:desk", "API_KEY") == SECRET
    listed = (await office.ask("developer", "GET", "/secrets")).json()["secrets"]
    assert [sorted(one) for one in listed] == [["name", "updated_at", "version"]]
    acts = await office.ask("admin", "GET", "/audit")
    assert "secrets.set" in acts.text
    assert SECRET not in acts.text


async def test_a_token_asks_so_often_a_minute_and_others_go_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botkit.app.http.members.CALLS_PER_MINUTE", 2)
    replies = [await office.ask("developer", "GET", "") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert (await office.ask("admin", "GET", "")).status_code == 200


def test_a_token_that_a_login_gave_to_a_program_only_looks() -> None:
    member = a_member("Ada", "desk", role="admin")
    assert Visitor(member=member, token=a_token(member, origin="oauth", client="some-client")).only_looks
    assert not Visitor(member=member, token=a_token(member)).only_looks
