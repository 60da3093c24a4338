"""A thousand messages on each platform in bad weather: repeated deliveries, rate limits, broken connections.

Counted at the platform: nothing is lost, nothing is doubled, order is kept. Where the platform cannot tell whether a
message arrived, the doubt is recorded, and there is as much of it as answers were lost.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.core.messages import Part
from botkit.testing.llm import FakeLLM, Reply, Request
from tests.storm.weather import PLATFORMS, PUBLIC, Weather, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

MESSAGES = int(os.environ.get("BOTKIT_TEST_STORM", "1000"))
PEOPLE = 20
PATIENCE_S = 600.0


def echo(request: Request) -> Reply:
    """The model answers with what was said last, so that each answer can be told."""
    messages = cast("list[dict[str, Any]]", request.body["messages"])
    said = next(one["content"] for one in reversed(messages) if one["role"] == "user")
    text = said if isinstance(said, str) else said[-1]["text"]
    return Reply(f"re {text.splitlines()[-1]}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BOTKIT_PORT", "0")
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", PUBLIC)
    monkeypatch.setenv("LLM_KEY", "none")
    return tmp_path


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
async def test_a_storm_loses_and_doubles_nothing(platform: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with PLATFORMS[platform]() as weather, FakeLLM(echo) as llm:
        for name, value in weather.variables.items():
            monkeypatch.setenv(name, value)
        (folder / "bots.yaml").write_text(
            "version: 1\n"
            f"models: {{default: {{model: openai/stub, api_base: {llm.openai_url}, api_key: {{secret: LLM_KEY}}}}}}\n"
            "bots: {desk: {history_messages: 2}}\n"
            f"channels: {{far: {{bot: desk, dm_policy: open, stream: false, {weather.settings}}}}}\n"
            "settings: {synchronous: normal}\n"
        )
        async with serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None) as serving:
            await until(lambda: health(serving) == "ok", 60)
            weather.connect(serving)
            lost_answers = await rage(weather, random.Random(platform))
            await until(lambda: nearly_answered(weather), PATIENCE_S)
            parts = await settled(serving, weather)
    judge(weather, parts, lost_answers)


def health(serving: Serving) -> str:
    return {one.name: one.state for one in serving.instance.channels.health()}["far"]


async def rage(weather: Weather, chance: random.Random) -> int:
    """Everybody writes; one send in nine meets trouble. Returns how many answers get lost."""
    lost = 0
    for number in range(MESSAGES):
        weather.say(f"P{number % PEOPLE}", f"P{number % PEOPLE} {number // PEOPLE:04d}")
        if number % 10 == 0:
            await until(weather.calm, PATIENCE_S)
            weather.redeliver()
        match chance.randrange(36):
            case 0:
                weather.slow_down()
            case 1:
                weather.lose_request()
                lost += 1  # from our side it looks the same as a lost answer
            case 2:
                weather.lose_answer()
                lost += 1
            case 3:
                weather.break_after()
                lost += 1
            case _:
                pass
    return lost


def nearly_answered(weather: Weather) -> bool:
    """Nearly: what is under way or in doubt is looked at afterwards."""
    return sum(len(weather.read(who)) for who in everybody()) >= MESSAGES * 9 // 10


async def settled(serving: Serving, weather: Weather) -> list[Part]:
    """All parts, once nothing is under way any more."""
    records = serving.instance.store.records
    counts: dict[str, int] = {}
    for _ in range(int(PATIENCE_S * 10)):
        counts = await records.counts()
        parts = await records.parts(channel="far", limit=2 * MESSAGES)
        busy = counts["inbox_undone"] or counts["parts_pending"] or counts["runs_running"]
        if not busy and not wrongly_doubted(weather, parts):
            return list(parts)
        await asyncio.sleep(0.1)
    raise AssertionError(f"it does not come to rest: {counts}")


def wrongly_doubted(weather: Weather, parts: Sequence[Part]) -> set[str]:
    """Texts of messages that are unknown and that this platform lets one know of."""
    doubted = {part.text for part in parts if part.state == "unknown"}
    if weather.doubt == "any":
        return set()
    return doubted if weather.doubt == "none" else doubted & {text for who in everybody() for text in weather.read(who)}


def everybody() -> list[str]:
    return [f"P{number}" for number in range(PEOPLE)]


def judge(weather: Weather, parts: list[Part], lost_answers: int) -> None:
    states = Counter(part.state for part in parts)
    assert len(parts) == MESSAGES, states
    assert set(states) <= {"sent", "unknown"}, states
    assert not wrongly_doubted(weather, parts)
    assert states["unknown"] <= lost_answers
    doubtful = {part.text for part in parts if part.state == "unknown"}
    for who in everybody():
        said = [f"re {who} {number:04d}" for number in range(MESSAGES // PEOPLE)]
        heard = weather.read(who)
        assert [text for text, times in Counter(heard).items() if times > 1] == []
        assert heard == [text for text in said if text in heard], "out of order"
        assert set(said) - set(heard) <= doubtful, "lost"
