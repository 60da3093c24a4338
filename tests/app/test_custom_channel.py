"""A whole instance behind a front end of one's own: asked and answered over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve

SECRET = "0123456789abcdef-shared"
PATH = "/api/bots/webhook/custom/site"


@pytest.fixture
async def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    (folder / "bots.yaml").write_text(
        "version: 1\nbots: {desk: {}}\n"
        "channels: {site: {platform: custom, bot: desk, secret: {secret: SITE_SECRET}, timeout_s: 45}}\n"
    )
    monkeypatch.setenv("BOTKIT_PORT", "0")
    monkeypatch.setenv("SITE_SECRET", SECRET)
    async with serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None) as serving:
        yield serving


async def ask(
    serving: Serving, text: str, *, message_id: str = "", token: str = SECRET, **fields: str
) -> httpx.Response:
    body: dict[str, Any] = {"text": text, "user_id": "42", "channel_id": "help", **fields}
    if message_id:
        body["message_id"] = message_id
    async with httpx.AsyncClient(base_url=serving.instance.url, timeout=60) as client:
        return await client.post(PATH, json=body, headers={"authorization": f"Bearer {token}"})


async def test_an_answer_comes_with_its_run_and_its_cost(serving: Serving) -> None:
    answer = await ask(serving, "hello", user_name="Ada")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "completed")
    assert "demo/offline" in told["response"]
    assert {"tool_calls", "tokens", "cost_cents", "latency_ms", "trace_id"} <= set(told)
    (run,) = await serving.operations.runs.list()
    assert run.run.id == told["run_id"]


async def test_a_message_that_comes_again_gets_the_same_answer_and_no_second_turn(serving: Serving) -> None:
    first = (await ask(serving, "hello", message_id="m1")).json()
    again = (await ask(serving, "hello", message_id="m1")).json()
    assert (again["run_id"], again["response"]) == (first["run_id"], first["response"])
    assert len(await serving.operations.runs.list()) == 1


async def test_a_command_is_answered_without_a_run(serving: Serving) -> None:
    told = (await ask(serving, "/whoami")).json()
    assert (told["status"], told["run_id"]) == ("answered", "")
    assert told["response"]


async def test_a_forged_request_is_refused(serving: Serving) -> None:
    assert (await ask(serving, "hello", token="wrong-wrong-wrong")).status_code == 401
    assert await serving.operations.runs.list() == []
