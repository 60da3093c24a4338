"""Code in a workflow: values in and out, tools through the gateway, and the same again after any crash."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from botkit.app.guests import spawn_guest
from botkit.core.journal import Wait
from botkit.core.redact import NoRedaction
from botkit.sdk.nodes import NodeFailed, Outcome, ToolAnswer
from botkit.testing.nodes import NodeBench
from botkit.workflows.graph import Graph, GraphNode
from botkit.workflows.nodes.code_block import CodeBlock
from botkit.workflows.sandbox.pool import Sandbox
from tests.workflows.memory import MemoryRun


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(spawn_guest, slots=1)
    yield made
    await made.close()


def bench(sandbox: Sandbox, data: dict[str, Any], **more: Any) -> NodeBench:
    services = {"sandbox": sandbox, "redactor": more.pop("redactor", NoRedaction())}
    return NodeBench(CodeBlock, data, services=services, variables={"order": {"id": 7, "lines": [1, 2]}}, **more)


async def test_code_gets_its_input_and_gives_its_result_once(sandbox: Sandbox):
    data = {"code": "console.log('n');\nreturn {sum: input.reduce((a, b) => a + b), raw: '{{ order.id }}'}"}
    one = bench(sandbox, {**data, "input": "{{ order.lines }}"})
    outcome = await one.run()
    assert outcome == Outcome(output={"sum": 3, "raw": "{{ order.id }}"})
    assert one.ctx.notes
    assert await one.again() == outcome
    assert one.ctx.effects == ["node/run"]
    again = bench(sandbox, {"language": "python", "code": "[input['id'], 'py']", "input": "{{ order }}"})
    assert await again.run() == Outcome(output=[7, "py"])


async def test_mistakes_and_limits_say_where(sandbox: Sandbox):
    one = bench(sandbox, {"code": "let a = 1;\nnull.x"})
    for attempt in (one.run, one.again):
        with pytest.raises(NodeFailed) as caught:
            await attempt()
        assert caught.value.code == "code_error"
        assert (caught.value.facts["line"], caught.value.facts["column"]) == (2, 1)
    assert one.ctx.effects == ["node/run"]
    with pytest.raises(NodeFailed) as caught:
        await bench(sandbox, {"code": "while (true) {}", "cpu_s": 0.2}).run()
    assert caught.value.code == "limit"
    assert not caught.value.retryable


async def test_what_it_prints_and_throws_holds_no_secret(sandbox: Sandbox):
    def hidden(value: str) -> str:
        return value.replace("s3cret", "…")

    hide = SimpleNamespace(text=hidden)
    one = bench(sandbox, {"code": "console.log('s3cret'); throw new Error('s3cret')"}, redactor=hide)
    with pytest.raises(NodeFailed) as caught:
        await one.run()
    assert "s3cret" not in str(caught.value)
    assert b"s3cret" not in b"".join(one.ctx.steps.values())


async def test_a_function_gives_its_own_result(sandbox: Sandbox):
    tools = {"functions__price": {"result": 9.5}}
    one = bench(sandbox, {"code": "return await tools.functions__price()", "tools": ["functions__*"]}, tools=tools)
    assert await one.run() == Outcome(output=9.5)


async def test_tools_are_those_that_are_named(sandbox: Sandbox):
    tools = {"orders__get": {"total": 5}, "mail__send": "sent", "orders__drop": ToolAnswer("no", declined=True)}
    code = """
    const got = await tools.orders__get({id: input});
    const said = [];
    for (const name of ['mail__send', 'orders__drop', 'orders__gone'])
      try { said.push(await tools.call(name, {a: 1})); } catch (error) { said.push(error.message); }
    return [got.total, ...said];
    """
    one = bench(sandbox, {"code": code, "input": 7, "tools": ["orders__get", "orders__drop"]}, tools=tools)
    outcome = await one.run()
    assert isinstance(outcome, Outcome)
    assert outcome.output[:1] == [5]
    assert "may not call `mail__send`" in outcome.output[1]
    assert outcome.output[2] == "orders__drop: no"
    assert one.ctx.called == [("orders__get", {"id": 7}), ("orders__drop", {"a": 1})]
    assert await one.again() == outcome
    assert len(one.ctx.called) == 2
    none = bench(sandbox, {"code": "await tools.orders__get()"}, tools=tools)
    with pytest.raises(NodeFailed):
        await none.run()
    assert none.ctx.called == []


def a_run(sandbox: Sandbox) -> MemoryRun:
    code = (
        "order = await tools.orders__get({'id': input})\n"
        "await tools.orders__refund({'id': input, 'nonce': now()})\n"
        "await tools.mail__send({'text': order})"
    ).replace("now()", "__import_random__")
    code = "import random\n" + code.replace("__import_random__", "random.random()")
    data = {"language": "python", "code": code, "input": "A-1", "tools": ["orders__*", "mail__send"]}
    run = MemoryRun(Graph(name="g", nodes=(GraphNode(id="work", type="code_block", data=data),)))
    run.services = replace(run.services, sandbox=sandbox)
    run.tools.add("orders__get", _gives("order A-1"), tool_class="read-only", id="string")
    run.tools.add("orders__refund", _gives("done"), approve=True, id="string", nonce="number")
    run.tools.add("mail__send", _gives("sent"), idempotent=True, text="string")
    return run


def _gives(text: str) -> Callable[..., str]:
    def work(**arguments: object) -> str:
        return text

    return work


def yes(wait: Wait) -> dict[str, Any]:
    assert wait.payload["tool"] == "orders__refund"
    return {"approved": True}


async def test_a_pause_in_the_middle_does_nothing_twice(sandbox: Sandbox):
    run = a_run(sandbox)
    assert await run.live() is None
    assert [effect.tool for effect in run.tools.effects] == ["orders__get"]
    outcome = await run.finish(yes)
    assert (outcome.state, outcome.output) == ("completed", "sent")
    assert [effect.tool for effect in run.tools.effects] == ["orders__get", "orders__refund", "mail__send"]
    asked = next(wait for wait in run.waits.values()).payload["arguments"]
    assert run.tools.effects[1].arguments == asked


async def test_it_can_be_killed_at_every_commit(sandbox: Sandbox):
    whole = a_run(sandbox)
    await whole.finish(yes)
    for number in range(1, whole.commits + 1):
        for after in (False, True):
            run = a_run(sandbox)
            run.die_at, run.die_after_commit = number, after
            outcome = await run.finish(lambda wait: yes(wait) if wait.kind == "approval" else _found(wait))
            assert outcome.state == "completed", (number, after)
            done = [effect.tool for effect in run.tools.effects]
            refunds = done.count("orders__refund")
            assert refunds <= 1 <= refunds + _asked_operator(run), (number, after)


def _asked_operator(run: MemoryRun) -> int:
    """1 when the process died between the intent and the refund, so that somebody had to look."""
    return sum(wait.kind == "reconcile" for wait in run.waits.values())


def _found(wait: Wait) -> dict[str, Any]:
    return {"approved": True, "action": "result", "result": "done"}


def test_python_that_cannot_be_read_is_found_before_anything_runs():
    assert CodeBlock.check({"language": "python", "code": "a = 1\nb = ("})[0][1].startswith("line 2: ")
    assert CodeBlock.check({"language": "python", "code": "return await tools.a__b({})"}) == []
    assert CodeBlock.check({"code": "return 1"}) == []
