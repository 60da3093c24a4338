"""A project made from templates, as it runs in production, with its customers, colleagues and a mail server outside."""

from __future__ import annotations

__all__ = ["SECRET", "Story", "story"]

import asyncio
import hashlib
import hmac
import json
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from botkit.app.templates.write import TEMPLATES, write_workflow
from botkit.testing.project import Project
from botkit.testing.project.settings import ProjectSettings
from tests.app.delivery.mailbox import Mailbox, mail_server
from tests.stories.lives import ForkedProject, Nest
from tests.stories.report import report

SECRET = "webhook-secret-of-the-story"
_CODE = re.compile(r"\b\d{6}\b")
_TOOL_SERVER = Path(__file__).with_name("tool_server.py")
_SETTLED_S = 120.0
_WITH_A_TEAM = frozenset({"refund", "escalation"})
"""Templates whose colleagues decide in Slack."""


class Story:
    """One telling, and the outside of it."""

    def __init__(self, folder: Path, project: Project, box: Mailbox, telegram: Any, slack: Any):
        self.project = project
        self.box = box
        self.telegram = telegram
        self.slack = slack
        """None where the template has no team."""
        self.room = str(slack.fake.channel("team").id) if slack is not None else ""
        """Where the team reads."""
        self._folder = folder

    # ── the outside ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def boundaries(self) -> list[str]:
        """Nodes each commit recorded, over all lives of a forked process."""
        log = self._folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def died(self) -> bool:
        """Whether the kill that was asked for has happened."""
        return not (self._folder / "kill").exists()

    @property
    def database(self) -> Path:
        return self._folder / "home" / "botkit.db"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Read the database from outside."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as db:
            rows = db.execute(query).fetchall()
        db.close()
        return rows

    @property
    def ended(self) -> bool:
        """Whether every run has ended and everything is sent."""
        open_runs = "SELECT count(*) FROM runs WHERE state IN ('running', 'waiting')"
        unsent = "SELECT count(*) FROM parts WHERE state IN ('pending', 'sending', 'unknown')"
        try:
            (found,) = self.ask(f"SELECT (SELECT count(*) FROM runs), ({open_runs}), ({unsent})")
        except sqlite3.Error:  # it is being opened after a kill
            return False
        return found[0] > 0 and found[1:] == (0, 0)

    def ledger(self, server: str, file: str) -> str:
        """What the tool itself wrote; empty when nothing."""
        path = self._folder / "home" / "servers" / server / file
        return path.read_text() if path.exists() else ""

    def refunds(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ledger("orders", "refunds.jsonl").splitlines()]

    def comments(self, ticket: str) -> list[str]:
        found: list[dict[str, Any]] = json.loads(self.ledger("tickets", "tickets.json") or "[]")
        return [text for one in found if one["id"] == ticket for text in one["comments"]]

    async def code(self) -> str:
        """The newest one that came by mail."""
        await self.until(lambda: self.box.mails, "a mail")
        text = str(self.box.mails[-1].get_body(("plain",)).get_content())  # pyright: ignore[reportOptionalMemberAccess] - it has one
        found = _CODE.search(text)
        assert found is not None, text
        return found[0]

    async def ticket(self, body: dict[str, Any]) -> None:
        """Another system tells of a ticket, as often as it takes until it is heard."""
        raw = json.dumps(body).encode()
        signed = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"x-signature-256": signed, "content-type": "application/json", "x-delivery-id": body["id"]}
        answers: list[Any] = []
        try:
            async with asyncio.timeout(_SETTLED_S), httpx.AsyncClient() as client:
                while 200 not in answers[-1:]:
                    await self.project.start()
                    url = f"{self.project.url}/api/webhooks/tickets"
                    try:
                        forged = await client.post(url, content=raw, headers={**headers, "x-signature-256": "0" * 64})
                        answers.append(f"forged: {forged.status_code}")
                        assert not forged.is_success, answers
                        answers.append((await client.post(url, content=raw, headers=headers)).status_code)
                    except httpx.TransportError as error:
                        answers.append(repr(error))
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"the ticket was not taken within {_SETTLED_S} s: {answers[-5:]}") from None

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        """Poll what other processes do. Raises `AssertionError` when it takes too long."""
        try:
            async with asyncio.timeout(_SETTLED_S):
                while not (value := found()):
                    await asyncio.sleep(0.02)
                return value
        except TimeoutError:
            raise AssertionError(f"waited {_SETTLED_S} s for {what}") from None

    async def keep_alive(self) -> None:
        """Start the process again whenever it died."""
        while True:
            await self.project.revive()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def story(
    folder: Path,
    template: str,
    *,
    kill: str = "",
    nest: Nest | None = None,
    more: Callable[[str, Story], str] | None = None,
) -> AsyncGenerator[Story]:
    """A project with one template, on Telegram and perhaps Slack, with a mail server; told once.

    What is raised inside carries everything that is known of the story.

    Args:
        folder: an empty one.
        kill: where the process dies once: `before 3`, `after 3`, or nothing; see `nursery`. Only from a nest.
        nest: the process is forked from it; without it `botkit run` is started.
        more: (text of the workflow's file, story) → how it is written here.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "bots.yaml").write_text("version: 1\nbots: {desk: {name: Desk}}\n")
    write_workflow(source, "flow", template)
    if kill:
        (folder / "kill").write_text(kill)
    settings = ProjectSettings(
        folder=source,
        dm_policy="open",
        roles={"Grace": ["admin"]} if template in _WITH_A_TEAM else {},
        variables={"BOTKIT_HOME": str(folder / "home"), "TICKETS_SECRET": SECRET},
    )
    making = Project(settings) if nest is None else ForkedProject(settings, nest, folder)
    async with mail_server() as box, making as project:
        telegram = await project.on("telegram")
        slack = await project.on("slack") if template in _WITH_A_TEAM else None
        told = Story(folder, project, box, telegram, slack)
        _write(source, template, box.port, {} if nest is None else _quick(template, folder / "home" / "servers"))
        if more is not None:
            file = source / "workspace" / "workflows" / "flow.yaml"
            file.write_text(more(file.read_text(), told))
        try:
            async with asyncio.TaskGroup() as lives:
                await project.start()
                raising = lives.create_task(told.keep_alive())
                yield told
                raising.cancel()
            if nest is not None:
                await project.kill()  # what it would say while it stops concerns nobody
        except BaseException as error:
            said = project.said if isinstance(project, ForkedProject) else [project.log()]
            error.add_note(f"{template} {kill}\n{report(told.database, said, told.boundaries)}")
            raise


_CHANNELS = {
    "telegram": {"token": {"secret": "X"}},
    "slack": {"bot_token": {"secret": "X"}, "app_token": {"secret": "X"}},
}


def _quick(template: str, data: Path) -> dict[str, Any]:
    """The template's servers, started without their SDK; `data` is where they keep their files."""
    return {
        name: {
            "command": sys.executable,
            "args": ["-I", "-S", str(_TOOL_SERVER), f"workspace/servers/{name}.py"],
            "env": {"BOTKIT_SERVER_DATA": str(data / name)},
        }
        for name in TEMPLATES[template].servers
    }


