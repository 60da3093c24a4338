"""What a bot looked up stands under its answer, in later turns too; what it did not look up never does."""

from __future__ import annotations

from botkit.core.knowledge import Passage, material
from botkit.testing.models import ScriptedModel, calls
from tests.agents.support import Bench, FakeTools, a_task, a_tool

SEARCH = a_tool("knowledge__search", "Search the knowledge base.", query="string")
OTHER = a_tool("web__search", "Search the web.", query="string")
PAY = Passage(id="k1aaaaaaa", source="shop", file="docs/pay.md", heading="Pay", line=3, text="On Fridays. " * 500)
MATERIAL = material([PAY])


def searches(tool: str, answer: str) -> ScriptedModel:
    return ScriptedModel(calls((tool, {"query": "pay"})), answer)


def bench(model: ScriptedModel) -> Bench:
    return Bench(model, FakeTools(SEARCH, OTHER, search=lambda _: MATERIAL))


async def test_sources_stand_under_the_answer_and_ids_in_the_history() -> None:
    stage = bench(searches("knowledge__search", "On Fridays [k1aaaaaaa]. Or not [k9zzzzzzz]."))
    outcome = await stage.run(a_task("When am I paid?"))
    assert outcome.text == "On Fridays [1]. Or not.\n\n[1] docs/pay.md, Pay, line 3"
    assert outcome.output["citations"] == {"sources": ["docs/pay.md, Pay, line 3"], "unknown": ["k9zzzzzzz"]}
    assert "[k1aaaaaaa]" in outcome.rows[-1].text

    later = bench(ScriptedModel("As I said: on Fridays [k1aaaaaaa]."))
    again = await later.run(a_task("When?", history=outcome.rows))
    assert again.text.endswith("on Fridays [1].\n\n[1] docs/pay.md, Pay, line 3")


async def test_other_tools_are_no_source() -> None:
    outcome = await bench(searches("web__search", "On Fridays [k1aaaaaaa].")).run(a_task("When am I paid?"))
    assert outcome.text == "On Fridays."


async def test_an_answer_that_cites_nothing_is_left_alone() -> None:
    outcome = await bench(searches("knowledge__search", "On Fridays, see [knowledge] [1].")).run(a_task("When?"))
    assert outcome.text == "On Fridays, see [knowledge] [1]."
    assert "citations" not in outcome.output
