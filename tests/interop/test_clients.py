"""Clients that nobody here wrote, at the address of a workspace: a real process, a real token, both eras and SSE."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from botkit.testing.llm import Call, FakeLLM, Reply
from tests.interop.environments import Environments

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent / "clients"
CONFIG = """\
version: 1
bots:
  helper: {name: Helper}
workspaces:
  default:
    servers: "*"
    tools:
      "*": {class: write}
"""
TOOLS = {"notes__add", "notes__list", "notes__search", "notes__complete"}
_PATIENCE_S = 240


@dataclass(frozen=True)
class Office:
    """A running instance with one workspace and a token for it."""

    folder: Path
    url: str
    token: str

    @property
    def sse(self) -> str:
        return f"{self.url}/sse"

    def notes(self) -> list[str]:
        """What is written down, as the command line tells."""
        told = botkit(self.folder, "mcp", "test", "notes", "list", "--workspace", "default", "--json")
        return [entry["text"] for entry in json.loads(told["message"])["entries"]]


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
    return {**kept, "BOTKIT_PORT": "0", "BOTKIT_HOME": str(folder / ".botkit")}


def botkit(folder: Path, *argv: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "botkit.cli", *argv],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=_PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    (folder / "bots.yaml").write_text(CONFIG)
    servers = folder / "workspace" / "servers"
    servers.mkdir(parents=True)
    (servers / "notes.py").write_text((ROOT / "workspace" / "servers" / "notes.py").read_text())
    with subprocess.Popen(
        [sys.executable, "-m", "botkit.cli", "dev", "--json"],
        cwd=folder, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        reader = threading.Thread(target=process.stdout.read, daemon=True)  # so that it never waits for us
        reader.start()
        try:
            made = botkit(folder, "token", "create", "default", "--name", "visitor", "--json")
            yield Office(folder, f"{told['url'].rstrip('/')}/ws/default", made["token"])
        finally:
            process.terminate()
            process.wait(60)
            reader.join(60)


def run(*argv: str, home: Path | None = None) -> Any:
    """Run a program to its end and read the JSON on the last line of its output."""
    env = {**os.environ, **({"HOME": str(home)} if home else {})}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE_S, env=env, cwd=home)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("sse", [False, True], ids=["http", "sse"])
def test_the_first_generation_of_the_official_sdk(office: Office, installed: Environments, sse: bool) -> None:
    python = installed.python("mcp==1.30.0")
    told = run(python, str(CLIENTS / "sdk_client.py"), office.sse if sse else office.url, office.token)
    assert told["version"] == "2025-11-25"
    assert set(told["tools"]) >= TOOLS
    assert not told["error"]


@pytest.mark.parametrize("sse", [False, True], ids=["http", "sse"])
def test_langchain(office: Office, installed: Environments, sse: bool) -> None:
    python = installed.python("langchain-mcp-adapters==0.3.2")
    told = run(python, str(CLIENTS / "langchain_client.py"), office.sse if sse else office.url, office.token)
    assert set(told["tools"]) >= TOOLS
    assert "from langchain" in told["added"]


def test_pydantic_ai(office: Office, installed: Environments) -> None:
    python = installed.python("pydantic-ai-slim[mcp]==2.68.0")
    told = run(python, str(CLIENTS / "pydantic_ai_client.py"), office.url, office.token)
    assert "entries" in told["returned"]["notes__list"]


@pytest.mark.parametrize("sse", [False, True], ids=["http", "sse"])
async def test_an_agent_of_openai_agents(office: Office, installed: Environments, sse: bool) -> None:
    """A whole agent loop: its model, on loopback, asks for a tool and gets the answer to read."""
    python = installed.python("openai-agents==0.24.0")
    async with FakeLLM() as llm:
        llm.queue(Reply(calls=(Call("notes__add", {"text": f"milk {sse}"}),))).say("Noted.")
        address = office.sse if sse else office.url
        argv = (python, str(CLIENTS / "openai_agents.py"), address, office.token, llm.openai_url)
        told = await asyncio.to_thread(run, *argv)
        answered = llm.requests[-1].body["messages"][-1]
    assert told["answer"] == "Noted."
    assert set(told["tools"]) >= TOOLS
    assert (answered["role"], f"milk {sse}" in str(answered["content"])) == ("tool", True)
    assert f"milk {sse}" in office.notes()


@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
def test_the_inspector(office: Office, installed: Environments, tmp_path: Path, era: str) -> None:
    inspector = installed.node("@modelcontextprotocol/inspector", "clients/launcher/build/index.js")
    told = run(
        *inspector, "--cli", "--format", "json", "-q", "--protocol-era", era, "--transport", "http",
        "--server-url", office.url, "--header", f"Authorization: Bearer {office.token}",
        "--method", "tools/call", "--tool-name", "notes__add", "--tool-arg", f"text=by the inspector, {era}",
        home=tmp_path,
    )  # fmt: skip
    assert told["result"]["structuredContent"]["text"] == f"by the inspector, {era}"


def test_mcp_remote_as_a_bridge_for_clients_that_only_know_stdio(office: Office, installed: Environments) -> None:
    python = installed.python("openai-agents==0.24.0")
    bridge = installed.node("mcp-remote", "dist/proxy.js")
    told = run(
        python, str(CLIENTS / "sdk_client.py"), "stdio", *bridge, office.url,
        "--transport", "http-only", "--allow-http", "--header", f"Authorization: Bearer {office.token}",
    )  # fmt: skip
    assert set(told["tools"]) >= TOOLS
    assert not told["error"]
