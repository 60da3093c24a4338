"""What a prompt costs and what can be answered from it: `python -m benchmarks.context`.

Recorded conversations (`benchmarks.conversations`) run through the real engine, journal and agent loop with a scripted
model. Beside them stands the naive prompt: the same system prompt, every message and every result pasted, the oldest
cut off where the model's window ends. The scripted model answers a question when the answer stands in what it reads;
where there are references to kept results, it looks the words of the question up in them, newest first, as tools go.
"""

from __future__ import annotations

__all__ = ["Measured", "Retrieval", "figures", "measure", "measure_compaction", "measure_retrieval"]

import asyncio
import re
import sqlite3
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders.engine import EngineBench
from benchmarks.conversations import Conversation, Question, Turn, conversations
from benchmarks.figures import Figure
from botkit.agents.loop import AgentLoop
from botkit.app.kept_results import KeptResults
from botkit.core.clock import SystemClock
from botkit.core.errors import BotkitError
from botkit.core.models import ModelReply, ModelRequest
from botkit.core.notebook import Notebook
from botkit.core.notes import NoteKey, best_notes
from botkit.core.own_tools import OWN_TOOLS, READ_RESULT, RESULTS
from botkit.core.redact import NoRedaction
from botkit.core.tokens import estimate_json_tokens
from botkit.core.tools import CallRecord, Principal, Result, Tool, ToolCall, ToolEvent
from botkit.store.open import Store, open_store
from botkit.testing.models import ScriptedModel, calls
from botkit.testing.tools import FakeTools

_REPORT = "shop__report"
_REF = re.compile(r'results__read with ref "([^"]+)"')
_LOOK_UPS = 10
_UNKNOWN = "I do not know."
_OUTPUT_TOKENS = 2_000


@dataclass
class Measured:
    """Of all conversations in one window."""

    window_tokens: int
    ours: list[int] = field(default_factory=list[int])
    """Input tokens of each turn, all model calls of it together, those that summarise and look up too."""
    naive: list[int] = field(default_factory=list[int])
    questions: list[int] = field(default_factory=list[int])
    """The same of turns that ask for something planted, with all they look up."""
    questions_naive: list[int] = field(default_factory=list[int])
    compaction: int = 0
    """Of `ours`, what summaries cost, in and out."""
    asked: Counter[str] = field(default_factory=Counter[str])
    """Questions by kind: `said`, `result`, `after` (said, and asked in a new conversation)."""
    answered: Counter[str] = field(default_factory=Counter[str])
    answered_naive: Counter[str] = field(default_factory=Counter[str])

    def share(self, kind: str, *, naive: bool = False) -> float:
        return (self.answered_naive if naive else self.answered)[kind] / max(1, self.asked[kind])


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Tools(FakeTools):
    """`shop__report`, and the real reader of kept results, which is in no list."""

    def __init__(self, store: Store, reports: deque[str]):
        super().__init__()
        self._kept = KeptResults(store.journal, self.find_tool)

        def report(customer: str) -> str:
            return reports.popleft()

        self.add(_REPORT, report, tool_class="read-only", customer="string")

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        if name != READ_RESULT:
            return await super().find_tool(workspace, principal, name)
        definition = {**OWN_TOOLS[RESULTS][0].definition, "name": READ_RESULT}
        return Tool(
            name=READ_RESULT, server=RESULTS, upstream_name="read", definition=definition, tool_class="read-only"
        )

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        if call.tool != READ_RESULT:
            async for event in super().call(call):
                yield event
            return
        record = CallRecord(id=call.id, at=0, workspace=call.workspace, tool=call.tool, step=call.step)
        try:
            said = await self._kept.read(call)
        except BotkitError as error:
            text = {"content": [{"type": "text", "text": str(error)}], "isError": True}
            yield Result(content=text, record=record, is_error=True)
        else:
            yield Result(content=said.content, record=record)


class _Talk(EngineBench):
    """One bot with memory, one person, and a model that knows its part."""

    def __init__(self, store: Store, window_tokens: int, context: dict[str, Any], *, memory: bool):
        self.model = ScriptedModel(respond=self._respond, window_tokens=window_tokens)
        self.reports: deque[str] = deque()
        self.turn_: Turn | Question | None = None
        self._tried: set[str] = set()
        notebook = Notebook(store.notes, SystemClock(), NoRedaction())
        desk = {
            "model": "stub/model",
            "prompt": "You are a friendly adviser. " * 20,
            "memory": memory,
            "history_messages": 400,
            "max_output_tokens": _OUTPUT_TOKENS,
            "context": context,
        }
        agent = AgentLoop(self.model, _Tools(store, self.reports), notebook=notebook)
        super().__init__(store, agent=agent, config={"bots": {"desk": desk}})

    async def say(self, room: str, text: str, part: Turn | Question | None = None) -> list[ModelRequest]:
        """A turn; the requests it took."""
        self.turn_ = part
        self._tried.clear()
        self.model.requests.clear()
        if isinstance(part, Turn) and part.report:
            self.reports.append(part.report)
        await self.turn(room, 0, text=text)
        return list(self.model.requests)

    def _respond(self, request: ModelRequest) -> str | ModelReply:
        part = self.turn_
        if _summarises(request):
            return "They talked about this and that."  # as careless as a summary can be
        if isinstance(part, Turn):
            rounds = sum(message["role"] == "tool" for message in request.messages[-2:])
            if part.report and not rounds:
                return calls((_REPORT, {"customer": part.customer}))
            return part.answer
        assert part is not None
        text = "\n".join(str(message["content"]) for message in request.messages)
        if part.answer in text:
            return f"It is {part.answer}."
        refs = [ref for ref in _references(request, part.find) if ref not in self._tried]
        if not refs or len(self._tried) >= _LOOK_UPS:
            return _UNKNOWN
        ref = refs[0]
        self._tried.add(ref)
        return calls((READ_RESULT, {"ref": ref, "find": part.find}))