def _write(source: Path, template: str, port: int, servers: dict[str, Any]) -> None:
    """The project's bots.yaml; servers it does not name are those of its folder."""
    tools: dict[str, Any] = {}
    for line in TEMPLATES[template].review:
        name, _, rest = line.partition(": ")
        words = dict(pair.split(": ") for pair in rest.strip("{}").split(", "))
        tools[name] = {key: value == "true" if value in ("true", "false") else value for key, value in words.items()}
        tools[name]["trusted_results"] = True  # as with servers of the project's folder
        if tools[name]["class"] != "read-only":
            tools[name]["roles"] = ["admin", "member", "guest"]
    config = {
        "version": 1,
        "servers": servers,
        "workspaces": {"default": {"servers": "*", "tools": tools}},
        "bots": {"desk": {"name": "Desk", **({"workflow": "flow"} if TEMPLATES[template].say else {})}},
        "channels": {
            name: {"platform": name, "bot": "desk", "dm_policy": "open", "on_unknown_send": "resend", **secrets}
            for name, secrets in _CHANNELS.items()
            if name == "telegram" or template in _WITH_A_TEAM
        },
        "webhooks": {
            "tickets": {"workflow": "flow", "signing_secret": {"secret": "TICKETS_SECRET"}, "tools": {"allow": ["*"]}}
        }
        if template == "escalation"
        else {},
        "settings": {
            "approvals": {"channel": "slack", "approvers": ["admin"]} if template in _WITH_A_TEAM else {},
            "mail": {
                "provider": "smtp",
                "from": "desk@example.com",
                "host": "127.0.0.1",
                "port": port,
                "security": "none",
            },
        },
    }
    (source / "bots.yaml").write_text(json.dumps(config))
