"""What came of a conversation, against what was expected: every difference with the line that says so."""

from __future__ import annotations

__all__ = ["Difference", "Judge", "differences"]

import fnmatch
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from botkit.app.evals.asking import JudgedAnswer
from botkit.app.evals.attempt import Seen, TurnSeen
from botkit.app.evals.stage import CalledTool
from botkit.app.rehearsal.expecting import within
from botkit.core.data import Data, encode_text
from botkit.core.evals import Called, Case, EvalSuite, Expect, Judged
from botkit.core.json_repair import Unreadable, read_value
from botkit.core.patterns import compile_pattern
from botkit.core.validation import problems

_SHOWN_CHARS = 400

Judge = Callable[[Judged, TurnSeen], Awaitable[JudgedAnswer]]
"""Has an answer judged."""
Path = tuple[str | int, ...]


class Difference(Data, omit_defaults=False):
    """One expectation that was not met."""

    what: str
    """`contains`, `tools`, `limits.cost` …"""
    wanted: str
    came: str
    at: str = ""
    """`file:line` of the expectation."""
    turn: int = 0
    """Number of the turn, from 1; 0: the whole conversation."""


async def differences(
    suite: EvalSuite, number: int, case: Case, seen: Seen, judge: Judge
) -> tuple[list[Difference], list[JudgedAnswer]]:
    """Everything that is not as expected, and what judges said.

    Args:
        number: of the case in its file.
    """
    here: Path = ("cases", number)
    found: list[Difference] = []
    verdicts: list[JudgedAnswer] = []
    for index, came in enumerate(seen.turns):
        scripted = index < len(case.turns)
        path: Path = (*here, "turns", index, "expect") if scripted else (*here, "simulate")
        look = _Look(suite, path, case.turns[index].expect if scripted else Expect(), index + 1)
        wrong, said = await look.at(came, judge)
        found += wrong
        verdicts += said
    if seen.error:
        place = (*here, "turns", len(seen.turns)) if len(seen.turns) < len(case.turns) else here
        stopped = Difference(what="conversation", wanted="it goes on", came=seen.error, at=suite.place(*place))
        return [*found, stopped], verdicts
    wrong, said = await _Look(suite, (*here, "expect"), case.expect, 0).at(seen.whole(), judge)
    found += wrong
    verdicts += said
    if seen.reached is False and case.simulate is not None and case.simulate.must_reach:
        at = suite.place(*here, "simulate", "goal")
        found.append(Difference(what="goal", wanted=case.simulate.goal, came="the person did not get it", at=at))
    found += _refused(suite, here, seen)
    return found, verdicts


def _refused(suite: EvalSuite, here: Path, seen: Seen) -> list[Difference]:
    """Calls that a case without a result for them would have had to make for real."""
    names = dict.fromkeys(call.tool for turn in seen.turns for call in turn.calls if call.how == "refused")
    what = "a result under `tools:`, or `writes: true`"
    return [
        Difference(what="tools", wanted=what, came=f"{name} was wanted and not called", at=suite.place(*here))
        for name in names
    ]


