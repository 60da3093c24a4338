"""`botkit logs --payload`, and the commands that say which workspaces record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from botkit.core.tools import CallRecord, Principal, ToolCall
from botkit.core.tools import Result as CallResult
from botkit.gateway.keys import FileKeys
from botkit.gateway.payloads import PayloadRecorder
from botkit.gateway.redact import SecretRedactor
from botkit.store.open import open_store

Ask = Callable[..., Any]
Cli = Callable[..., Result]
WORKSPACE = "workspaces: {desk: {servers: [], record_payloads: true}}\n"


def log(project: Path, call_id: str, text: str, *, limit_bytes: int = 1000) -> None:
    """A call as a running botkit logs it."""
    home = project / ".botkit"
    call = ToolCall(
        id=call_id, workspace="desk", tool="notes__add", arguments={"text": text}, principal=Principal(id="per_1")
    )
    row = CallRecord(id=call_id, at=1_700_000_000_000_000, workspace="desk", tool=call.tool)
    event = CallResult(content={"content": [{"type": "text", "text": "added"}]}, record=row)
    recorder = PayloadRecorder(FileKeys(home / "master.key"), SecretRedactor(), limit_bytes=limit_bytes)

    async def write() -> None:
        async with open_store(home) as store:
            await store.calls.append([recorder.recorded(call, row, event)])

    asyncio.run(write())


@pytest.fixture
def recording(project: Path, ask: Ask) -> Path:
    file = project / "bots.yaml"
    file.write_text(file.read_text().replace("    name: Order desk\n", "    workspace: desk\n") + WORKSPACE)
    ask("logs")  # makes the home
    return project


def test_a_record_is_shown_to_people_and_to_programs_and_each_reading_is_noted(
    recording: Path, cli: Cli, ask: Ask
) -> None:
    log(recording, "call_1", "hello\x1b[31m")
    assert ask("logs")[0]["id"] == "call_1"
    assert "payload" not in ask("logs")[0]
    assert "call_1" in cli("logs").stdout
    shown = cli("logs", "--payload", "call_1")
    assert shown.exit_code == 0
    assert "call_1 in desk" in shown.stdout
    assert '"text": "hello\\u001b[31m"' in shown.stdout
    assert '"text": "added"' in shown.stdout
    assert "\x1b" not in shown.stdout
    found = ask("logs", "--payload", "call_1")
    assert found["arguments"] == {"text": "hello\x1b[31m"}
    assert found["result"] == {"content": [{"type": "text", "text": "added"}]}
    assert found["cut"] == {}
    acts = ask("logs", "--admin")
    assert [(act["action"], act["target"], act["actor"]) for act in acts] == [("calls.payload", "call_1", "ada")] * 2


def test_a_cut_is_said(recording: Path, cli: Cli, ask: Ask) -> None:
    log(recording, "call_1", "x" * 100, limit_bytes=50)
    found = ask("logs", "--payload", "call_1")
    assert found["arguments"] == '{"text":"' + "x" * 41
    assert found["cut"] == {"arguments": 111}
    assert "arguments (cut; the whole was 111 bytes):" in cli("logs", "--payload", "call_1").stdout


def test_what_cannot_be_opened_says_why(recording: Path, cli: Cli) -> None:
    log(recording, "call_1", "hello")
    unknown = cli("logs", "--payload", "call_2")
    assert unknown.exit_code == 1
    assert "record_payloads" in unknown.stderr
    key = recording / ".botkit" / "master.key"
    key.write_text("ab" * 32 + "\n")
    refused = cli("logs", "--payload", "call_1", "--json")
    assert refused.exit_code == 1
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == "secret"
    assert "which is not here" in error["message"]


def test_a_record_is_asked_for_alone(cli: Cli) -> None:
    for other in ("--admin", "--follow", "--csv"):
        assert cli("logs", "--payload", "call_1", other).exit_code == 2


def test_the_commands_say_which_workspaces_record(recording: Path, cli: Cli, ask: Ask) -> None:
    assert ask("check")["recording"] == ["desk"]
    assert "desk" in next(line for line in cli("check").stdout.splitlines() if "auditors" in line)
    rows = {row["name"]: row for row in ask("explain", "tg")}
    assert (rows["workspace.record_payloads"]["value"], rows["workspace.record_payloads"]["source"]) == (
        "true", "workspace desk",
    )  # fmt: skip
    assert ask("workspace", "show", "desk")["record_payloads"] is True
    assert "for auditors" in cli("workspace", "show", "desk").stdout


def test_without_a_recording_workspace_nothing_is_said(cli: Cli, ask: Ask) -> None:
    assert ask("check")["recording"] == []
    assert "auditors" not in cli("check").stdout
