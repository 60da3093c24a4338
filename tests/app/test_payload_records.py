"""Payload records in a whole instance: every way of calling leaves one, and only those who may read it do."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.housekeeping import tidy_once
from botkit.app.instance import Instance
from botkit.app.operations import Operations
from botkit.app.serve import serve
from botkit.core.data import encode
from botkit.core.errors import Conflict, NotFound, SecretError
from botkit.core.tools import Principal, Result, ToolCall
from botkit.gateway.access.desk import OPERATOR
from botkit.gateway.payloads import PayloadRecorder
from botkit.store.backup import backup, restore
from botkit.testing.clock import ManualClock
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

SERVER = Path(__file__).parent / "plain_server.py"
CONFIG = """\
version: 1
servers:
  notes: {{command: {python}, args: [{server}, find_order], env: {{EFFECTS: {effects}}}}}
workspaces:
  desk: {{servers: notes, record_payloads: {on}, tools: {{"*": {{class: read-only}}}}}}
bots:
  helper: {{name: Helper, workspace: desk, model: demo/offline}}
"""
SECRET = "canary-secret-5d0e77a1"
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def write(folder: Path, *, on: str = "true", more: str = "") -> None:
    text = CONFIG.format(python=sys.executable, server=SERVER, effects=folder / "effects", on=on)
    (folder / "bots.yaml").write_text(text + more)


@pytest.fixture
async def running(folder: Path) -> AsyncIterator[tuple[Instance, Operations, str]]:
    """An instance that serves a recording workspace, its operations and the page's address."""
    write(folder)
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.gateway.ready(120)
        yield serving.instance, serving.operations, serving.url


async def call_as_member(instance: Instance, url: str, text: str) -> None:
    """One tool call of an MCP client."""
    issued = await instance.access.create_token("desk", by=OPERATOR, name="laptop", member="mia", role="admin")
    headers = {"authorization": f"Bearer {issued.token}", "accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        for number, (method, params) in enumerate(
            [("initialize", INITIALIZE), ("tools/call", {"name": "notes__find_order", "arguments": {"text": text}})]
        ):
            body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            response = await http.post(f"{url}ws/desk", json=body)
            assert response.status_code == 200, response.text
            if session := response.headers.get("mcp-session-id"):
                http.headers["mcp-session-id"] = session


