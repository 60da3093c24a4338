"""A whole instance with an embedding model over HTTP: indexed, found by meaning, booked, and cited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from botkit.app.operations import Operations
from botkit.testing.llm import FakeLLM, Status
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

CONFIG = """
version: 1
models:
  meaning:
    model: openai/text-embedding-3-small
    api_base: "{url}"
    price: {{input_per_million: 100, output_per_million: 0}}
  talks: {{model: openai/gpt-4o, api_base: "{url}"}}
settings: {{knowledge: {{embedding: meaning}}}}
knowledge: {{shop: {{paths: docs}}}}
workspaces: {{desk: {{knowledge: shop}}}}
bots: {{expert: {{workspace: desk, model: talks}}}}
budgets: {{desk: {{workspaces: desk, tokens: 100000}}}}
"""


async def test_a_bot_answers_by_meaning_and_cites(
    folder: Path, opened: OpenInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    (folder / "docs").mkdir()
    (folder / "docs/pay.md").write_text("# Pay\n\nReimbursements are paid on Fridays.")
    (folder / "docs/tea.md").write_text("# Tea\n\nTea is green.")
    async with FakeLLM() as llm:
        llm.embeddings.concepts = {"refund": "money-back", "reimbursement": "money-back"}
        (folder / "bots.yaml").write_text(CONFIG.format(url=llm.openai_url))
        async with opened("command") as instance:
            ops = Operations.of(instance)
            assert (await ops.knowledge.index())["shop"].embedded == 2
            (view,) = await ops.knowledge.sources()
            assert (view.passages, view.vectors, view.embedding) == (2, 2, "meaning")
            found = await ops.knowledge.search(query="refund")
            assert [(one.file, one.found_by) for one in found.passages][:1] == [("docs/pay.md", ("meaning",))]
            (passage,) = await ops.knowledge.show(file="docs/pay.md")
            llm.embeddings.down = Status(503, message="down")
            silent = await ops.knowledge.search(query="reimbursements and more")
            assert [one.file for one in silent.passages] == ["docs/pay.md"]
            assert "searched by words alone" in silent.notice
            llm.embeddings.down = None
        llm.call("knowledge__search", query="when is my refund paid")
        llm.say(f"On Fridays [{passage.id}]. Promised [k9zzzzzzz].")
        async with opened() as instance:
            said = await _ask(instance, "when is my refund paid?")
            assert said == "On Fridays [1]. Promised.\n\n[1] docs/pay.md, Pay, line 3"
            calls = await instance.store.records.model_calls()
            mine = [call for call in calls if "embedding" in call.model]
            assert {call.workspace for call in mine if call.run_id} == {"desk"}
            (balance,) = await instance.budgets.balances("desk")
            assert balance.used.tokens > sum(call.usage.input_tokens for call in mine) > 0
            assert balance.reserved.tokens == 0


async def _ask(instance: Any, text: str) -> str:
    done = await say(instance, text, bot="expert")
    return str(done.data["text"])
