"""Nodes of an operator: described, checked and run elsewhere, killed at every boundary, replaced on edit."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from botkit.app.guests import spawn_guest
from botkit.core.config import load_config
from botkit.core.errors import NotFound
from botkit.core.workflows import WorkflowOutcome
from botkit.sdk.nodes import EXPRESSION, RAW, Node
from botkit.workflows.check import check_workflows
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Retry
from botkit.workflows.machine import kept_as_written
from botkit.workflows.own.describing import describe, registry_of, versions_of
from botkit.workflows.own.host import OwnNodes
from botkit.workflows.own.proxy import node_types
from tests.workflows.memory import MemoryRun

CANARY = "canary-90b1"
NODES = '''
"""Nodes for tests."""
import asyncio, os, time
from typing import Any, ClassVar, TypedDict

from _shared import PREFIX
from botkit.sdk.nodes import Expression, Node, NodeContext, NodeFailed, Outcome, Raw, Signal, Wait, node


class Counted(TypedDict):
    """What was counted."""

    total: int
    """All of it."""


@node("count")
class Count(Node):
    """Count lines of a file, each with a step."""

    handles: ClassVar[Any] = {"default": "counted", "none": "there was nothing"}
    output: ClassVar[Any] = Counted

    lines: list[str]
    """What to write down."""
    file: str
    """Where."""
    die_after: str = ""
    """The line after which the process ends itself, once."""
    when: Expression = "true"
    """Whether to count at all."""
    note: Raw[str] = ""
    """Kept as it is."""

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        if not ctx.evaluate(self.when):
            return Outcome("none")
        total = 0
        for number, line in enumerate(self.lines):

            async def write(handle: Any, line: str = line) -> int:
                assert handle.idempotency_key.endswith(f"/line-{number}")
                with open(self.file, "a") as file:
                    file.write(line + "\\n")
                return len(line)

            total += await ctx.step(f"line-{number}", write, kind=int)
            marker = self.file + ".died"
            if line == self.die_after and not os.path.exists(marker):
                open(marker, "w").close()
                os.kill(os.getpid(), 9)
        ctx.note("counted", total=total)
        return Outcome(output={"total": total}, set={"noted": self.note})


@node("everything")
class Everything(Node):
    """Ask botkit for everything."""

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        one, two = await asyncio.gather(
            ctx.call_tool("get", "orders__get", {"id": "A-1"}), ctx.call_tool("list", "orders__list", {})
        )
        refund = await ctx.call_tool("refund", "orders__refund", {"id": one.text})
        answer = await ctx.ask_model("think", "Say something", system="short")
        await ctx.say("tell", ctx.render("{{ message.text }}: {{ said }}", said=answer.text))
        return Wait.reply(PREFIX + refund.text, expires_s=60, two=two.text)

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome | Wait:
        if signal.expired:
            return Outcome(output="expired")
        return Outcome(output=[signal.text, signal.state["two"], ctx.run.person_id, ctx.now().year, ctx.attempt])


@node("misbehave")
class Misbehave(Node):
    """Do what one should not."""

    how: str
    file: str = ""

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        if self.how == "raise":
            raise ValueError("broken")
        if self.how == "fail":
            raise NodeFailed("not today", code="closed", retryable=True)
        if self.how == "exit":
            os._exit(3)
        if self.how == "hang":
            time.sleep(600)
        if self.how == "memory":
            return Outcome(output=len(bytearray(8 << 30)))
        if self.how == "environ":
            return Outcome(output=repr(dict(os.environ)))
        if self.how == "print":
            print('{"id": "node_1", "outcome": {}}', flush=True)
            os.write(1, b"not a message\\n")
        if self.how == "edge":
            return Outcome("sideways")
        if self.how == "wait":
            open(self.file + ".began", "w").close()
            while not os.path.exists(self.file):
                await asyncio.sleep(0.01)
        if self.how == "once":

            async def pay(_: Any) -> str:
                with open(self.file, "a") as file:
                    file.write("paid\\n")
                os._exit(3)

            await ctx.step("pay", pay, once=True)
        return Outcome(output="VERSION 1")
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace" / "nodes"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(dedent(NODES))
    (folder / "_shared.py").write_text('PREFIX = "asked: "\n')
    return tmp_path


@pytest.fixture
async def own(root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnNodes]:
    monkeypatch.setenv("BOTKIT_MASTER_KEY", CANARY)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    made = OwnNodes(spawn_guest, root / "workspace" / "nodes", silence_s=15.0)
    yield made
    await made.close()


def a_run(own: OwnNodes, root: Path, *nodes: GraphNode, **more: Any) -> MemoryRun:
    edges = tuple(GraphEdge(source=one.id, target=two.id) for one, two in pairwise(nodes))
    run = MemoryRun(Graph(name="g", nodes=nodes, edges=edges), **more)
    run.services = replace(run.services, own=own, node_type=node_types(root / "workspace" / "nodes"))
    return run


def count(root: Path, **data: Any) -> GraphNode:
    lines = ["{{ message.text }}", "bb", "ccc"]
    return GraphNode(id="count", type="count", data={"lines": lines, "file": str(root / "effects"), **data})


def effects(root: Path) -> list[str]:
    file = root / "effects"
    return file.read_text().split() if file.exists() else []


def misbehave(root: Path, how: str, **more: Any) -> GraphNode:
    return GraphNode(id="bad", type="misbehave", data={"how": how, "file": str(root / "effects")}, **more)


def test_nodes_are_described_and_checked_like_any_other(root: Path):
    (root / "bots.yaml").write_text(
        dedent("""
        version: 1
        workflows:
          good:
            steps:
              - count: {lines: [a], file: b, when: "1 > 0"}
              - set_variable: {name: x, value: "{{ count.total }}"}
          bad:
            steps:
              - count: {lines: [a], fyle: b}
              - set_variable: {name: x, value: "{{ count.totla }}"}
        """)
    )
    config = load_config(root / "bots.yaml")
    spec = registry_of(config)["count"].spec
    assert spec.text == "Count lines of a file, each with a step."
    assert (spec.handles, spec.category, Path(spec.file).name) == (
        {"default": "counted", "none": "there was nothing"},
        "own",
        "own.py",
    )
    problems = [str(one) for one in check_workflows(config).problems]
    assert all("bad" in one for one in problems)
    assert any("fyle" in one for one in problems)
    assert any("totla" in one for one in problems)


def test_files_that_are_wrong_are_problems_with_a_line(root: Path):
    folder = root / "workspace" / "nodes"
    (folder / "broken.py").write_text("import os\n1 / 0\n")
    (folder / "mine.py").write_text(
        "from botkit.sdk.nodes import Node, node\n@node('delay')\nclass Delay(Node):\n    '''Mine.'''\n"
    )
    (folder / "nothing.py").write_text("x = 1\n")
    (folder / "unread.py").write_text("def (:\n")
    found = describe(folder)
    told = {Path(one.file).name: (one.line, one.message) for one in found.problems}
    assert told["broken.py"] == (2, "ZeroDivisionError: division by zero")
    assert told["mine.py"][1] == "the node type `delay` is botkit's own: choose another"
    assert "defines no node" in told["nothing.py"][1]
    assert told["unread.py"][0] == 1
    assert {spec.type for spec in found.specs} == {"count", "everything", "misbehave"}


def test_a_node_looks_to_the_runner_as_its_class_does(root: Path):
    find = node_types(root / "workspace" / "nodes")
    cls = find("count")
    assert issubclass(cls, Node)
    assert kept_as_written(cls) == {"when", "note"}
    assert EXPRESSION in cls.model_fields["when"].metadata
    assert RAW in cls.model_fields["note"].metadata
    assert find("delay").__module__ == "botkit.workflows.nodes.delay"
    with pytest.raises(NotFound):
        find("nothing")


async def test_a_node_runs_with_its_steps_journaled(own: OwnNodes, root: Path):
    run = a_run(own, root, count(root, note="{{ raw }}", when="message.text == 'hello'"))
    outcome = await run.live()
    assert outcome is not None
    assert (outcome.state, outcome.output) == ("completed", {"total": 10})
    assert effects(root) == ["hello", "bb", "ccc"]
    assert [key for key in run.steps if key.startswith("count/line")] == [f"count/line-{n}" for n in range(3)]
    none = await a_run(own, root, count(root, when="false")).live()
    assert none is not None
    assert none.output is None


async def test_a_killed_process_is_replaced_and_finished_steps_are_not_done_again(own: OwnNodes, root: Path):
    outcome = await a_run(own, root, count(root, die_after="bb")).live()
    assert outcome is not None
    assert (outcome.state, outcome.output) == ("completed", {"total": 10})
    assert effects(root) == ["hello", "bb", "ccc"]


async def test_botkit_may_be_killed_at_every_commit(own: OwnNodes, root: Path):
    whole = a_run(own, root, count(root))
    await whole.finish()
    for number in range(1, whole.commits + 1):
        for after in (False, True):
            (root / "effects").unlink()
            run = a_run(own, root, count(root))
            run.die_at, run.die_after_commit = number, after
            outcome = await run.finish()
            assert outcome.output == {"total": 10}
            done = effects(root)
            repeated = [line for line in done if done.count(line) > 1]
            assert set(done) == {"hello", "bb", "ccc"}
            assert len(repeated) in ((0,) if after else (0, 2)), (number, after)  # a step whose result was lost


async def test_a_node_asks_botkit_for_everything_and_waits(own: OwnNodes, root: Path):
    def answered(wait: Any) -> dict[str, Any]:
        return {"approved": True} if wait.kind == "approval" else {"text": "yes"}

    def prepared() -> MemoryRun:
        run = a_run(own, root, GraphNode(id="all", type="everything"), answers=["a thought"])
        run.tools.add("orders__get", tool_class="read-only", id="string")
        run.tools.add("orders__list", tool_class="read-only")
        run.tools.add("orders__refund", approve=True, idempotent=True, id="string")
        return run

    whole = prepared()
    outcome = await whole.finish(answered)
    assert outcome.state == "completed"
    assert outcome.output == ["yes", "done", "ada", whole.clock.now().year, 0]
    assert [part.text for part in whole.sent.values()] == ["hello: a thought"]
    refunds = [one for one in whole.tools.effects if one.tool == "orders__refund"]
    assert [one.arguments for one in refunds] == [{"id": "done"}]
    assert any(wait.payload.get("message") == "asked: done" for wait in whole.waits.values())
    for number in range(1, whole.commits + 1):
        run = prepared()
        run.die_at, run.die_after_commit = number, True
        assert (await run.finish(answered)).output == outcome.output
        assert len(run.sent) == 1
        assert sum(one.tool == "orders__refund" for one in run.tools.effects) == 1


async def test_what_goes_wrong_in_a_node_has_a_code(own: OwnNodes, root: Path):
    async def code(how: str, **more: Any) -> dict[str, Any]:
        outcome = await a_run(own, root, misbehave(root, how, **more)).live()
        assert outcome is not None
        return outcome.error or {}

    assert (await code("raise"))["message"] == "ValueError: broken"
    assert (await code("fail"))["code"] == "closed"
    assert (await code("exit"))["code"] == "crashed"
    assert (await code("memory"))["code"] == "node_error"
    assert (await code("edge"))["code"] == "internal"
    assert (await code("print")) == {}
    wrong = GraphNode(id="bad", type="misbehave", data={"how": ["a"]})
    outcome = await a_run(own, root, wrong).live()
    assert outcome is not None
    assert (outcome.error or {})["code"] == "invalid_config"


async def test_retries_of_the_graph_apply(own: OwnNodes, root: Path):
    run = a_run(own, root, misbehave(root, "fail", retry=Retry(attempts=2, delay_s=0.0)))
    outcome = await run.finish()
    assert (outcome.error or {})["code"] == "closed"
    assert any(key.startswith("bad@2") for key in run.steps)


async def test_no_key_is_in_its_environment(own: OwnNodes, root: Path):
    outcome = await a_run(own, root, misbehave(root, "environ")).live()
    assert outcome is not None
    assert "PATH" in outcome.output
    assert CANARY not in outcome.output


async def test_an_effect_that_may_not_happen_twice_is_looked_into(own: OwnNodes, root: Path):
    run = a_run(own, root, misbehave(root, "once"))
    assert await run.live() is None
    (wait,) = run.waits.values()
    assert wait.kind == "reconcile"
    assert effects(root) == ["paid"]


async def test_a_process_that_hangs_is_ended(root: Path):
    own = OwnNodes(spawn_guest, root / "workspace" / "nodes", silence_s=3.0)
    try:
        outcome = await a_run(own, root, misbehave(root, "hang")).live()
        assert outcome is not None
        assert (outcome.error or {})["code"] == "crashed"
    finally:
        await own.close()


async def test_an_edit_is_for_what_begins_then(own: OwnNodes, root: Path):
    before = a_run(own, root, misbehave(root, "wait"))
    running = asyncio.create_task(before.live())
    async with asyncio.timeout(60):
        while not (root / "effects.began").exists():
            await asyncio.sleep(0.01)
    file = root / "workspace" / "nodes" / "own.py"
    file.write_text(file.read_text().replace("VERSION 1", "VERSION TWO"))
    after = await a_run(own, root, misbehave(root, "none")).live()
    assert after is not None
    assert after.output == "VERSION TWO"
    (root / "effects").touch()
    ended = await running
    assert ended is not None
    assert ended.output == "VERSION 1"


async def test_a_hundred_nodes_side_by_side_while_their_processes_are_killed(own: OwnNodes, root: Path):
    async def one(number: int) -> WorkflowOutcome | None:
        data = {"lines": ["a", "b"], "file": str(root / f"effects-{number}")}
        return await a_run(own, root, GraphNode(id="count", type="count", data=data)).live()

    runs = [asyncio.create_task(one(number)) for number in range(100)]
    async with asyncio.timeout(90):
        while not (root / "effects-0").exists():
            await asyncio.sleep(0.01)
    for pid in own.pids[:1]:
        os.kill(pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*runs)
    assert all(outcome is not None and outcome.output == {"total": 2} for outcome in outcomes)
    for number in range(100):
        done = (root / f"effects-{number}").read_text().split()
        assert sorted(set(done)) == ["a", "b"]
        assert len(done) <= 3  # only what was under way


_TWICE = """
from botkit.sdk.nodes import Node, NodeContext, Outcome, Signal, Wait, node

