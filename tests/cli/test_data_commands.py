"""Commands about what is stored: runs, logs, secrets, people, copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Ask = Callable[..., Any]
Cli = Callable[..., Result]


@pytest.fixture
def said(ask: Ask) -> Any:
    """One message that was answered."""
    return ask("chat", "helper", "-m", "hello", "--as", "carla")


def test_a_message_is_answered_and_reported(said: Any) -> None:
    assert said["status"] == "completed"
    assert "demo/offline" in said["response"]
    assert said["tokens"]["input"] > 0
    assert said["token_breakdown"]["total"] >= said["token_breakdown"]["llmOutput"] > 0
    assert said["run_id"].startswith("run_")
    assert said["trace_id"].startswith("trc_")
    assert {"tool_calls", "cost_cents", "latency_ms", "loop_iterations", "conversation_id"} <= said.keys()


def test_a_message_may_come_through_a_pipe(cli: Cli) -> None:
    assert "demo/offline" in cli("chat", stdin="hello\n").stdout
    empty = cli("chat", stdin="")
    assert empty.exit_code == 2


def test_a_command_in_chat_is_answered_without_a_run(cli: Cli) -> None:
    said = cli("chat", "-m", "/whoami", "--json")
    answer = json.loads(said.stdout)
    assert answer["status"] == "answered"
    assert "operator" in answer["response"], said.output
    assert answer["run_id"] == ""


def test_an_unknown_bot_is_refused_with_the_known_ones(cli: Cli) -> None:
    wrong = cli("chat", "nobody", "-m", "hello")
    assert wrong.exit_code == 1
    assert "helper, desk" in wrong.output


def test_a_message_too_large_is_refused(cli: Cli) -> None:
    assert "KiB" in cli("chat", stdin="x" * 300_000).output


def test_a_run_is_listed_and_shown_with_its_steps(ask: Ask, cli: Cli, said: Any) -> None:
    (listed,) = ask("runs", "list", "--bot", "helper")
    assert listed["run"]["id"] == said["run_id"]
    assert listed["run"]["conversation"] == "sandbox:terminal-helper-carla:"
    assert ask("runs", "list", "--bot", "desk") == []
    shown = ask("runs", "show", said["run_id"][:30])
    assert shown["trace"]["run"]["steps"]["turn/0/model"]["state"] == "done"
    text = cli("runs", "show", said["run_id"]).output
    assert "> hello" in text
    assert "demo/offline" in text
    assert "PROMPT" in text
    assert "this message" in text
    missing = cli("runs", "show", "run_nothing")
    assert (missing.exit_code, "botkit runs list" in missing.output) == (1, True)


def test_a_run_that_ended_can_not_be_cancelled(cli: Cli, said: Any) -> None:
    refused = cli("runs", "cancel", said["run_id"])
    assert refused.exit_code == 1
    assert "ended already" in refused.output


def test_resolve_wants_exactly_one_answer(cli: Cli, said: Any) -> None:
    assert cli("runs", "resolve", said["run_id"], "turn/0/tool/0").exit_code == 2
    assert cli("runs", "resolve", said["run_id"], "x", "--retry", "--fail", "no").exit_code == 2
    assert cli("runs", "resolve", said["run_id"], "x", "--retry").exit_code == 1


def test_nothing_to_decide_is_said(cli: Cli, ask: Ask) -> None:
    assert "Nothing waits." in cli("approvals", "list").output
    assert cli("approvals", "approve", "run_nothing").exit_code == 1


def test_usage_and_analytics_count(ask: Ask, said: Any) -> None:
    usage = ask("usage", "--by", "person")
    assert [(row["key"], row["calls"]) for row in usage["rows"]] == [("carla", 1)]
    assert usage["total"]["input_tokens"] == said["tokens"]["input"]
    assert ask("usage", "--by", "day")["rows"][0]["calls"] == 1
    report = ask("analytics", "--period", "1h")
    assert (report["uses"], report["total"]["calls"]) == ([], 0)
    assert report["total"]["input_tokens"] == said["tokens"]["input"]
    assert [(row["user"], row["bot"], row["calls"]) for row in report["models"]] == [("carla", "helper", 1)]
    assert ask("analytics", "--member", "nobody")["models"] == []


def test_a_wrong_period_is_bad_usage(cli: Cli) -> None:
    wrong = cli("usage", "--period", "soon")
    assert wrong.exit_code == 2
    assert "24h" in wrong.output


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────

VALUE = "tg-very-secret-value"


def test_a_secret_is_stored_from_a_pipe_and_never_shown(cli: Cli, ask: Ask, project: Path) -> None:
    assert ask("secrets", "set", "TG_TOKEN", stdin=VALUE + "\n")["version"] == 1
    (listed,) = ask("secrets", "list")
    assert (listed["name"], listed["scope"], listed["used_by"]) == ("TG_TOKEN", "instance", ["channels.tg.token"])
    for result in (cli("secrets", "list"), cli("logs", "--admin"), cli("logs", "--admin", "--json")):
        assert VALUE not in result.output
    assert "secrets.set" in cli("logs", "--admin").output
    everything = b"".join(path.read_bytes() for path in (project / ".botkit").rglob("*") if path.is_file())
    assert VALUE.encode() not in everything


def test_missing_secrets_are_listed_with_what_needs_them(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "missing" in cli("secrets", "list").output
    monkeypatch.setenv("TG_TOKEN", VALUE)
    assert "in the environment" in cli("secrets", "list").output


def test_three_words_name_the_server(ask: Ask) -> None:
    assert ask("secrets", "set", "github", "GITHUB_TOKEN", "v1")["scope"] == "server:github"
    assert ask("secrets", "set", "GITHUB_TOKEN", "v2", "--workspace", "default")["scope"] == "workspace:default"
    scopes = {(one["scope"], one["name"]) for one in ask("secrets", "list") if one["version"]}
    assert scopes == {("server:github", "GITHUB_TOKEN"), ("workspace:default", "GITHUB_TOKEN")}


def test_two_scopes_or_no_value_are_bad_usage(cli: Cli) -> None:
    assert cli("secrets", "set", "A", "v", "--server", "x", "--person", "y").exit_code == 2
    assert cli("secrets", "set", "A", stdin="").exit_code == 2
    assert cli("secrets", "set", "a", "b", "c", "d").exit_code == 2


def test_rotating_replaces_a_value_that_is_there(cli: Cli, ask: Ask) -> None:
    assert cli("secrets", "rotate", "TG_TOKEN", stdin="x").exit_code == 1
    ask("secrets", "set", "TG_TOKEN", "one")
    assert ask("secrets", "rotate", "TG_TOKEN", stdin="two")["version"] == 2


def test_the_master_key_is_replaced_and_secrets_still_open(cli: Cli, ask: Ask, project: Path) -> None:
    ask("secrets", "set", "TG_TOKEN", VALUE)
    before = (project / ".botkit" / "master.key").read_text()
    assert ask("secrets", "rotate", "--master-key")["rewrapped"] == 1
    after = (project / ".botkit" / "master.key").read_text()
    assert after != before
    assert len(after.split()) == 1
    assert "opens 1 secrets" in cli("doctor").output


def test_a_wrong_master_key_is_named_with_what_to_do(cli: Cli, ask: Ask, project: Path) -> None:
    ask("secrets", "set", "TG_TOKEN", VALUE)
    (project / ".botkit" / "master.key").unlink()
    for refused in (cli("chat", "-m", "hello"), cli("doctor")):
        assert refused.exit_code == 1
        assert "BOTKIT_MASTER_KEY" in refused.output
        assert VALUE not in refused.output
    assert ask("secrets", "set", "TG_TOKEN", "again")["version"] == 2


def test_deleting_a_secret_wants_a_yes(cli: Cli, ask: Ask) -> None:
    ask("secrets", "set", "TG_TOKEN", VALUE)
    assert cli("secrets", "delete", "TG_TOKEN").exit_code == 2
    assert cli("secrets", "delete", "TG_TOKEN", "--yes").exit_code == 0
    assert cli("secrets", "delete", "TG_TOKEN", "--yes").exit_code == 1


# ── people and copies ────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_gets_their_data_and_is_forgotten(cli: Cli, ask: Ask, said: Any, project: Path) -> None:
    exported = cli("data", "export", "carla", "--output", "carla.jsonl")
    assert exported.exit_code == 0
    file = project / "carla.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert file.stat().st_mode & 0o077 == 0
    assert any("hello" in json.dumps(record) for record in records)
    assert cli("data", "erase", "carla").exit_code == 2
    assert sum(ask("data", "erase", "carla", "--yes")["rows"].values()) > 0
    assert cli("data", "export", "carla").exit_code == 1
    assert ask("runs", "list") == []


def test_a_backup_brings_everything_back(cli: Cli, ask: Ask, said: Any, project: Path) -> None:
    ask("secrets", "set", "TG_TOKEN", VALUE)
    copied = ask("backup", "copy.tar")
    assert len(copied["key_ids"]) == 1
    assert VALUE.encode() not in (project / "copy.tar").read_bytes()
    ask("data", "erase", "carla", "--yes")
    refused = cli("restore", "copy.tar")
    assert (refused.exit_code, "--force" in refused.output) == (1, True)
    ask("restore", "copy.tar", "--force")
    (run,) = ask("runs", "list")
    assert run["run"]["id"] == said["run_id"]
    damaged = bytearray((project / "copy.tar").read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (project / "bad.tar").write_bytes(damaged)
    assert cli("restore", "bad.tar", "--force").exit_code == 1
    assert len(ask("runs", "list")) == 1


def test_there_is_nothing_to_back_up_before_the_first_start(cli: Cli) -> None:
    assert "never ran here" in cli("backup", "copy.tar").output


def test_a_damaged_database_is_named_with_what_to_do(cli: Cli, said: Any, project: Path) -> None:
    file = project / ".botkit" / "botkit.db"
    for beside in ("-wal", "-shm"):
        Path(f"{file}{beside}").unlink(missing_ok=True)
    file.write_bytes(b"not a database" * 1000)
    refused = cli("runs", "list")
    assert refused.exit_code == 1
    assert "botkit restore" in refused.output


# ── channels, doctor, init ───────────────────────────────────────────────────────────────────────────────────


def test_channels_say_what_they_need(cli: Cli, ask: Ask) -> None:
    listed = {channel["name"]: channel for channel in ask("channels", "list")}
    assert listed["tg"]["state"] == "off"
    setup = ask("channels", "setup", "tg")
    assert setup["missing_secrets"] == ["TG_TOKEN"]
    assert any("BotFather" in step for step in setup["steps"])
    tested = cli("channels", "test", "tg")
    assert (tested.exit_code, "botkit secrets set TG_TOKEN" in tested.output) == (1, True)
    assert cli("channels", "setup", "tgg").exit_code == 1


def test_doctor_looks_at_everything(ask: Ask, cli: Cli, project: Path) -> None:
    found = ask("doctor")
    assert found["ok"]
    states = {one["check"]: one["state"] for one in found["findings"]}
    assert states["secrets"] == "warning"
    assert {"python", "home", "disk", "bots.yaml", "database", "clock", "master key"} <= states.keys()
    (project / ".botkit").chmod(0o755)
    failed = cli("doctor")
    assert failed.exit_code == 1
    assert "chmod 700" in failed.output


def test_which_key_a_model_is_called_with_is_said_and_never_shown(
    ask: Ask, cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HOUSE_KEY"):
        monkeypatch.delenv(name, raising=False)
    config = (project / "bots.yaml").read_text()
    models = """
