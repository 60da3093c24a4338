"""Two whole instances on one PostgreSQL database spend from one budget."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from botkit.app.environment import load_environment
from botkit.app.runtime import open_instance
from botkit.core.budgets import Amount
from tests.app.test_runtime import say

CONFIG = """\
version: 1
models: {paid: {model: demo/offline, price: {input_per_million: 10, output_per_million: 100}}}
bots: {helper: {model: paid, max_output_tokens: 300}}
budgets: {tight: {tokens: 20000}, roomy: {spend: 1000 USD}}
"""


async def test_two_hundred_turns_in_two_instances_never_overspend(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BOTKIT_DATABASE_URL", postgres_url)
    monkeypatch.setenv("BOTKIT_MASTER_KEY", "11" * 32)
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        (folder / "bots.yaml").write_text(CONFIG)
    first, second = (open_instance(load_environment(cwd=folder), mode="chat") for folder in folders)
    async with first as one, second as other:
        turns = (say((one, other)[number % 2], "hello", room=f"r{number}") for number in range(200))
        states = [done.data["state"] for done in await asyncio.gather(*turns)]
        assert set(states) == {"completed", "limit_reached"}
        calls = await one.store.records.model_calls(limit=1000)
        assert len(calls) == states.count("completed")
        accounts = [one.budgets.account("tight"), other.budgets.account("roomy")]
        tight, roomy = await one.store.budgets.balances(accounts)
        assert tight.used.tokens == sum(call.usage.input_tokens + call.usage.output_tokens for call in calls)
        assert tight.used.tokens <= 20_000
        assert tight.reserved == roomy.reserved == Amount()
        assert roomy.used.micros == sum(call.usage.cost_micros for call in calls)