async def records(instance: Instance, count: int) -> list[str]:
    """The ids of the recorded calls, oldest first, once there are so many: a client does not wait for its row."""
    async with asyncio.timeout(60):
        while True:
            rows = await instance.store.payloads.not_under("")
            if len(rows) >= count:
                return [row.call_id for row in sorted(rows, key=lambda row: row.at)]
            await asyncio.sleep(0.01)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_every_way_of_calling_is_recorded_and_nothing_lies_open(
    running: tuple[Instance, Operations, str], folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    instance, operations, url = running
    await operations.secrets.set(name="API_KEY", value=SECRET, by="ada")
    await call_as_member(instance, url, f"canary-member with {SECRET}")
    trial = await operations.mcp.test(server="notes", tool="find_order", arguments={"text": "canary-trial"}, by="ada")
    assert trial.status == "ok"
    member, tested = await records(instance, 2)
    for call, words in ((member, "canary-member"), (tested, "canary-trial")):
        opened = await operations.calls.payload(call=call, by="zoe")
        assert words in opened.arguments["text"]
        assert words in opened.result["content"][0]["text"]
        assert SECRET not in str(opened)
    assert (tested, opened.workspace, opened.cut) == (trial.call_id, "desk", {})
    await instance.store.writer.maintain()
    archive = tmp_path / "archive.tgz"
    await backup(instance.home.path, archive)
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    out, err = capfd.readouterr()
    for place in (bytes_of(instance.home.path), bytes_of(tmp_path / "unpacked"), (out + err).encode()):
        for canary in (SECRET, "canary-member", "canary-trial"):
            assert canary.encode() not in place


async def test_a_bots_call_is_recorded_beside_its_run(running: tuple[Instance, Operations, str]) -> None:
    instance, operations, _ = running
    done = await say(instance, "find order")
    assert done.data["state"] == "completed"
    (call,) = await records(instance, 1)
    opened = await operations.calls.payload(call=call, by="zoe")
    assert json.loads(opened.result["content"][0]["text"])["tool"] == "find_order"
    row = await instance.payloads.find(call)
    assert row.run_id == done.run_id
    assert row.principal
    loaded = await instance.store.journal.load_run(done.run_id)
    assert loaded is not None
    assert "payload" not in encode(loaded).decode(), "it is stored in one place"


async def test_each_reading_is_noted_also_when_it_fails(
    running: tuple[Instance, Operations, str],
) -> None:
    instance, operations, _ = running
    for text in ("one", "two"):
        await operations.mcp.test(server="notes", tool="find_order", arguments={"text": text}, by="ada")
    first, second = await records(instance, 2)
    await operations.calls.payload(call=first, by="zoe")
    row = await instance.payloads.find(second)
    with closing(sqlite3.connect(instance.home.path / "botkit.db")) as database:
        database.execute(
            "UPDATE call_payloads SET ciphertext = ? WHERE call_id = ?", (row.envelope.ciphertext[::-1], second)
        )
        database.commit()
    with pytest.raises(SecretError, match="changed or damaged"):
        await operations.calls.payload(call=second, by="zoe")
    with pytest.raises(NotFound, match="record_payloads"):
        await operations.calls.payload(call="call_unknown", by="zoe")
    with pytest.raises(Conflict):
        await operations.calls.payload(call="call_", by="zoe")
    read = [act for act in await operations.reports.audits() if act.action == "calls.payload"]
    assert [(act.actor, act.target, act.detail) for act in read] == [
        ("zoe", second, {"workspace": "desk"}),
        ("zoe", first, {"workspace": "desk"}),
    ]


async def test_switching_off_stops_at_once_and_what_records_is_said(
    running: tuple[Instance, Operations, str], folder: Path
) -> None:
    instance, operations, _ = running

    async def said() -> str:
        (found,) = [one async for one in operations.doctor.examine() if one.check == "recording"]
        return found.detail

    await operations.mcp.test(server="notes", tool="find_order", arguments={"text": "on"}, by="ada")
    assert await said() == "arguments and results are recorded in desk; 1 record is kept, for 30 days"
    assert (await operations.workspaces.show(workspace="desk")).record_payloads
    write(folder, on="false")
    await operations.config.apply(by="ada")
    await operations.mcp.test(server="notes", tool="find_order", arguments={"text": "off"}, by="ada")
    assert len(await operations.calls.list(wanted=_everything())) == 2
    assert len(await records(instance, 1)) == 1
    assert (await said()).startswith("no workspace records arguments and results any more; of desk 1 record is kept")


async def test_the_master_key_changes_and_records_still_open(running: tuple[Instance, Operations, str]) -> None:
    instance, operations, _ = running

    async def call_until(over: asyncio.Event) -> None:
        while not over.is_set():
            await operations.mcp.test(server="notes", tool="find_order", arguments={"text": "busy"}, by="ada")

    over = asyncio.Event()
    async with asyncio.TaskGroup() as busy:
        busy.create_task(call_until(over))
        for number in range(3):
            found = await records(instance, number + 1)
            rotated = await operations.secrets.rotate_master_key(by="ada")
            assert rotated.payloads >= len(found)
        over.set()
    assert len(instance.keys.known()) == 1, "the former keys are forgotten"
    for call in await records(instance, 3):
        assert (await operations.calls.payload(call=call, by="ada")).arguments == {"text": "busy"}


# ── without servers ──────────────────────────────────────────────────────────────────────────────────────


def _everything() -> Any:
    from botkit.core.analytics import CallFilter

    return CallFilter()


async def record(instance: Instance, call_id: str, principal: str, text: str) -> None:
    """A finished call of a person, logged as the gateway's callers log it."""
    from botkit.core.tools import CallRecord

    call = ToolCall(
        id=call_id, workspace="desk", tool="notes__add", arguments={"text": text}, principal=Principal(id=principal)
    )
    row = CallRecord(id=call_id, at=instance.clock.micros(), workspace="desk", principal=principal)
    event = Result(content={"content": [{"type": "text", "text": f"added {text}"}]}, record=row)
    recorder = PayloadRecorder(instance.keys, instance.redactor)
    await instance.call_log.append([recorder.recorded(call, row, event)])


async def test_a_person_gets_their_records_in_the_clear_and_takes_them_along(opened: OpenInstance) -> None:
    async with opened() as instance:
        data = Operations.of(instance).data
        done = await say(instance, "hello")
        run = await instance.store.records.find_run(done.run_id)
        assert run is not None
        ada = run.person_id
        await record(instance, "call_ada", ada, "ada's words")
        await record(instance, "call_bo", "per_bo", "bo's words")
        exported = [row async for row in data.export(person=ada) if row["table"] == "call_payloads"]
        assert [(row["call_id"], row["arguments"], row["result"]["content"][0]["text"]) for row in exported] == [
            ("call_ada", {"text": "ada's words"}, "added ada's words")
        ]
        erased = await data.erase(person=ada, by="ada")
        assert erased.rows["call_payloads"] == 1
        assert await records(instance, 1) == ["call_bo"]
        with pytest.raises(NotFound):
            await Operations.of(instance).calls.payload(call="call_ada", by="ada")


async def test_records_go_after_their_days_and_the_log_stays(opened: OpenInstance, folder: Path) -> None:
    write(folder, more="settings: {retention: {payloads_days: 7}}\n")
    clock = ManualClock()

    async def tidied() -> dict[str, int]:
        tidying = asyncio.create_task(tidy_once(instance))
        while not tidying.done():
            await clock.advance(1)
            await asyncio.sleep(0)
        return tidying.result()

    async with opened("command", clock=clock) as instance:
        await record(instance, "call_old", "per_a", "old")
        await clock.advance(6 * 86_400)
        await record(instance, "call_new", "per_a", "new")
        assert await tidied() == {}
        await clock.advance(2 * 86_400)
        assert await tidied() == {"call_payloads": 1}
        assert await records(instance, 1) == ["call_new"]
        assert len(await instance.store.records.calls()) == 2


async def test_a_backup_names_the_key_and_brings_records_back_sealed(
    opened: OpenInstance, folder: Path, tmp_path: Path
) -> None:
    async with opened("command") as instance:
        await record(instance, "call_kept", "per_a", "canary-kept")
        made = await backup(instance.home.path, tmp_path / "archive.tgz")
        key = instance.keys.known()[0].id
    assert made.key_ids == (key,), "no secret is stored; the record alone needs the key"
    home = folder / ".botkit"
    await restore(tmp_path / "archive.tgz", home, force=True)
    assert b"canary-kept" not in bytes_of(home)
    async with opened("command") as instance:
        found = await Operations.of(instance).calls.payload(call="call_kept", by="ada")
        assert found.arguments == {"text": "canary-kept"}
