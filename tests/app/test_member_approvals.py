"""A whole instance: an editor's call waits, the approver presses a button on Telegram, and the call runs once."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import serve
from botkit.gateway.access.desk import OPERATOR
from botkit.gateway.approvals import WAIT_META
from botkit.testing.telegram import FakeTelegram

SERVER = Path(__file__).with_name("plain_server.py")
SECRET = "sk-secret-0123456789"
CONFIG = """\
version: 1
servers:
  deploy: {{command: {python}, args: [{file}, rollback], env: {{EFFECTS: {effects}, KEY: {{secret: API_KEY}}}}}}
workspaces:
  guarded: {{servers: [deploy], tools: {{deploy__rollback: {{class: destructive, approve: true}}}}}}
bots: {{desk: {{}}}}
channels:
  tg: {{platform: telegram, bot: desk, dm_policy: open, mode: polling, token: {{secret: TG_TOKEN}}, api_base: {api}}}
people:
  boss: {{roles: [admin], identities: {{tg: ["{boss}"]}}}}
settings:
  approvals: {{channel: tg, room: {room}}}
"""


async def test_a_waiting_call_goes_on_when_the_approver_presses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TG_TOKEN", "4242:fake-telegram-token")
    monkeypatch.setenv("API_KEY", SECRET)
    effects = folder / "effects"
    async with FakeTelegram() as telegram:
        room = telegram.group("Ops")
        (folder / "bots.yaml").write_text(
            CONFIG.format(
                python=sys.executable,
                file=SERVER,
                effects=effects,
                api=telegram.api_base,
                boss=telegram.user("Boss").id,
                room=room.id,
            )
        )
        environment = load_environment(cwd=folder).model_copy(update={"port": 0})
        async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
            await serving.instance.gateway.ready(60)
            issued = await serving.instance.access.create_token("guarded", by=OPERATOR, name="Mona", role="developer")
            arguments = {"service": "shop", "note": f"with {SECRET}"}
            params: dict[str, Any] = {"name": "deploy__rollback", "arguments": arguments, "_meta": {WAIT_META: 300}}
            headers = {"authorization": f"Bearer {issued.token}", "accept": "application/json, text/event-stream"}
            async with httpx.AsyncClient(base_url=serving.url, timeout=300, headers=headers) as editor:
                body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
                call = asyncio.create_task(editor.post("ws/guarded", json=body))
                (request,) = await telegram.wait_for(lambda: telegram.sent)
                assert request.chat_id == room.id
                assert all(word in request.text for word in ("deploy__rollback", "Mona", "guarded", "shop"))
                assert SECRET not in request.text
                assert not effects.exists()
                telegram.press("Boss", request, "Approve")
                reply = await call
            assert json.loads(_last_message(reply))["result"].get("isError", False) is False
            assert effects.read_text().split() == ["rollback"]
            await telegram.wait_for(lambda: not telegram.sent[0].buttons)
            assert "Boss" in telegram.sent[0].text
            assert len(telegram.sent) == 1


def _last_message(reply: httpx.Response) -> str:
    if not reply.headers["content-type"].startswith("text/event-stream"):
        return reply.text
    return [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")][-1]