def _references(request: ModelRequest, words: str) -> list[str]:
    """Kept results: those of calls that name these words, then the others, each time the newest first."""
    asked: dict[str, str] = {}
    named: list[str] = []
    others: list[str] = []
    for message in request.messages:
        for call in message.get("tool_calls") or ():
            asked[call["id"]] = call["function"]["arguments"]
        arguments = asked.get(str(message.get("tool_call_id")), "")
        for line in str(message["content"]).splitlines():
            for ref in _REF.findall(line):
                (named if words in arguments or words in line else others).append(ref)
    return list(dict.fromkeys([*reversed(named), *reversed(others)]))


def _summarises(request: ModelRequest) -> bool:
    return str(request.messages[0]["content"]).startswith("You keep the memory")


def _tokens(requests: Sequence[ModelRequest]) -> int:
    return sum(estimate_json_tokens(part) for request in requests for part in (*request.messages, *request.tools))


def _is_answered(requests: Sequence[ModelRequest], answer: str) -> bool:
    """Whether the last thing the model read holds the answer."""
    return any(answer in str(message["content"]) for message in requests[-1].messages)


# ── naive ────────────────────────────────────────────────────────────────────────────────────────────────


class _Naive:
    """Everything pasted; the oldest goes where the window ends."""

    def __init__(self, window_tokens: int):
        self._room = window_tokens - _OUTPUT_TOKENS
        self._fixed = estimate_json_tokens("You are a friendly adviser. " * 20) + 60
        self._said: list[tuple[str, int]] = []

    def say(self, text: str) -> None:
        self._said.append((text, estimate_json_tokens({"role": "user", "content": text})))

    def read(self) -> tuple[str, int]:
        """What one model call reads now, and its tokens."""
        taken, kept = self._fixed, list[str]()
        for text, tokens in reversed(self._said):
            if taken + tokens > self._room:
                break
            taken += tokens
            kept.append(text)
        return "\n".join(kept), taken


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────


async def measure(
    window_tokens: int, *, count: int = 6, turns: int = 36, context: dict[str, Any] | None = None, memory: bool = True
) -> Measured:
    """The whole set in one window."""
    found = Measured(window_tokens)
    for conversation in conversations(count, turns):
        with tempfile.TemporaryDirectory() as folder:
            async with open_store(Path(folder) / "home", synchronous="normal") as store:
                talk = _Talk(store, window_tokens, context or {}, memory=memory)
                await talk.engine.start()
                await _ours(talk, conversation, found)
                await talk.close()
        _beside(conversation, found)
    return found


async def _ours(talk: _Talk, conversation: Conversation, found: Measured) -> None:
    for turn in conversation.turns:
        requests = await talk.say("room", turn.text, turn)
        found.ours.append(_tokens(requests))
        found.compaction += _tokens([request for request in requests if _summarises(request)])
    for question in conversation.questions:
        requests = await talk.say("room", question.text, question)
        found.questions.append(_tokens(requests))
        found.compaction += _tokens([request for request in requests if _summarises(request)])
        found.asked[question.kind] += 1
        found.answered[question.kind] += _is_answered(requests, question.answer)
    await talk.say("room", "/new")
    for question in conversation.questions:
        if question.kind == "said":
            requests = await talk.say("room", question.text, question)
            found.asked["after"] += 1
            found.answered["after"] += _is_answered(requests, question.answer)


def _beside(conversation: Conversation, found: Measured) -> None:
    naive = _Naive(found.window_tokens)
    for turn in conversation.turns:
        naive.say(turn.text)
        spent = naive.read()[1]
        if turn.report:
            naive.say(turn.report)
            spent += naive.read()[1]
        naive.say(turn.answer)
        found.naive.append(spent)
    for question in conversation.questions:
        naive.say(question.text)
        text, tokens = naive.read()
        known = question.answer in text
        found.questions_naive.append(tokens)
        found.answered_naive[question.kind] += known
        naive.say(f"It is {question.answer}." if known else _UNKNOWN)


