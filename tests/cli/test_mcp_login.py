"""`botkit mcp login` beside a running `botkit dev`, against an authorization server on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_processes import Dev, asking, botkit, command
from tests.gateway.remote.authority import Authorizing, protected
from tests.gateway.remote.support import Handmade

CONFIG = """\
version: 1
servers:
  far: {{url: "{url}", oauth: {{scopes: [read]}}}}
workspaces:
  default: {{servers: [far], tools: {{far__*: {{class: read-only}}}}}}
bots:
  desk: {{name: Desk}}
"""
Far = tuple[Handmade, Authorizing]


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    async with protected() as pair:
        yield pair


@pytest.fixture
def folder(tmp_path: Path, far: Far) -> Path:
    (tmp_path / "bots.yaml").write_text(CONFIG.format(url=far[0].url))
    return tmp_path


async def come_back(far: Far, address: str) -> httpx.Response:
    """The person said yes at this address: what the browser does next."""
    answer = far[1].authorize(address)
    back = far[1].codes[answer["code"]]["redirect_uri"]
    async with httpx.AsyncClient(timeout=60) as browser:
        return await browser.get(back, params=answer)


async def tried(folder: Path) -> dict[str, Any]:
    """`botkit mcp test far echo`, whether it succeeds or not."""
    async with botkit(folder, "mcp", "test", "far", "echo", "--json") as other:
        out, _ = await other.process.communicate()
        return json.loads(out)


async def ended(dev: Dev) -> None:
    assert await dev.end(signal.SIGTERM) == 0


async def test_a_login_comes_back_to_the_running_process_and_lasts_until_it_is_forgotten(
    folder: Path, far: Far
) -> None:
    server, authority = far
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        await dev.started()
        before = await tried(folder)
        assert "botkit mcp login far" in before["error"]
        assert server.calls() == []

        told = await command(folder, "mcp", "login", "far")
        assert (told["server"], told["owner"]) == ("far", "server:far")
        page = await come_back(far, told["url"])
        assert page.status_code == 200
        assert "far is connected" in page.text
        assert (await tried(folder))["status"] == "ok"
        (called,) = server.calls()
        assert called.headers["authorization"].removeprefix("Bearer ") in authority.valid

        again = await come_back(far, told["url"])  # the state of a login is good once
        assert again.status_code != 200
        async with asking(folder) as operations:
            acts = [(row.action, row.target) for row in await operations.reports.audits(limit=100)]
        assert acts.count(("mcp.login", "far")) == 1
        assert ("accounts.connect", "far") in acts
        await ended(dev)

    async with botkit(folder, "dev", "--port", "0", "--json") as dev:  # the login is stored, sealed
        await dev.started()
        assert (await tried(folder))["status"] == "ok"
        stored = b"".join(path.read_bytes() for path in (folder / ".botkit").glob("botkit.db*"))
        assert not any(token.encode() in stored for token in (*authority.valid, *authority.refreshing))
        assert [one["grant_type"] for one in authority.grants] == ["authorization_code"]

        await command(folder, "mcp", "login", "far", "--out")
        assert "botkit mcp login far" in (await tried(folder))["error"]
        await ended(dev)
    assert len(server.calls()) == 2


async def test_without_a_running_process_there_is_nobody_to_come_back_to(folder: Path, far: Far) -> None:
    async with botkit(folder, "mcp", "login", "far") as alone:
        _, errors = await alone.process.communicate()
        assert alone.process.returncode == 1
    assert b"botkit" in errors
    assert b"Traceback" not in errors
    assert far[1].codes == {}


async def test_a_login_that_somebody_else_ends_elsewhere_changes_nothing(folder: Path, far: Far) -> None:
    """A state from another instance, a damaged one, and a refusal of the person."""
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        url = (await dev.started())["url"].split("?")[0]
        told = await command(folder, "mcp", "login", "far")
        answer = far[1].authorize(told["url"])
        async with httpx.AsyncClient(base_url=url, timeout=60) as browser:
            for change in ({"state": "forged"}, {"iss": "https://other.example"}, {"error": "access_denied"}):
                parameters = {**answer, **change}
                if "error" in change:
                    del parameters["code"]
                page = await browser.get("oauth/callback", params=parameters)
                assert page.status_code >= 400, change
        assert far[1].grants == []
        assert "botkit mcp login far" in (await tried(folder))["error"]
        await ended(dev)
