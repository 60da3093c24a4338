"""Workspaces, tokens and members from the terminal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Ask = Callable[..., Any]
Cli = Callable[..., Result]

SERVERS = """
# What the desk works with.
servers:
  orders:
    command: orders-mcp
"""


@pytest.fixture
def file(project: Path) -> Path:
    file = project / "bots.yaml"
    file.write_text(file.read_text() + SERVERS)
    return file


def everything(project: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (project / ".botkit").rglob("*") if path.is_file())


# ── workspaces ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workspace_is_made_used_changed_and_removed(cli: Cli, ask: Ask, file: Path) -> None:
    made = ask("workspace", "create", "Support Desk", "--server", "orders", "--description", "For all", "--use")
    assert (made["slug"], made["applied"]) == ("support-desk", False)
    assert made["url"] == "http://127.0.0.1:8080/ws/support-desk"
    assert "# What the desk works with." in file.read_text()
    shown = ask("workspace", "show")
    assert (shown["slug"], shown["name"], shown["servers"], shown["active"]) == (
        "support-desk",
        "Support Desk",
        ["orders"],
        True,
    )
    assert ask("workspace", "rename", "support-desk", "Front desk")["slug"] == "support-desk"
    ask("workspace", "remove-server", "support-desk", "orders")
    assert ask("workspace", "show")["servers"] == []
    ask("workspace", "add-server", "support-desk", "orders")
    listed = {info["slug"]: info for info in ask("workspace", "list")}
    assert (listed["support-desk"]["name"], listed["support-desk"]["servers"]) == ("Front desk", ["orders"])
    assert cli("workspace", "remove", "support-desk").exit_code == 2  # nobody said yes
    ask("workspace", "remove", "support-desk", "--yes")
    assert "support-desk" not in {info["slug"] for info in ask("workspace", "list")}
    acts = [row["action"] for row in ask("logs", "--admin")]
    assert acts == [
        "workspace.remove",
        "workspace.add_server",
        "workspace.remove_server",
        "workspace.rename",
        "workspace.create",
    ]


def test_a_taken_slug_gets_a_number(ask: Ask, file: Path) -> None:
    assert [ask("workspace", "create", name)["slug"] for name in ("Desk", "desk!", "DESK")] == [
        "desk",
        "desk-2",
        "desk-3",
    ]


@pytest.mark.parametrize("name", ["x", "!!", "  "])
def test_a_name_that_is_none_is_refused(cli: Cli, file: Path, name: str) -> None:
    assert cli("workspace", "create", name).exit_code == 1


def test_what_is_not_there_is_refused_and_the_file_stays(cli: Cli, file: Path) -> None:
    before = file.read_text()
    for command in (
        ("workspace", "create", "desk", "--server", "nothing"),
        ("workspace", "rename", "nowhere", "Nowhere"),
        ("workspace", "remove", "nowhere", "--yes"),
        ("workspace", "add-server", "nowhere", "orders"),
        ("workspace", "use", "nowhere"),
        ("token", "create", "nowhere", "--name", "ada"),
        ("token", "revoke", "nothing"),
        ("member", "invite", "ada", "--workspace", "nowhere"),
        ("member", "accept", "mwi_ada_00"),
    ):
        assert cli(*command).exit_code in (1, 2), command
        assert "Traceback" not in cli(*command).output
    assert file.read_text() == before


def test_a_workspace_that_a_bot_uses_is_not_removed(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    file.write_text(file.read_text().replace("    name: Order desk\n", "    name: Order desk\n    workspace: desk\n"))
    token = ask("token", "create", "desk", "--name", "ada")
    assert cli("workspace", "remove", "desk", "--yes").exit_code == 2
    assert [row["id"] for row in ask("token", "list")] == [token["id"]]


def test_the_url_and_the_settings_of_clients(cli: Cli, ask: Ask, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("workspace", "create", "desk")
    ask("workspace", "use", "desk")
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", "https://bots.example.com")
    assert cli("workspace", "url").stdout == "https://bots.example.com/ws/desk\n"
    cursor = cli("workspace", "url", "desk", "--client", "cursor").stdout
    assert '"url": "https://bots.example.com/ws/desk"' in cursor
    assert "Claude" not in cursor


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_shown_once_and_only_its_hash_is_stored(cli: Cli, ask: Ask, file: Path, project: Path) -> None:
    ask("workspace", "create", "desk")
    made = ask("token", "create", "desk", "--name", "ada")
    token = made["token"]
    assert re.fullmatch(r"mwt_ada_[0-9a-f]{64}", token)
    stored = everything(project)
    assert token.encode() not in stored
    assert hashlib.sha256(token.encode()).hexdigest().encode() in stored
    for command in (("token", "list", "--all"), ("member", "list"), ("logs", "--admin"), ("workspace", "list")):
        assert token not in cli(*command, "--json").output
    (listed,) = ask("token", "list", "desk")
    assert (listed["id"], listed["member"], listed["role"], listed["state"]) == (
        made["id"],
        "ada",
        "developer",
        "good",
    )
    assert listed["hint"] == token[-4:]


def test_the_settings_of_every_client_come_with_a_token(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    made = ask("token", "create", "desk", "--name", "ada")
    bearer, url = f"Bearer {made['token']}", made["url"]
    blocks = {block["client"]: block["text"] for block in made["clients"]}
    assert json.loads(blocks["cursor"])["mcpServers"]["desk"] == {"url": url, "headers": {"Authorization": bearer}}
    assert json.loads(blocks["windsurf"])["mcpServers"]["desk"]["serverUrl"] == url
    assert json.loads(blocks["vscode"])["servers"]["desk"]["type"] == "http"
    assert json.loads(blocks["mcp_json"]) == json.loads(made["mcp_json"])
    bridge = json.loads(blocks["claude-desktop"])["mcpServers"]["desk"]
    assert (bridge["env"], bridge["args"][2]) == ({"AUTH_HEADER": bearer}, url)
    assert bearer not in json.dumps(bridge["args"])
    assert blocks["claude-code"] == (f'claude mcp add --transport http desk {url} --header "Authorization: {bearer}"')
    text = cli("token", "create", "desk", "--name", "bo").stdout
    assert text.startswith("mwt_bo_")
    for title in ("Claude Desktop", "Claude Code", "Cursor", "VS Code", "Windsurf", "Other clients"):
        assert title in text
    one = cli("token", "create", "desk", "--name", "bo", "--client", "vscode").stdout
    assert "VS Code" in one
    assert "Cursor" not in one


def test_scopes_plans_quotas_and_expiry_are_stored(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    options = ("--allow", "orders__*,notes__*", "--deny", "orders__refund", "--plan", "pro", "--per-month", "5000")
    made = ask("token", "create", "desk", "--name", "ci", "--role", "read-only", "--expires-in", "3600", *options)
    assert made["allow"] == ["orders__*", "notes__*"]
    assert made["deny"] == ["orders__refund"]
    assert (made["role"], made["per_minute"], made["per_month"]) == ("read-only", 1200, 5000)
    assert made["expires_at"] - made["created_at"] == 3600 * 1_000_000
    days = ask("token", "create", "desk", "--name", "laptop", "--member", "ci", "--expires-in", "30d")
    assert days["expires_at"] - days["created_at"] == 30 * 86_400 * 1_000_000
    assert (days["member"], days["allow"]) == ("ci", None)
    assert len(ask("member", "list", "desk")) == 1
    for wrong in (
        ("--expires-in", "soon"),
        ("--expires-in", "0"),
        ("--plan", "pro", "--per-minute", "5"),
        ("--per-minute", "0"),
        ("--role", "king"),
    ):
        assert cli("token", "create", "desk", "--name", "x", *wrong).exit_code == 2, wrong
    assert cli("token", "create", "desk", "--name", "x", "--allow", "no such tool!").exit_code == 1
    assert cli("token", "create", "desk", "--name", "y", "--member", "ci", "--role", "admin").exit_code == 1


def test_a_member_may_be_somebody_known_from_chats(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    ask("chat", "helper", "-m", "hello", "--as", "carla")
    made = ask("token", "create", "desk", "--name", "laptop", "--member", "Carla", "--person", "carla")
    assert made["member"] == "Carla"
    assert cli("token", "create", "desk", "--name", "x", "--person", "nobody").exit_code == 1
    assert cli("member", "invite", "x", "--workspace", "desk", "--person", "nobody").exit_code == 1
    assert ask("data", "erase", "carla", "--yes")["rows"]["members"] == 1
    assert ask("token", "list") == []


def test_a_revoked_token_is_gone_and_the_others_stay(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    one, two = (ask("token", "create", "desk", "--name", name) for name in ("laptop", "phone"))
    assert ask("token", "revoke", "laptop", "--workspace", "desk")["state"] == "revoked"
    assert cli("token", "revoke", one["id"]).exit_code == 1
    assert [row["id"] for row in ask("token", "list")] == [two["id"]]
    assert {row["state"] for row in ask("token", "list", "--all")} == {"good", "revoked"}
    assert ask("token", "list", "--member", "laptop") == []


# ── members ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_invited_comes_in_once(cli: Cli, ask: Ask, file: Path, project: Path) -> None:
    ask("workspace", "create", "desk")
    invited = ask("member", "invite", "ada@example.org", "--workspace", "desk", "--role", "read-only")
    assert (invited["member"], invited["link"]) == ("ada", "")
    assert invited["code"].encode() not in everything(project)
    (pending,) = ask("member", "list")
    assert (pending["name"], pending["email"], pending["state"]) == ("ada", "ada@example.org", "pending")
    assert cli("token", "create", "desk", "--name", "x", "--member", "ada").exit_code == 1
    came = ask("member", "accept", invited["code"], "--name", "laptop")
    assert re.fullmatch(r"mwt_ada_[0-9a-f]{64}", came["token"])
    assert cli("member", "accept", invited["code"]).exit_code == 1
    (active,) = ask("member", "list", "desk")
    assert (active["state"], active["role"], active["tokens"]) == ("active", "read-only", 1)
    assert ask("member", "role", "ada", "admin", "--workspace", "desk")["role"] == "admin"
    assert cli("member", "remove", "ada", "--workspace", "desk").exit_code == 2
    ask("member", "remove", "ada", "--workspace", "desk", "--yes")
    assert ask("member", "list") == []
    assert ask("token", "list") == []
    rows = ask("logs", "--admin")
    assert [row["action"] for row in rows[:4]] == ["member.remove", "member.role", "member.join", "member.invite"]
    assert {(row["actor"], row["via"]) for row in rows[:2]} == {("ada", "cli")}


def test_removing_a_workspace_ends_its_tokens_for_good(ask: Ask, file: Path) -> None:
    ask("workspace", "create", "desk")
    ask("token", "create", "desk", "--name", "ada")
    assert ask("workspace", "remove", "desk", "--yes")["members_ended"] == 1
    ask("workspace", "create", "desk")
    assert ask("token", "list") == []


def test_the_tools_of_a_workspace_are_listed_as_a_role_sees_them(cli: Cli, ask: Ask, file: Path) -> None:
    server = file.parent / "workspace" / "servers" / "notes.py"
    server.parent.mkdir(parents=True, exist_ok=True)
    server.write_text((Path(__file__).parents[2] / "workspace" / "servers" / "notes.py").read_text())
    ask("workspace", "create", "Front", "--server", "*")
    everything = {tool["name"]: tool for tool in ask("workspace", "test", "front")}
    assert everything["notes__add"]["tool_class"] == "unreviewed"
    assert ask("workspace", "test", "front", "--role", "read-only") == []
    assert cli("workspace", "test", "nowhere").exit_code == 1


def test_a_secret_of_a_workspace_is_stored_and_listed_without_its_value(cli: Cli, ask: Ask, file: Path) -> None:
    ask("workspace", "create", "Front")
    assert ask("workspace", "secret", "set", "front", "github.token", "ghp_canary_value")["scope"] == "workspace:front"
    listed = cli("workspace", "secret", "list", "front", "--json")
    assert [one["name"] for one in json.loads(listed.stdout)] == ["GITHUB_TOKEN"]
    assert "ghp_canary_value" not in listed.output
    assert cli("workspace", "secret", "set", "nowhere", "NAME", "value").exit_code == 1
    ask("workspace", "delete", "front", "--yes")
