"""The sample team finds its members on the labelled messages that ship with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from botkit.agents.team_router import TeamRouter
from botkit.app.operations.teams import read_cases
from botkit.core.config import load_config
from botkit.core.errors import ConfigError
from botkit.engine.teams import request_of
from botkit.testing.clock import ManualClock
from botkit.testing.models import ScriptedModel

ROOT = Path(__file__).parents[2]
CASES = ROOT / "workspace" / "evals" / "support-routing.yaml"


async def test_nine_of_ten_messages_find_their_member_offline():
    team, cases = read_cases(CASES)
    request = request_of(load_config(ROOT / "bots.yaml"), team)
    router, clock = TeamRouter(ScriptedModel()), ManualClock()
    right: Counter[str] = Counter()
    for member, texts in cases.items():
        for text in texts:
            routed = await router.choose(msgspec.structs.replace(request, text=text), clock)
            right[member] += routed.member == member
    total = sum(map(len, cases.values()))
    assert total >= 50
    assert right.total() / total >= 0.9
    assert all(right[member] / len(texts) >= 0.8 for member, texts in cases.items())


@pytest.mark.parametrize("text", ["[", "team: a", "team: a\ncases: [b]", "team: a\ncases: {b: c}", "cases: {}", ""])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        read_cases(file)
