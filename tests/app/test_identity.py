"""A whole instance: who proved who they are may use a tool, by a code or by a link, and approvers decide by mail."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from botkit.app.environment import load_environment
from botkit.app.operations import Operations
from botkit.app.serve import Serving, serve
from tests.app.delivery.mailbox import Mailbox, mail_server

SERVER = Path(__file__).with_name("plain_server.py")
CONFIG = """\
version: 1
servers:
  deploy: {{command: {python}, args: [{file}, rollback], env: {{EFFECTS: {effects}}}}}
workspaces:
  default: {{servers: [deploy], tools: {{deploy__rollback: {{class: write, requires: verified_email}}}}}}
workflows:
  open: {{steps: [{{mcp_tool: {{tool: deploy__rollback, arguments: {{service: shop}}}}}}]}}
  code: {{steps: [{{auth_gate: {{to: ada@example.com}}}}, {call}]}}
  link: {{steps: [{{auth_gate: {{method: magic_link, to: ada@example.com, remember_s: 0}}}}, {say}]}}
  ask: {{steps: [{{human_handoff: {{reason: 620 is a lot, edit: {{amount: 620}}}}}}, {paid}]}}
bots:
  open: {{workflow: open}}
  code: {{workflow: code}}
  link: {{workflow: link}}
  ask: {{workflow: ask}}
people:
  ada: {{roles: [member], identities: {{sandbox: [ada]}}}}
settings:
  mail: {{provider: smtp, from: Desk <desk@example.com>, host: 127.0.0.1, port: {port}, security: none}}
  approvals: {{email: boss@example.com}}
"""
CALL = """\
{mcp_tool: {tool: deploy__rollback, arguments: {service: shop}}},
           {send_message: {text: 'Done for {{ verified_email }}'}}"""
SAY = "{send_message: {text: 'Hello {{ verified_email }}'}}"
PAID = "{send_message: {text: 'Paid {{ human_handoff.values.amount }}'}}"


@asynccontextmanager
async def running(folder: Path, box: Mailbox) -> AsyncGenerator[Serving]:
    text = CONFIG.format(
        python=sys.executable, file=SERVER, effects=folder / "effects", port=box.port, call=CALL, say=SAY, paid=PAID
    )
    (folder / "bots.yaml").write_text(text)
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.gateway.ready(60)
        yield serving


async def say(serving: Serving, bot: str, text: str) -> dict[str, Any]:
    said = Operations.of(serving.instance).chat.say(text=text, room=f"room-{bot}", bot=bot, person="ada")
    async with aclosing(said) as turn:
        return [event async for event in turn][-1].data


async def texts(serving: Serving, bot: str) -> list[str]:
    entries = await Operations.of(serving.instance).chat.history(room=f"room-{bot}")
    return [entry.text for entry in entries if entry.role == "assistant"]


def found(box: Mailbox, to: str, pattern: str) -> str:
    body = box.to(to)[-1].get_body(("plain",))
    assert body is not None
    match = re.search(pattern, body.get_content())
    assert match is not None
    return match[0]


async def ended(serving: Serving, number: int = 1) -> None:
    runs = serving.instance.store.records
    while len(await runs.runs(state="completed", limit=10)) < number:
        async with httpx2.AsyncClient(base_url=serving.url) as browser:
            await browser.get("healthz")  # lets the instance work


async def test_a_tool_is_refused_until_a_code_was_entered(folder: Path) -> None:
    async with mail_server() as box, running(folder, box) as serving:
        refused = await say(serving, "open", "roll back")
        assert refused["state"] == "failed"
        (summary,) = await serving.instance.store.records.runs(limit=10)
        assert "proved who they are" in str(summary.run.error)
        assert not (folder / "effects").exists()
        waiting = await say(serving, "code", "roll back")
        assert waiting["waiting_for"] == "identity"
        code = found(box, "ada@example.com", r"\b\d{6}\b")
        await say(serving, "code", code)
        await ended(serving)
        assert (folder / "effects").read_text().split() == ["rollback"]
        await say(serving, "open", "roll back")
        await ended(serving, 2)
        assert (folder / "effects").read_text().split() == ["rollback", "rollback"]
        stored = b"".join(file.read_bytes() for file in (folder / ".botkit").glob("botkit.db*"))
        assert code.encode() not in stored


async def test_a_link_is_opened_in_a_browser(folder: Path) -> None:
    async with mail_server() as box, running(folder, box) as serving:
        await say(serving, "link", "hello")
        url = found(box, "ada@example.com", r"http://\S+/verify/\S+")
        async with httpx2.AsyncClient() as browser:
            looked = await browser.get(url)
            assert "<button>" in looked.text
            assert "form-action 'self'" in looked.headers["content-security-policy"]
            assert (await browser.get(url)).status_code == 200, "looking uses nothing up"
            assert (await browser.post(url)).status_code == 200
            assert (await browser.post(url)).status_code == 404
            assert (await browser.post(url[:-5] + "AAAAA")).status_code == 404
        await ended(serving)
        assert await texts(serving, "link") != []


async def test_an_approver_decides_by_mail(folder: Path) -> None:
    async with mail_server() as box, running(folder, box) as serving:
        await say(serving, "ask", "pay me")
        await box.arrived.wait()
        url = found(box, "boss@example.com", r"http://\S+/decide/\S+")
        async with httpx2.AsyncClient() as browser:
            assert "620 is a lot" in (await browser.get(url)).text
            done = await browser.post(url, data={"decision": "approve", "value.amount": "500", "comment": "ok"})
            assert done.status_code == 200
            assert (await browser.post(url, data={"decision": "reject"})).status_code == 409
        await ended(serving)
        audits = await serving.instance.store.records.audits()
        assert [(one.action, one.actor, one.via) for one in audits if one.action.startswith("approvals.")] == [
            ("approvals.approve", "boss@example.com", "mail")
        ]


@pytest.mark.parametrize("without", ["link", "ask"])
def test_links_need_an_address_that_the_outside_reaches(without: str) -> None:
    from botkit.app.publicity import public_url_problems
    from botkit.core.config import Config

    step = {"auth_gate": {"method": "magic_link", "to": "ada@example.com"}}
    config = Config.model_validate(
        {"workflows": {"in": {"steps": [step]}}}
        if without == "link"
        else {"settings": {"approvals": {"email": ["boss@example.com"]}}}
    )
    wrong, _ = public_url_problems(config, "")
    assert ["BOTKIT_PUBLIC_URL" in problem.hint for problem in wrong] == [True]
    assert public_url_problems(config, "https://bots.example.com")[0] == []
