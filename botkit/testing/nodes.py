"""Try a workflow node without a workflow: what it says, asks, calls and gives back, and that nothing happens twice.

    bench = NodeBench(WaitForCall, {"question": "Which number, {{ user.name }}?"}, variables={"user": {"name": "Ada"}})
    wait = await bench.run()
    assert wait.message.text == "Which number, Ada?"
    outcome = await bench.answer("+49 30 1234")
    assert outcome.handle == "given"

The fields are filled in and checked as the runner does it. Everything a node does to the world is journaled in
memory: `await bench.again()` is what happens after a crash, and must give the same without doing anything again.
"""

from __future__ import annotations

__all__ = ["BenchContext", "NodeBench", "Said"]

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import msgspec
from pydantic import ValidationError

from botkit.core.messages import OutMessage
from botkit.core.redact import NoRedaction
from botkit.core.tools import Principal
from botkit.sdk.nodes import (
    EXPRESSION,
    RAW,
    ModelAnswer,
    Node,
    NodeFailed,
    Outcome,
    RunFacts,
    Signal,
    StepHandle,
    ToolAnswer,
    Wait,
)
from botkit.testing.clock import ManualClock
from botkit.workflows import expressions

T = TypeVar("T")
Answer = str | Mapping[str, Any] | ModelAnswer | Exception
Tool = Any | Callable[[Mapping[str, Any]], Any]

