"""What a rehearsal really does (code, functions, own nodes, knowledge) and what it only writes down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.app.rehearsal.cases import Case
from botkit.app.rehearsal.expecting import CaseReport, rehearse
from botkit.app.rehearsal.stage import Stage
from botkit.app.workflows import load_project

CONFIG = """\
version: 1
knowledge: {shop: {paths: [docs]}}
functions: {prices: {run: workspace/functions/prices.py}}
workspaces: {default: {functions: [prices], knowledge: [shop]}}
bots: {helper: {name: Helper}}
people: {eve: {roles: [admin]}}
"""
FUNCTIONS = '''\
from botkit.sdk import FunctionFailed, function


@function(read_only=True)
def price_of(item: str) -> float:
    """The price of an item."""
    if item == "moon":
        raise FunctionFailed("not for sale", code="not_for_sale")
    return 4.5
'''
NODE = '''\
from botkit.sdk.nodes import Node, NodeContext, Outcome, node


@node("shout")
class Shout(Node):
    """Say it loud."""

    text: str

    async def run(self, ctx: NodeContext) -> Outcome:
        async def loud(handle):
            return self.text.upper()

        return Outcome(output=await ctx.step("loud", loud))
'''
FLOW = """\
steps:
  - function_call: {function: price_of, input: {item: "{{ message.text }}"}}
    id: price
    error: [{send_message: {text: "{{ error.code }}"}}, end]
  - code_block: {language: python, code: "input['price'] * 2", input: {price: "{{ price }}"}}
    id: twice
  - knowledge_search: {query: "days to send it back", sources: [shop]}
    id: found
  - shout: {text: "{{ message.text }}"}
    id: loud
  - schedule_message: {delay: 1h, text: "Still {{ twice }}?", key: ask}
    id: plan
  - schedule_message: {at: "2026-02-01T10:00", text: "Never.", key: gone}
    id: unplan
  - schedule_message: {key: gone, cancel: true}
    id: cancel
  - send_proactive: {role: admin, text: "{{ user.name }} asks."}
    id: tell
  - action: {action_type: tag_user, tags: [asked]}
    id: tag
  - action: {action_type: emit_event, name: price.asked, value: {item: "{{ message.text }}"}}
    id: emit
  - send_message: {text: "{{ loud }} {{ twice }} {{ found.passages[0].file }} {{ user.tags }}"}
"""


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[tuple[Any, Stage]]:
    for name, text in {
        "bots.yaml": CONFIG,
        "docs/returns.md": "# Returns\n\nYou have 30 days to send it back.\n",
        "workspace/functions/prices.py": FUNCTIONS,
        "workspace/nodes/shout.py": NODE,
        "workspace/workflows/flow.yaml": FLOW,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = load_project(tmp_path / "bots.yaml")
    async with Stage(config) as stage:
        yield config, stage


async def came(project: tuple[Any, Stage], **fields: Any) -> CaseReport:
    case = msgspec.convert({"name": "it", "workflow": "flow", "start": "tea", **fields}, Case)
    return await rehearse(project[0], case, stage=project[1])


async def test_what_harms_nobody_is_done_and_the_rest_is_written_down(project: tuple[Any, Stage]) -> None:
    report = await came(
        project,
        user={"tags": ["old"]},
        expect={
            "messages": [{"text": "Ada asks.", "to": "sandbox:eve:"}, 'TEA 9 docs/returns.md ["asked","old"]'],
            "calls": [{"tool": "functions__price_of", "arguments": {"item": "tea"}}],
            "later": [{"key": "ask", "at": "2026-01-05T10:00:00+00:00", "text": "Still 9?"}],
            "events": [{"name": "price.asked", "data": {"item": "tea"}}],
        },
    )

    assert report.ok, report.differences


async def test_a_case_may_begin_with_an_event(project: tuple[Any, Stage]) -> None:
    root = project[0].root
    (root / "workspace" / "workflows" / "paid.yaml").write_text(
        "steps: [{trigger: {kind: event, name: order.paid, when: trigger.body.total > 5}, id: start}, "
        '{set_variable: {name: said, value: "{{ trigger.body.total }} of {{ user.name }}"}, id: done}]\n'
    )
    case = {"name": "it", "workflow": "paid", "start": {"event": "order.paid", "body": {"total": 9}}}
    config = load_project(root / "bots.yaml")
    expected = {"path": ["start", "done"], "variables": {"said": "9 of Ada"}}
    report = await rehearse(config, msgspec.convert({**case, "expect": expected}, Case))
    assert report.ok, report.differences
    report = await rehearse(config, msgspec.convert({**case, "start": {"event": "order.lost", "body": {}}}, Case))
    assert report.performance.state == "ignored"


async def test_an_error_of_a_function_takes_its_edge(project: tuple[Any, Stage]) -> None:
    report = await came(project, start="moon", expect={"messages": ["not_for_sale"], "calls": ["..."]})

    assert report.ok, report.differences


async def test_everything_can_be_mocked(project: tuple[Any, Stage]) -> None:
    report = await came(
        project,
        tools={"functions__price_of": {"result": 1}},
        nodes={
            "twice": 7,
            "found": {"passages": [{"file": "x"}]},
            "loud": "L",
            "plan": {},
            "tell": {"handle": "opted_out"},
        },
        expect={"state": "completed", "later": [], "not_visited": ["emit"]},
    )
    assert report.ok, report.differences
    assert report.performance.variables["twice"] == 7

    report = await came(project, expect={"events": ["other"], "later": ["other"]})
    assert [difference.what for difference in report.differences] == ["events", "later"]