class _Look:
    """One `expect` and what it looks at."""

    def __init__(self, suite: EvalSuite, path: Path, expect: Expect, turn: int):
        self._suite = suite
        self._path = path
        self._expect = expect
        self._turn = turn
        self._found: list[Difference] = []

    async def at(self, seen: TurnSeen, judge: Judge) -> tuple[list[Difference], list[JudgedAnswer]]:
        expect = self._expect
        self._texts(seen.reply)
        self._tools(seen.calls)
        if expect.member is not None and expect.member != seen.member:
            self._add(("member",), expect.member, seen.member or "(nobody of a team)")
        if expect.state is not None and expect.state != seen.state:
            self._add(("state",), expect.state, _state(seen))
        elif expect.state is None and self._turn and seen.state == "failed":
            self._add((), "an answer", _state(seen))
        if expect.waits_for is not None and expect.waits_for != seen.waits_for:
            self._add(("waits_for",), expect.waits_for, seen.waits_for or f"(nothing: {_state(seen)})")
        if expect.output is not None:
            self._output(expect.output, seen)
        self._limits(seen)
        return self._found, await self._judged(seen, judge)

    def _add(self, path: Path, wanted: str, came: str) -> None:
        named = ".".join(str(part) for part in path if isinstance(part, str)) or "state"
        at = self._suite.place(*self._path, *path)
        self._found.append(Difference(what=named, wanted=wanted, came=_short(came), at=at, turn=self._turn))

    def _texts(self, reply: str) -> None:
        expect, folded = self._expect, reply.casefold()
        for index, text in enumerate(expect.contains):
            if text.casefold() not in folded:
                self._add(("contains", index), text, reply or "(no text)")
        for index, text in enumerate(expect.not_contains):
            if text.casefold() in folded:
                self._add(("not_contains", index), f"not: {text}", reply)
        for index, pattern in enumerate(expect.matches):
            if compile_pattern(pattern).search(reply) is None:
                self._add(("matches", index), pattern, reply or "(no text)")

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────

    def _tools(self, calls: Sequence[CalledTool]) -> None:
        expect = self._expect
        for index, pattern in enumerate(expect.not_called):
            if made := [call for call in calls if fnmatch.fnmatchcase(call.tool, pattern)]:
                self._add(("not_called", index), f"no call of {pattern}", _calls(made))
        if expect.tools is None:
            return
        if not expect.tools:
            if calls:
                self._add(("tools",), "no call at all", _calls(calls))
        elif expect.order == "any":
            for index, missing in _unmatched(expect.tools, calls):
                self._add(("tools", index), _wanted(missing), _calls(calls))
        elif not _in_order(expect.tools, calls, exact=expect.order == "exact"):
            how = "exactly: " if expect.order == "exact" else "in this order: "
            self._add(("tools",), how + "; ".join(map(_wanted, expect.tools)), _calls(calls))

    def _output(self, schema: Mapping[str, Any], seen: TurnSeen) -> None:
        value = seen.output
        if value is None:
            try:
                value = read_value(seen.reply)
            except Unreadable as error:
                self._add(("output",), "structured output", f"{error}: {seen.reply or '(no text)'}")
                return
        if wrong := problems(dict(schema), value):
            self._add(("output",), "output that fits the schema", "; ".join(wrong[:3]))

    def _limits(self, seen: TurnSeen) -> None:
        limits = self._expect.limits
        tokens, cost = seen.usage.input_tokens + seen.usage.output_tokens, seen.usage.cost_micros / 1_000_000
        if limits.cost is not None and cost > float(limits.cost.amount):
            self._add(("limits", "cost"), f"at most {limits.cost.amount}", f"{cost:.6g}")
        for name, limit, came in (
            ("tokens", limits.tokens, tokens),
            ("latency_s", limits.latency_s, round(seen.model_ms / 1000, 3)),
            ("steps", limits.steps, seen.steps),
        ):
            if limit is not None and came > limit:
                self._add(("limits", name), f"at most {limit:g}", f"{came:g}")

    async def _judged(self, seen: TurnSeen, judge: Judge) -> list[JudgedAnswer]:
        verdicts: list[JudgedAnswer] = []
        for index, wanted in enumerate(self._expect.judged):
            verdict = await judge(wanted, seen)
            verdicts.append(verdict)
            if not verdict.ok:
                least = f"{wanted.at_least} ({verdict.least:g} or more)"
                self._add(("judged", index), least, f"{verdict.band} ({verdict.score:g}): {verdict.reasons}")
        return verdicts


def _fits(wanted: Called, call: CalledTool) -> bool:
    return fnmatch.fnmatchcase(call.tool, wanted.tool) and within(wanted.arguments, call.arguments)


def _unmatched(wanted: Sequence[Called], calls: Sequence[CalledTool]) -> list[tuple[int, Called]]:
    """What has no call of its own: two that are wanted are two calls. Found as a matching in a bipartite graph, so that
    a wanted call that fits many leaves the others theirs."""
    taken: dict[int, int] = {}

    def place(index: int, seen: set[int]) -> bool:
        for at, call in enumerate(calls):
            if at not in seen and _fits(wanted[index], call):
                seen.add(at)
                if at not in taken or place(taken[at], seen):
                    taken[at] = index
                    return True
        return False

    return [(index, one) for index, one in enumerate(wanted) if not place(index, set())]


def _in_order(wanted: Sequence[Called], calls: Sequence[CalledTool], *, exact: bool) -> bool:
    if exact:
        return len(wanted) == len(calls) and all(_fits(one, call) for one, call in zip(wanted, calls, strict=True))
    rest = iter(calls)
    return all(any(_fits(one, call) for call in rest) for one in wanted)


def _wanted(one: Called) -> str:
    return f"{one.tool} {encode_text(one.arguments)}" if one.arguments else one.tool


def _calls(calls: Sequence[CalledTool]) -> str:
    return "; ".join(f"{call.tool} {encode_text(call.arguments)}" for call in calls) or "(no call)"


def _state(seen: TurnSeen) -> str:
    if seen.error:
        return f"{seen.state} ({seen.error.get('code')}: {seen.error.get('message', '')})"
    return f"{seen.state} for {seen.waits_for}" if seen.waits_for else seen.state


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else f"{line[: _SHOWN_CHARS - 1]}…"