models:
  fast: openai/gpt-5-mini
  house: {model: openai/our-own, api_base: http://127.0.0.1:9/v1, api_key: {secret: HOUSE_KEY}}
"""
    (project / "bots.yaml").write_text(config + models)
    assert (
        cli("secrets", "set", "OPENAI_API_KEY", "--workspace", "default", stdin="sk-canary-1234567890").exit_code == 0
    )
    assert cli("secrets", "set", "HOUSE_KEY", stdin="sk-canary-house-12345").exit_code == 0

    def found(check: str) -> dict[str, Any]:
        (one,) = [one for one in ask("doctor")["findings"] if one["check"] == check]
        return one

    fast = found("model fast")
    assert "OPENAI_API_KEY" in fast["detail"]
    assert "of the workspace default for its calls" in fast["detail"]
    assert cli("secrets", "set", "OPENAI_API_KEY", stdin="sk-canary-0987654321").exit_code == 0
    assert found("model fast")["state"] == "ok"
    house = found("model house")
    assert (house["state"], "HOUSE_KEY of the instance" in house["detail"]) == ("warning", True)
    assert "nobody knows its price" in house["detail"]
    assert "models.house.price" in house["fix"]

    checked = cli("check")
    assert "Model fast: openai/gpt-5-mini with OPENAI_API_KEY" in checked.output
    assert "canary" not in checked.output + cli("doctor").output


def test_pairing_codes_are_listed_and_unknown_ones_refused(cli: Cli) -> None:
    assert "Nobody asked" in cli("pairing", "list").output
    assert cli("pairing", "approve", "ABC123").exit_code == 1


def test_a_new_project_is_right_and_overwrites_nothing(cli: Cli, project: Path) -> None:
    made = cli("init", "shop", "--bot", 'Desk: "A"', "--job", "Be: kind", "--model", "openai/gpt-5-mini", "--telegram")
    assert made.exit_code == 0
    checked = cli("check", "shop/bots.yaml")
    assert checked.exit_code == 0, checked.output
    assert "1 bot" in checked.output
    assert (project / "shop" / "workspace" / "servers" / "tasks.py").exists()
    assert cli("init", "shop").exit_code == 1
    refused = cli("init", "other", "--model", "gpt")
    assert refused.exit_code == 2
    assert not (project / "other").exists()


def test_what_is_not_text_is_replaced_or_refused(cli: Cli, ask: Ask) -> None:
    answer = ask("chat", "-m", "hello \udcff\x00 there")
    assert answer["status"] == "completed"
    assert ask("runs", "list")[0]["text"] == "hello ?\ufffd there"
    assert cli("chat", stdin=b"hello \xff\xfe").exit_code == 0  # pyright: ignore[reportArgumentType] - bytes are what it is about
    refused = cli("secrets", "set", "TG_TOKEN", stdin=b"\xff\xfe")  # pyright: ignore[reportArgumentType]
    assert (refused.exit_code, "base64" in refused.output) == (2, True)
