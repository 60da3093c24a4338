"""Evaluations with a provider behind HTTP: the instance's own key is used, and stays where it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from botkit.app.environment import load_environment
from botkit.app.evals.cassette import cassette_path
from botkit.app.evals.running import Options
from botkit.app.runtime import open_instance
from botkit.testing.llm import FakeLLM
from tests.app.evals.conftest import Run

KEY = "sk-of-the-shop-0123456789"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the model library's own
@pytest.mark.slow  # the model library takes seconds to load
async def test_a_key_of_the_vault_is_used_and_not_recorded(run: Run, shop: Path):
    async with FakeLLM() as llm:
        model = {"model": "openai/gpt-x", "api_base": llm.openai_url, "api_key": {"secret": "MODEL_KEY"}}
        priced = {**model, "price": {"input_per_million": 3, "output_per_million": 15}}
        file = shop / "bots.yaml"
        file.write_text(file.read_text().replace("default: demo/offline", f"default: {json.dumps(priced)}"))
        async with open_instance(load_environment(), mode="command") as instance:
            await instance.vault.put("instance", "MODEL_KEY", KEY)
        llm.say(f"Your key is {KEY}.").say("See you.")
        talk = {"turns": ["hello", "bye"], "expect": {"contains": "see you", "limits": {"cost": 1}}}
        first = await run([talk], Options(mode="record"))
        assert (first.passed, len(llm.requests)) == (1, 2)
        assert first.cost_cents > 0
    again = await run([talk], Options(mode="play"))  # nobody listens any more
    assert (again.passed, again.usage) == (1, first.usage)
    text = cassette_path(shop / "workspace" / "evals" / "cases.yaml").read_text()
    assert "Your key is" in text
    assert KEY not in text
