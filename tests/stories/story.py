"""A project made from templates, as it runs in production, with its customers, colleagues and a mail server outside."""

from __future__ import annotations

__all__ = ["SECRET", "Story", "story"]

import asyncio
import hashlib
import hmac
import json
import os
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from botkit.app.templates.write import TEMPLATES, write_workflow
from botkit.testing.project import Project
from botkit.testing.project.settings import ProjectSettings
from tests.app.delivery.mailbox import Mailbox, mail_server

SECRET = "webhook-secret-of-the-story"
SMTP = {"provider": "smtp", "host": "127.0.0.1", "security": "none"}
_BOUNDARIES = Path(__file__).parent / "boundaries"
_CODE = re.compile(r"\b\d{6}\b")
_SETTLED_S = 120.0


class Story:
    """One telling. `kill` names where the process dies once: `before 3`, `after 3`, or nothing."""

    def __init__(self, folder: Path, project: Project, box: Mailbox, telegram: Any, slack: Any):
        self.project = project
        self.box = box
        self.telegram = telegram
        self.slack = slack
        self.room = str(slack.fake.channel("team").id)
        """Where the team reads."""
        self._folder = folder
        self._raising: asyncio.Task[None] | None = None

    # ── the outside ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def boundaries(self) -> list[str]:
        """Nodes each commit recorded, over all lives."""
        log = self._folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def died(self) -> bool:
        return not (self._folder / "kill").exists()

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
        async with asyncio.timeout(_SETTLED_S):
            await self.box.arrived.wait()
        text = str(self.box.mails[-1].get_body(("plain",)).get_content())  # pyright: ignore[reportOptionalMemberAccess] - it has one
        found = _CODE.search(text)
        assert found is not None, text
        return found[0]

    async def ticket(self, body: dict[str, Any]) -> None:
        """Another system tells of a ticket, as often as it takes until it is heard."""
        raw = json.dumps(body).encode()
        signed = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"x-signature-256": signed, "content-type": "application/json", "x-delivery-id": body["id"]}
        async with asyncio.timeout(_SETTLED_S), httpx.AsyncClient() as client:
            forged = {**headers, "x-signature-256": "0" * 64}
            await self.project.start()
            while True:
                url = f"{self.project.url}/api/webhooks/tickets"
                try:
                    assert (await client.post(url, content=raw, headers=forged)).status_code == 401
                    answer = await client.post(url, content=raw, headers=headers)
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        async with asyncio.timeout(_SETTLED_S):
            while not (value := found()):
                await asyncio.sleep(0.05)
            return value
        raise AssertionError(what)

    # ── lives ────────────────────────────────────────────────────────────────────────────────────────────

    async def keep_alive(self) -> None:
        """Start it again whenever it died."""
        while True:
            process = self.project._process  # pyright: ignore[reportPrivateUsage] - whether it lives
            if process is not None and process.returncode is not None:
                async with self.project._starting:  # pyright: ignore[reportPrivateUsage] - nobody starts it meanwhile
                    await self.project.kill()
                await self.project.start()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def story(
    folder: Path, template: str, *, kill: str = "", more: Callable[[str, Story], str] | None = None
) -> AsyncGenerator[Story]:
    """A project with one template, on Telegram and Slack, with a mail server; told once.

    Args:
        folder: an empty one.
        more: (text of the workflow's file, story) → how it is written here.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "bots.yaml").write_text("version: 1\nbots: {desk: {name: Desk}}\n")
    write_workflow(source, "flow", template)
    if kill:
        (folder / "kill").write_text(kill)
    async with mail_server() as box:
        settings = ProjectSettings(
            folder=source,
            dm_policy="open",
            roles={"Grace": ["admin"]},
            variables={
                "BOTKIT_HOME": str(folder / "home"),
                "PYTHONPATH": os.pathsep.join(filter(None, (str(_BOUNDARIES), os.environ.get("PYTHONPATH", "")))),
                "STORY_KILL": str(folder / "kill"),
                "STORY_LOG": str(folder / "log"),
                "TICKETS_SECRET": SECRET,
            },
        )
        async with Project(settings) as project:
            telegram, slack = await project.on("telegram"), await project.on("slack")
            told = Story(folder, project, box, telegram, slack)
            _write(source, template, box.port)
            if more is not None:
                file = source / "workspace" / "workflows" / "flow.yaml"
                file.write_text(more(file.read_text(), told))
            await project.start()
            raising = asyncio.create_task(told.keep_alive())
            try:
                yield told
            finally:
                raising.cancel()
                await asyncio.gather(raising, return_exceptions=True)


def _write(source: Path, template: str, port: int) -> None:
    tools: dict[str, Any] = {}
    for line in TEMPLATES[template].review:
        name, _, rest = line.partition(": ")
        words = dict(pair.split(": ") for pair in rest.strip("{}").split(", "))
        tools[name] = {key: value == "true" if value in ("true", "false") else value for key, value in words.items()}
        if tools[name]["class"] != "read-only":
            tools[name]["roles"] = ["admin", "member", "guest"]
    config = {
        "version": 1,
        "workspaces": {"default": {"servers": "*", "tools": tools}},
        "bots": {"desk": {"name": "Desk", **({"workflow": "flow"} if template == "refund" else {})}},
        "channels": {
            name: {"platform": name, "bot": "desk", "dm_policy": "open", "on_unknown_send": "resend", **secrets}
            for name, secrets in (
                ("telegram", {"token": {"secret": "X"}}),
                ("slack", {"bot_token": {"secret": "X"}, "app_token": {"secret": "X"}}),
            )
        },
        "webhooks": {
            "tickets": {"workflow": "flow", "signing_secret": {"secret": "TICKETS_SECRET"}, "tools": {"allow": ["*"]}}
        }
        if template == "escalation"
        else {},
        "settings": {
            "approvals": {"channel": "slack", "approvers": ["admin"]},
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