_FACTS = RunFacts(
    id="run_1",
    trace_id="trc_1",
    workflow="test",
    bot="desk",
    channel="fake",
    conversation="fake:room:",
    person_id="ada",
    session_id="ses_1",
    workspace="default",
    started_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message a node sent."""

    message: OutMessage
    to: str
    """Conversation key; empty for the run's own."""

    @property
    def text(self) -> str:
        return self.message.text


@dataclass(slots=True)
class _Handle:
    idempotency_key: str
    key: str = ""
    writes: list[Any] = field(default_factory=list[Any])

    def write(self, *writes: Any) -> None:
        self.writes.extend(writes)


class BenchContext:
    """Implements `NodeContext` over a journal in memory.

    Args:
        answers: of the model, in order: text, an object (for a schema), a `ModelAnswer`, or an error to raise.
        tools: by name, `server__tool`: what it gives back (text, JSON, `ToolAnswer`, an error to raise), or a
            function of its arguments.
        services: what botkit's own nodes find as `ctx.services`.
    """

    def __init__(
        self,
        variables: Mapping[str, Any] | None = None,
        *,
        node_id: str = "node",
        facts: RunFacts = _FACTS,
        answers: Sequence[Answer] = (),
        tools: Mapping[str, Tool] | None = None,
        services: Mapping[str, Any] | None = None,
        clock: ManualClock | None = None,
    ):
        self.variables: Mapping[str, Any] = dict(variables or {})
        self.node_id = node_id
        self.path = node_id
        self.attempt = 0
        self.run = facts
        self.clock = clock or ManualClock()
        absent = dict.fromkeys(("http", "actions", "notes", "knowledge", "outreach"))
        self.services = SimpleNamespace(**{**absent, "redactor": NoRedaction(), **(services or {})})
        self.ctx = SimpleNamespace(run=facts, clock=self.clock)
        self.workspace = facts.workspace
        self.principal = Principal(id=facts.person_id, bot=facts.bot)
        self.task = SimpleNamespace(workflow=facts.workflow, bot=facts.bot, dry=facts.dry)
        self.said: list[Said] = []
        """Messages that were sent."""
        self.asked: list[dict[str, Any]] = []
        """What the model was asked: `{"prompt", "system", "model", "schema", …}`."""
        self.called: list[tuple[str, Mapping[str, Any]]] = []
        """Tools that were called, with their arguments."""
        self.notes: list[str] = []
        self.steps: dict[str, bytes] = {}
        """The journal: result of each finished step, as JSON."""
        self.effects: list[str] = []
        """Keys of the steps that were really done, in order."""
        self.once: set[str] = set()
        """Keys of the steps that must not happen twice."""
        self.writes: list[Any] = []
        self._answers = list(answers)
        self._tools = dict(tools or {})
        self._seen: set[str] = set()

    def begin(self) -> None:
        """One execution begins: each of its steps has a key of its own."""
        self._seen = set()

    def now(self) -> datetime:
        return self.clock.now()

    def evaluate(self, expression: str, **extra: Any) -> Any:
        return expressions.evaluate(expression, {**self.variables, **extra})

    def render(self, template: str, **extra: Any) -> Any:
        return expressions.render(template, {**self.variables, **extra})

    async def step(
        self, name: str, run: Callable[[StepHandle], Awaitable[T]], *, kind: type[T] | Any = Any, once: bool = False
    ) -> T:
        return await self.scoped(name, run, kind=kind, once=once)

    async def scoped(
        self,
        name: str,
        run: Callable[[Any], Awaitable[T]],
        *,
        kind: type[T] | Any = Any,
        once: bool = False,
        resolve: Callable[[dict[str, Any]], T] | None = None,
    ) -> T:
        """A step whose writes are kept in `writes`."""
        key = f"{self.path}/{name}"
        assert key not in self._seen, f"two steps of one node are called `{name}`"
        self._seen.add(key)
        if key not in self.steps:
            assert not (once and key in self.once), f"`{name}` must not be done twice, and how it ended is not known"
            if once:
                self.once.add(key)
            handle = _Handle(f"{self.run.id}/{key}", key)
            value = await run(handle)
            self.effects.append(key)
            self.writes.extend(handle.writes)
            self.steps[key] = msgspec.json.encode(value)
        return cast("T", msgspec.json.decode(self.steps[key], type=kind))

    def has_read(self, *sources: str) -> None:
        """What others wrote counts for nothing here: no calls are put to a person."""

    async def call_tool(
        self, name: str, tool: str, arguments: Mapping[str, Any], *, timeout_s: float = 0.0
    ) -> ToolAnswer:
        async def call(_: Any) -> dict[str, Any]:
            self.called.append((tool, arguments))
            if tool not in self._tools:
                raise NodeFailed(f"there is no tool `{tool}`", code="no_tool")
            given = self._tools[tool]
            given = given(arguments) if callable(given) else given
            if isinstance(given, Exception):
                raise given
            if isinstance(given, ToolAnswer):
                return cast("dict[str, Any]", msgspec.to_builtins(given))
            text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
            return {"text": text, "data": None if isinstance(given, str) else given}

        return await self.step(name, call, kind=ToolAnswer)  # pyright: ignore[reportReturnType] - read back as one

    async def ask_model(
        self,
        name: str,
        prompt: str,
        *,
        system: str = "",
        model: str = "",
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
        max_output_tokens: int = 0,
        timeout_s: float = 60.0,
        files: bool = False,
    ) -> ModelAnswer:
        async def ask(_: Any) -> dict[str, Any]:
            self.asked.append({"prompt": prompt, "system": system, "model": model, "schema": schema})
            assert self._answers, f"nobody wrote an answer for: {prompt[:200]}"
            given = self._answers.pop(0)
            if isinstance(given, Exception):
                raise given
            if isinstance(given, ModelAnswer):
                return cast("dict[str, Any]", msgspec.to_builtins(given))
            text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
            data = given if schema is not None and not isinstance(given, str) else None
            return {"text": text, "model": model or "scripted", "data": data}

        return await self.step(name, ask, kind=ModelAnswer)  # pyright: ignore[reportReturnType] - read back as one

    async def say(self, name: str, message: OutMessage | str, *, to: str = "") -> str:
        said = OutMessage(text=message) if isinstance(message, str) else message

        async def send(handle: Any) -> str:
            self.said.append(Said(said, to))
            return f"{handle.idempotency_key}.0"

        return await self.step(name, send, kind=str)

    def note(self, text: str, **facts: Any) -> None:
        self.notes.append(text)


class NodeBench:
    """One node of one run, from `run` to its outcome. The arguments are those of `BenchContext`.

    Args:
        cls: the node.
        data: its fields as written in a workflow, `{{ … }}` and all.
    """

    def __init__(
        self,
        cls: type[Node],
        data: Mapping[str, Any] | None = None,
        *,
        variables: Mapping[str, Any] | None = None,
        node_id: str = "node",
        facts: RunFacts = _FACTS,
        answers: Sequence[Answer] = (),
        tools: Mapping[str, Tool] | None = None,
        services: Mapping[str, Any] | None = None,
        clock: ManualClock | None = None,
    ):
        self.cls = cls
        self.data: dict[str, Any] = dict(data or {})
        self.ctx = BenchContext(
            variables, node_id=node_id, facts=facts, answers=answers, tools=tools, services=services, clock=clock
        )
        self.waits: list[Wait] = []
        """Every pause so far."""
        self._last: Callable[[], Awaitable[Outcome | Wait]] | None = None

    @property
    def said(self) -> list[str]:
        """Texts that were sent."""
        return [said.text for said in self.ctx.said]

    def configured(self) -> Node:
        """The node with its fields filled in.

        Raises:
            ExpressionError: an expression in them fails.
            NodeFailed (`invalid_config`): they do not fit.
        """
        kept = {
            each
            for name, info in self.cls.model_fields.items()
            if EXPRESSION in info.metadata or RAW in info.metadata
            for each in (name, info.alias or name)
        }
        filled = expressions.render_data(self.data, self.ctx.variables, kept)
        try:
            return self.cls.model_validate(filled)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise NodeFailed(f"{where}: {first['msg']}", code="invalid_config", field=where) from None

    async def run(self) -> Outcome | Wait:
        """Begin."""
        return await self._do(lambda node: node.run(self.ctx))

    async def resume(self, signal: Signal) -> Outcome | Wait:
        """Go on after the last pause, in a node made anew."""
        return await self._do(lambda node: node.resume(self.ctx, signal))

    async def answer(self, text: str = "", *, by: str = "ada", **data: Any) -> Outcome | Wait:
        """The person wrote this, or pressed or filled in what `data` says (`fields={…}`, `values=[…]`)."""
        given = {"text": text, **data} if text or not data else data
        return await self.resume(
            Signal(
                state=self._state(), text=text, fields=data.get("fields", {}), data=given, by=by, number=self._number
            )
        )

    async def decide(self, approved: bool, *, by: str = "bob", **data: Any) -> Outcome | Wait:
        """Somebody approved, or did not."""
        return await self.resume(
            Signal(
                state=self._state(), approved=approved, data={"approved": approved, **data}, by=by, number=self._number
            )
        )

    async def expire(self) -> Outcome | Wait:
        """Time passed, and nothing came."""
        await self.ctx.clock.advance(self.waits[-1].expires_s)
        return await self.resume(Signal(state=self._state(), expired=True, number=self._number))

    async def again(self) -> Outcome | Wait:
        """The last execution once more, as after a crash before its end was written down."""
        assert self._last is not None, "nothing ran yet"
        return await self._last()

    @property
    def _number(self) -> int:
        return len(self.waits) - 1

    def _state(self) -> Mapping[str, Any]:
        assert self.waits, "the node does not wait"
        return cast("Mapping[str, Any]", msgspec.json.decode(msgspec.json.encode(dict(self.waits[-1].state))))

    async def _do(self, work: Callable[[Node], Awaitable[Outcome | Wait]]) -> Outcome | Wait:
        before = len(self.waits)

        async def once() -> Outcome | Wait:
            self.ctx.begin()
            del self.waits[before:]
            result = await work(self.configured())
            if isinstance(result, Wait):
                self.waits.append(result)
            else:
                declared = self.cls.handles_of(self.data)
                assert result.handle in declared, f"`{result.handle}` is none of the node's handles: {list(declared)}"
                msgspec.json.encode([result.output, dict(result.set)])  # both are stored
            return result

        self._last = once
        return await once()