@dataclass
class Retrieval:
    """Selecting the notes of a turn."""

    notes: int
    """In the database, beside those of the person who asks."""
    milliseconds: float
    """The quickest of twenty."""


def measure_retrieval(notes: int = 1_000_000, owners: int = 10_000) -> Retrieval:
    return asyncio.run(_retrieval(notes, owners))


async def _retrieval(notes: int, owners: int) -> Retrieval:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        async with open_store(home, synchronous="normal"):
            pass
        each = notes // owners
        rows = (
            ("person", f"per_{owner}", f"fact {number}", f'"thing {number} of {owner}, as it was said"', number)
            for owner in range(owners)
            for number in range(each)
        )
        database = sqlite3.connect(home / "botkit.db")
        with database:
            database.executemany(
                "INSERT INTO notes (scope, owner, name, value, updated_at) VALUES (?, ?, ?, ?, ?)", rows
            )
        database.close()
        async with open_store(home, synchronous="normal") as store:
            key = NoteKey(owner=f"per_{owners // 2}")
            spent: list[float] = []
            for _ in range(20):
                begun = time.perf_counter()
                best_notes(await store.notes.list(key), "what was thing 7 again", 100)
                spent.append((time.perf_counter() - begun) * 1000)
    return Retrieval(notes, min(spent))


def measure_compaction(turns: int = 120, max_tokens: int = 6_000, *, memory: bool = True) -> Measured:
    """The same conversations, longer, in so little room that they are summarised again and again."""
    context = {"max_tokens": max_tokens}
    return asyncio.run(measure(128_000, count=4, turns=turns, context=context, memory=memory))


def figures() -> list[Figure]:
    rows: list[Figure] = []
    for window in (128_000, 32_000):
        found = asyncio.run(measure(window))
        rows += _figures(found)
    rows += _compaction_figures(measure_compaction(), measure_compaction(memory=False))
    empty, full = measure_retrieval(10_000, 100), measure_retrieval()
    rows.append(
        Figure(
            what=f"choosing among a person's 100 notes beside {full.notes:,}, against {empty.notes:,}",
            must="≤ 1.5×",
            aim="1.1×",
            measured=f"{full.milliseconds / empty.milliseconds:.2f}× ({full.milliseconds:.1f} ms)",
            ok=full.milliseconds <= 1.5 * empty.milliseconds,
        )
    )
    return rows


def _figures(found: Measured) -> list[Figure]:
    ours, naive = _mean(found.ours), _mean(found.naive)
    asked, asked_naive = _mean(found.questions), _mean(found.questions_naive)
    window = f"{found.window_tokens // 1000}k window"
    answered = found.share("result")
    return [
        Figure(
            what=f"input tokens of a turn, long conversations with large tool results, {window}, against pasting all",
            must="≤ 33 %",
            aim="15 %",
            measured=f"{ours / naive:.0%} ({ours:,.0f}, {naive:,.0f} tokens)",
            ok=ours <= naive / 3,
        ),
        Figure(
            what=f"… of a question about something planted, with what is looked up for it, {window}",
            measured=f"{asked / asked_naive:.0%} ({asked:,.0f}, {asked_naive:,.0f} tokens)",
        ),
        Figure(
            what=f"… questions about what tools returned that can be answered, {window}",
            must="≥ those of pasting all",
            measured=f"{answered:.0%} (pasting all: {found.share('result', naive=True):.0%})",
            ok=answered >= found.share("result", naive=True),
        ),
        Figure(
            what=f"… about what the person said, {window}",
            must="≥ those of pasting all",
            measured=f"{found.share('said'):.0%} (pasting all: {found.share('said', naive=True):.0%})",
            ok=found.share("said") >= found.share("said", naive=True),
        ),
    ]


def _compaction_figures(found: Measured, summaries: Measured) -> list[Figure]:
    cost = found.compaction / sum((*found.ours, *found.questions))
    return [
        Figure(
            what="planted facts that survive compaction again and again by a careless model, in summaries alone",
            must="≥ 95 %",
            aim="100 %",
            measured=f"{summaries.share('said'):.0%} of {summaries.asked['said']}",
            ok=summaries.share("said") >= 0.95,
        ),
        Figure(
            what="… what tools returned, by the references in summaries",
            must="≥ 95 %",
            aim="100 %",
            measured=f"{summaries.share('result'):.0%} of {summaries.asked['result']}",
            ok=summaries.share("result") >= 0.95,
        ),
        Figure(
            what="… and in a new conversation, as notes",
            must="≥ 95 %",
            aim="100 %",
            measured=f"{found.share('after'):.0%}",
            ok=found.share("after") >= 0.95,
        ),
        Figure(
            what="… input tokens that compaction takes, of all", must="≤ 15 %", measured=f"{cost:.0%}", ok=cost <= 0.15
        ),
    ]


def _mean(values: Sequence[int]) -> float:
    return sum(values) / max(1, len(values))


def main() -> None:
    for figure in figures():
        print(f"{figure.what}: {figure.measured} {'' if figure.ok else 'MISSED'}")


if __name__ == "__main__":
    main()
