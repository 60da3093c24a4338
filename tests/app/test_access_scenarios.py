"""What teams do with workspaces, over HTTP against a whole instance with real server processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from botkit.app.control import connect, socket_path
from botkit.app.environment import load_environment
from botkit.app.operations import Operations
from botkit.app.runtime import open_instance
from botkit.app.serve import Serving, serve
from botkit.core.errors import NotFound
from botkit.core.tools import CallRecord
from botkit.gateway.access.desk import OPERATOR
from botkit.gateway.approvals import WAIT_META

SERVER = Path(__file__).with_name("plain_server.py")
CONFIG = """\
version: 1
servers:
  internal-api:
    command: {python}
    args: [{file}, query_users, create_user]
    env: {{EFFECTS: {effects}, KEY: {{secret: API_KEY}}}}
  db: {{command: {python}, args: [{file}, run_query, list_tables], env: {{EFFECTS: {effects}}}}}
  deploy: {{command: {python}, args: [{file}, trigger_deploy, rollback], env: {{EFFECTS: {effects}}}}}
workspaces:
  engineering: &all
    servers: [internal-api, db, deploy]
    tools: &reviewed
      internal-api__query_users: {{class: read-only}}
      internal-api__create_user: {{class: write}}
      db__*: {{class: read-only}}
      deploy__*: {{class: destructive}}
  senior-eng: *all
  junior-eng: {{servers: [internal-api, db], tools: *reviewed}}
  client-acme: {{servers: [internal-api], tools: *reviewed}}
  client-globex: {{servers: [internal-api], tools: *reviewed}}
  guarded:
    servers: [db, deploy]
    tools:
      db__run_query: {{class: read-only}}
      deploy__*: {{class: destructive, approve: true}}
  tight: {{servers: [db], tools: *reviewed, rate_limits: {{per_token_per_minute: 3, per_month: 5}}}}
bots:
  helper: {{name: Helper}}
