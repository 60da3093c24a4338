"""Adding, trying and removing MCP servers from the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from botkit.cli.changes import command_of, name_of_package, name_of_url

SERVERS = Path(__file__).parents[1] / "gateway" / "servers"
Cli = Callable[..., Result]
Ask = Callable[..., Any]

DESK = """
# The desk's tools.
workspaces:
  desk:
    servers: []   # none yet
"""


@pytest.fixture
def desk(project: Path) -> Path:
    file = project / "bots.yaml"
    file.write_text(file.read_text() + DESK)
    return file


@pytest.fixture
def far(tmp_path: Path) -> Iterator[str]:
    """The SDK's server over HTTP, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(SERVERS / "remote.py"), "http"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "EFFECTS": str(tmp_path / "effects")},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        process.stdin.close()


def test_a_remote_server_is_registered_tried_and_removed(cli: Cli, ask: Ask, desk: Path, far: str) -> None:
    done = cli("mcp", "register", far, "--name", "far", "--workspace", "desk")
    assert done.exit_code == 0, done.output
    assert "It runs after `botkit apply`" in done.stdout
    text = desk.read_text()
    assert f'url: "{far}"' in text
    assert "far is in bots.yaml." in done.stdout
    assert "# The desk's tools." in text
    assert "# none yet" in text

    trial = ask("mcp", "test", "far", "count")
    assert (trial["status"], trial["tool"], trial["workspace"]) == ("ok", "far__count", "desk")
    assert trial["progress"] == ["step 1", "step 2", "step 3"]
    assert trial["message"] == "counted"
    assert "far__echo" in trial["tools"]
    echoed = ask("mcp", "test", "far", "echo", "text=12 monkeys")
    assert echoed["content"]["structuredContent"]["text"] == "12 monkeys"
    assert {row["tool"]: row["status"] for row in ask("logs")} == {"far__count": "ok", "far__echo": "ok"}

    listed = {one["name"]: one for one in ask("mcp", "list")}
    assert "desk" in listed["far"]["workspaces"]
    assert listed["far"]["tools"] == 5
    assert listed["far"]["kind"] == "url"

    removed = ask("mcp", "remove", "far", "--yes")
    assert removed["workspaces"] == ["desk"]
    assert "far" not in desk.read_text()
    assert "# The desk's tools." in desk.read_text()


def test_a_program_is_installed_with_its_environment(cli: Cli, ask: Ask, desk: Path, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    effects.touch()
    change = cli(
        "mcp", "install", "--name", "raw", "--workspace", "desk", "--env", f"EFFECTS={effects}", "--secret", "RAW_KEY",
        "--", sys.executable, str(SERVERS / "raw.py"),
    )  # fmt: skip
    assert "botkit secrets set RAW_KEY" in change.stdout
    cli("secrets", "set", "RAW_KEY", "a-long-secret-value")
    refreshed = ask("mcp", "refresh", "raw")
    assert refreshed[0]["tools"] > 10
    done = cli("mcp", "test", "raw", "echo", "text=a-long-secret-value")
    assert done.exit_code == 0, done.output
    assert "raw__echo in desk: ok" in done.stdout
    assert "a-long-secret-value" not in done.output
    failed = cli("mcp", "test", "raw", "fail")
    assert failed.exit_code == 1
    assert cli("mcp", "test", "raw", "no_such_tool").exit_code == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("mcp", "register", "http://mcp.example.com/mcp"), "https://"),
        (("mcp", "register", "https://mcp.example.com/mcp", "--workspace", "none"), "no workspace none"),
        (("mcp", "install", "deb:something"), "npm:PACKAGE"),
        (("mcp", "test", "nobody"), "There is no server nobody"),
        (("mcp", "refresh", "nobody"), "There is no server nobody"),
        (("mcp", "login", "nobody"), "There is no server nobody"),
        (("mcp", "remove", "nobody", "--yes"), "There is no server nobody"),
    ],
)
def test_mistakes_are_named_and_the_file_stays(cli: Cli, desk: Path, args: tuple[str, ...], words: str) -> None:
    before = desk.read_text()
    done = cli(*args)
    assert done.exit_code in (1, 2)
    assert words in done.output
    assert desk.read_text() == before


def test_every_change_leaves_an_audit_row(ask: Ask, desk: Path) -> None:
    ask("mcp", "register", "https://mcp.example.com/mcp", "--bearer", "TOKEN", "--workspace", "desk")
    assert "bearer: true" in desk.read_text()
    ask("mcp", "remove", "example", "--yes")
    assert {"mcp.add", "mcp.remove"} <= {row["action"] for row in ask("logs", "--admin")}


def test_names_are_made_from_addresses_and_packages() -> None:
    assert name_of_url("https://mcp.example.com/mcp") == "example"
    assert name_of_url("https://crm.acme.io/sse") == "crm"
    assert name_of_package("npm:@modelcontextprotocol/server-memory@2026.8.31") == "memory"
    assert name_of_package("pypi:mcp-server-time") == "time"
    assert name_of_package("/usr/bin/files_mcp") == "files-mcp"
    assert command_of("npm:@a/b@1") == ["npx", "-y", "@a/b@1"]
    assert command_of("pypi:x") == ["uvx", "x"]
    assert command_of("/opt/x:y") == ["/opt/x:y"]