@node("twice")
class Twice(Node):
    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        return Wait.reply("Well?")

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome | Wait:
        return Outcome(output="VERSION")
"""


def _edited(root: Path, version: str) -> None:
    (root / "workspace" / "nodes" / "twice.py").write_text(_TWICE.replace("VERSION", version))


async def _paused_and_edited(own: OwnNodes, root: Path) -> MemoryRun:
    """A run whose node asked something, was edited, and has its answer."""
    _edited(root, "first")
    run = a_run(own, root, GraphNode(id="ask", type="twice"))
    assert await run.live() is None
    _edited(root, "the second")
    run.decide(lambda wait: {"text": "yes"})
    assert await run.live() is None
    return run


def _asked(run: MemoryRun) -> Any:
    (wait,) = [wait for wait in run.waits.values() if wait.state == "open"]
    return wait


async def test_a_paused_run_waits_when_its_node_was_edited(own: OwnNodes, root: Path):
    run = await _paused_and_edited(own, root)
    asked = _asked(run)
    assert (asked.kind, asked.payload["step"]) == ("reconcile", "nodes/twice")
    assert "botkit workflows migrate run_1" in asked.payload["reason"]
    assert await run.live() is None
    assert _asked(run) == asked
    run.decide(lambda wait: {"action": "retry"})
    outcome = await run.live()
    assert outcome is not None
    assert outcome.output == "the second"


async def test_a_run_goes_on_when_the_file_is_what_it_was(own: OwnNodes, root: Path):
    run = await _paused_and_edited(own, root)
    _edited(root, "first")
    outcome = await run.live()
    assert outcome is not None
    assert outcome.output == "first"


async def test_an_operator_may_end_a_run_whose_node_was_edited(own: OwnNodes, root: Path):
    run = await _paused_and_edited(own, root)
    run.decide(lambda wait: {"action": "fail", "message": "too late"})
    outcome = await run.live()
    assert outcome is not None
    assert (outcome.state, outcome.error) == (
        "failed",
        {"code": "definition_changed", "message": "too late", "node": "ask"},
    )


async def test_an_edit_of_another_node_or_of_a_finished_one_is_no_matter(own: OwnNodes, root: Path):
    _edited(root, "first")
    run = a_run(own, root, count(root), GraphNode(id="ask", type="twice"))
    assert await run.live() is None
    source = root / "workspace" / "nodes" / "own.py"
    source.write_text(source.read_text() + "\n# edited\n")
    run.decide(lambda wait: {"text": "yes"})
    outcome = await run.live()
    assert outcome is not None
    assert outcome.output == "first"


def test_a_version_changes_with_the_file_and_its_helpers_alone(root: Path):
    folder = root / "workspace" / "nodes"
    _edited(root, "first")
    before = versions_of(folder, {"count", "twice", "delay", "nothing"})
    assert set(before) == {"count", "twice"}
    _edited(root, "the second")
    after = versions_of(folder, {"count", "twice"})
    assert (after["count"] == before["count"], after["twice"] == before["twice"]) == (True, False)
    (folder / "_shared.py").write_text('PREFIX = "said: "\n')
    assert versions_of(folder, {"count"})["count"] != before["count"]