"""
KEYS = {"client-acme": "acme-key-0123456789", "client-globex": "globex-key-9876543210"}
SIX = {
    "internal-api__query_users",
    "internal-api__create_user",
    "db__run_query",
    "db__list_tables",
    "deploy__trigger_deploy",
    "deploy__rollback",
}


class Team:
    """An instance that serves, and clients of its workspaces."""

    def __init__(self, serving: Serving, effects: Path):
        self.serving = serving
        self.access = serving.instance.access
        self.ops: Operations = serving.operations
        self.effects = effects
        self.http = httpx.AsyncClient(base_url=serving.url, timeout=60)

    async def token(self, workspace: str, name: str, **options: Any) -> str:
        return (await self.access.create_token(workspace, by=OPERATOR, name=name, **options)).token

    async def post(self, workspace: str, token: str, method: str, **params: Any) -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        return await self.http.post(f"ws/{workspace}", json=body, headers=headers)

    async def tools(self, workspace: str, token: str) -> set[str]:
        reply = await self.post(workspace, token, "tools/list")
        assert reply.status_code == 200, reply.text
        return {tool["name"] for tool in reply.json()["result"]["tools"]}

    async def call(self, workspace: str, token: str, tool: str, **options: Any) -> dict[str, Any]:
        """The answer as JSON-RPC: `result` or `error`."""
        arguments = options.pop("arguments", {})
        reply = await self.post(workspace, token, "tools/call", name=tool, arguments=arguments, **options)
        if reply.headers["content-type"].startswith("text/event-stream"):
            lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
            return cast("dict[str, Any]", json.loads(lines[-1]))
        return cast("dict[str, Any]", reply.json())

    async def calls(self, count: int) -> list[CallRecord]:
        """The call log, once it has so many rows: they are written a moment after the answer."""
        async with asyncio.timeout(60):
            while True:
                rows = list(await self.serving.instance.store.records.calls(limit=1000))
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.01)

    def ran(self) -> list[str]:
        """Tools that really ran, in order."""
        return self.effects.read_text().split() if self.effects.exists() else []


@pytest.fixture
async def team(folder: Path) -> AsyncIterator[Team]:
    effects = folder / "effects"
    text = CONFIG.format(python=sys.executable, file=SERVER, effects=effects)
    (folder / "bots.yaml").write_text(text)
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with open_instance(environment, mode="command") as instance:
        secrets = Operations.of(instance).secrets
        await secrets.set(name="API_KEY", value="sk-shared-0123456789", by="ada")
        for workspace, key in KEYS.items():
            await secrets.set(name="API_KEY", value=key, scope=f"workspace:{workspace}", by="ada")
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.gateway.ready(60)
        team = Team(serving, effects)
        async with team.http:
            yield team


def said(reply: dict[str, Any]) -> dict[str, Any]:
    assert "result" in reply, reply
    assert not reply["result"].get("isError"), reply
    return cast("dict[str, Any]", json.loads(reply["result"]["content"][0]["text"]))


def refused(reply: dict[str, Any]) -> bool:
    return "error" in reply or bool(reply["result"].get("isError"))


async def test_thirty_engineers_share_six_tools_and_one_of_them_leaves(team: Team) -> None:
    tokens = [await team.token("engineering", f"engineer-{number}") for number in range(30)]
    assert all(found == SIX for found in await asyncio.gather(*(team.tools("engineering", one) for one in tokens)))
    calls = [team.call("engineering", token, "internal-api__query_users") for token in tokens]
    for reply in await asyncio.gather(*calls):
        assert said(reply)["tool"] == "query_users"
    leaver = tokens.pop(7)
    await team.access.remove("engineering", "engineer-7", by=OPERATOR)
    gone = await team.post("engineering", leaver, "tools/list")
    unknown = await team.post("engineering", "mwt_nobody_" + "0" * 64, "tools/list")
    assert gone.status_code == unknown.status_code == 401
    assert gone.content == unknown.content
    for reply in await asyncio.gather(*(team.call("engineering", token, "db__list_tables") for token in tokens)):
        assert said(reply)["tool"] == "list_tables"
    rows = await team.calls(59)
    assert len({row.principal for row in rows if row.tool == "internal-api__query_users"}) == 30
    members = {info.name: info for info in await team.ops.members.list(workspace="engineering")}
    assert len(members) == 29
    assert {info.calls for info in members.values()} == {2}


async def test_juniors_cannot_even_see_what_seniors_deploy_with(team: Team) -> None:
    senior, junior = await team.token("senior-eng", "ada"), await team.token("junior-eng", "bo")
    assert await team.tools("senior-eng", senior) == SIX
    assert await team.tools("junior-eng", junior) == {name for name in SIX if not name.startswith("deploy__")}
    assert said(await team.call("senior-eng", senior, "deploy__rollback"))["tool"] == "rollback"
    forbidden = await team.call("junior-eng", junior, "deploy__rollback")
    missing = await team.call("junior-eng", junior, "deploy__nothing")
    assert refused(forbidden)
    assert json.dumps(forbidden).replace("rollback", "nothing") == json.dumps(missing)
    crossed = await team.post("senior-eng", junior, "tools/list")
    assert crossed.status_code == 401
    assert team.ran() == ["rollback"]


async def test_the_secrets_of_two_clients_never_meet(team: Team) -> None:
    tokens = {workspace: await team.token(workspace, "consultant") for workspace in KEYS}
    replies = await asyncio.gather(
        *(team.call(workspace, tokens[workspace], "internal-api__query_users") for workspace in [*KEYS, *KEYS, *KEYS])
    )
    for workspace, reply in zip([*KEYS, *KEYS, *KEYS], replies, strict=True):
        assert said(reply)["key"] == hashlib.sha256(KEYS[workspace].encode()).hexdigest()
        assert not any(key in json.dumps(reply) for key in KEYS.values())
    assert (await team.post("client-globex", tokens["client-acme"], "tools/list")).status_code == 401
    shared = await team.token("engineering", "ada")
    expected = hashlib.sha256(b"sk-shared-0123456789").hexdigest()
    assert said(await team.call("engineering", shared, "internal-api__query_users"))["key"] == expected


async def test_roles_and_scopes_of_tokens_narrow_each_other(team: Team) -> None:
    reader = await team.token("engineering", "reader", role="read-only")
    looking = {"internal-api__query_users", "db__run_query", "db__list_tables"}
    assert await team.tools("engineering", reader) == looking
    assert refused(await team.call("engineering", reader, "deploy__rollback"))
    assert refused(await team.call("engineering", reader, "internal-api__create_user"))
    narrow = await team.token("engineering", "agent", member="reader", allow=("db__*", "deploy__*"), deny=("*__run_*",))
    assert await team.tools("engineering", narrow) == {"db__list_tables"}  # a scope widens nothing
    assert refused(await team.call("engineering", narrow, "db__run_query"))
    await team.access.set_role("engineering", "reader", "admin", by=OPERATOR)
    assert await team.tools("engineering", reader) == SIX
    assert await team.tools("engineering", narrow) == {"db__list_tables", "deploy__trigger_deploy", "deploy__rollback"}
    assert team.ran() == []


async def test_a_limit_and_a_quota_answer_when_to_come_back(team: Team) -> None:
    one, two = await team.token("tight", "ada"), await team.token("tight", "bo")
    for token in (one, two):
        for _ in range(3 if token == one else 2):
            assert said(await team.call("tight", token, "db__list_tables"))
    limited = await team.post("tight", one, "tools/call", name="db__list_tables", arguments={})
    assert limited.status_code == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 60
    used_up = await team.post("tight", two, "tools/call", name="db__list_tables", arguments={})
    assert used_up.status_code == 429
    assert int(used_up.headers["retry-after"]) > 60
    assert len(team.ran()) == 5
    rows = [row for row in await team.calls(7) if row.status == "limited"]
    assert len(rows) == 2


async def test_a_call_that_needs_approval_waits_for_a_person(team: Team) -> None:
    token = await team.token("guarded", "ada")
    wanted = {"service": "shop"}
    error = (await team.call("guarded", token, "deploy__rollback", arguments=wanted))["error"]
    assert error["code"] == -32050
    assert error["data"]["status"] == "pending"
    approval_id = error["data"]["approvalId"]
    again = (await team.call("guarded", token, "deploy__rollback", arguments=wanted))["error"]
    assert again["data"]["approvalId"] == approval_id
    (waiting,) = await team.ops.approvals.list()
    assert (waiting.id, waiting.person, waiting.tool, waiting.arguments) == (
        approval_id,
        "ada",
        "deploy__rollback",
        wanted,
    )
    await team.ops.approvals.decide(wait=approval_id, approved=True, by="bo")
    other = (await team.call("guarded", token, "deploy__rollback", arguments={"service": "bank"}))["error"]
    assert other["data"]["approvalId"] != approval_id
    assert team.ran() == []
    assert said(await team.call("guarded", token, "deploy__rollback", arguments=wanted))["arguments"] == wanted
    assert team.ran() == ["rollback"]
    spent = (await team.call("guarded", token, "deploy__rollback", arguments=wanted))["error"]
    assert spent["data"]["status"] == "pending"
    assert spent["data"]["approvalId"] not in (approval_id, other["data"]["approvalId"])
    await team.ops.approvals.decide(wait=spent["data"]["approvalId"], approved=False, by="bo", comment="not today")
    rejected = (await team.call("guarded", token, "deploy__rollback", arguments=wanted))["error"]
    assert (rejected["code"], rejected["data"]["status"], rejected["data"]["comment"]) == (
        -32050,
        "rejected",
        "not today",
    )
    assert team.ran() == ["rollback"]
    acts = {audit.action: audit for audit in await team.ops.reports.audits(limit=20)}
    assert acts["approvals.approve"].target == approval_id
    codes = [row.code for row in await team.calls(6)]
    assert sorted(codes) == ["", "approval", "approval", "approval", "approval", "approval_rejected"]


async def test_a_client_may_wait_for_the_decision_instead_of_polling(team: Team) -> None:
    token = await team.token("guarded", "ada")
    calling = asyncio.create_task(
        team.call("guarded", token, "deploy__trigger_deploy", _meta={WAIT_META: 60, "progressToken": "p"})
    )
    async with asyncio.timeout(60):
        while not (waiting := await team.ops.approvals.list()):
            await asyncio.sleep(0.01)
    assert not calling.done()
    await team.ops.approvals.decide(wait=waiting[0].id, approved=True, by="bo")
    assert said(await calling)["tool"] == "trigger_deploy"
    assert team.ran() == ["trigger_deploy"]


async def test_commands_act_through_the_process_that_serves(team: Team) -> None:
    """What the command line does while `botkit dev` runs: over the control socket, and at once."""
    async with connect(socket_path(team.serving.instance.home.path)) as client:
        assert client is not None
        ops = client.proxy(Operations)
        made = await ops.workspaces.create(name="Night shift", servers=("db",), by="ada")
        assert (made.slug, made.applied) == ("night-shift", True)
        issued = await ops.tokens.create(workspace="night-shift", name="laptop", role="read-only", by="ada")
        assert issued.url == f"{team.serving.url}ws/night-shift"
        assert await team.tools("night-shift", issued.token) == set()  # nothing of it was reviewed
        invited = await ops.members.invite(workspace="night-shift", name="bo", role="admin", by="ada")
        assert invited.link == f"{team.serving.url}join/{invited.code}"
        page = await team.http.post(f"join/{invited.code}")
        assert "mwt_bo_" in page.text
        assert {info.name for info in await ops.members.list(workspace="night-shift")} == {"laptop", "bo"}
        changed = await ops.members.role(workspace="night-shift", member="laptop", role="admin", by="ada")
        assert changed.role == "admin"
        assert await team.tools("night-shift", issued.token) == {"db__run_query", "db__list_tables"}
        assert (await ops.tokens.revoke(token="laptop", by="ada")).state == "revoked"
        assert (await team.post("night-shift", issued.token, "tools/list")).status_code == 401
        assert [info.member for info in await ops.tokens.list(workspace="night-shift")] == ["bo"]
        assert (await ops.workspaces.remove(workspace="night-shift", by="ada")).members_ended == 2
        with pytest.raises(NotFound):
            await ops.tokens.create(workspace="night-shift", name="x", by="ada")
