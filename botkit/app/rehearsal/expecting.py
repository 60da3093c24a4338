"""What came of a case, against what was expected."""

from __future__ import annotations

__all__ = ["CaseReport", "Difference", "judge", "rehearse", "within"]

import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.app.rehearsal.cases import Case
from botkit.app.rehearsal.perform import Performance, Rehearsal, Told
from botkit.app.rehearsal.stage import Stage
from botkit.core.config import Config
from botkit.core.data import Data
from botkit.core.patterns import PatternError, compile_pattern

ANY = "..."


class Difference(Data, omit_defaults=False):
    """One expectation that was not met."""

    what: str
    """`path`, `messages`, `variables.order` …"""
    lines: tuple[str, ...]
    """As a diff: `-` what was expected, `+` what came."""


class CaseReport(Data, omit_defaults=False):
    workflow: str
    name: str
    ok: bool
    seconds: float
    differences: tuple[Difference, ...] = ()
    performance: Performance


async def rehearse(config: Config, case: Case, *, stage: Stage | None = None, told: Told | None = None) -> CaseReport:
    """Run one case. Raises `ConfigError`, `NotFound` where there is nothing to run.

    Args:
        stage: serves several cases; one of its own when absent.
    """
    started = time.perf_counter()
    if stage is not None:
        came = await Rehearsal(config, case, stage=stage, told=told).run()
    else:
        async with Stage(config) as own:
            came = await Rehearsal(config, case, stage=own, told=told).run()
    found = judge(case, came)
    return CaseReport(
        workflow=case.workflow,
        name=case.name,
        ok=not found,
        seconds=round(time.perf_counter() - started, 4),
        differences=tuple(found),
        performance=came,
    )


def judge(case: Case, came: Performance) -> list[Difference]:
    """Every expectation that was not met; besides, whatever the case has no answer for."""
    expect, found = case.expect, list[Difference]()
    state = expect.state or ("waiting" if expect.waits_at else "failed" if expect.error else "completed")
    found += _plain("state", state, came.state, told=_why(came))
    if expect.error is not None:
        found += _plain("error", expect.error, str((came.error or {}).get("code", "")), told=_why(came))
    if expect.waits_at is not None:
        found += _plain("waits_at", expect.waits_at, came.waits_at)
    if expect.path is not None:
        found += _sequence("path", expect.path, came.path, lambda wanted, one: wanted == one)
    found += [Difference(what="not_visited", lines=(f"+ {node}",)) for node in expect.not_visited if node in came.path]
    if expect.messages is not None:
        found += _sequence("messages", expect.messages, came.messages, _says, shown=_said)
    if expect.calls is not None:
        found += _sequence("calls", expect.calls, came.calls, _calls, shown=_called)
    if expect.events is not None:
        found += _sequence("events", expect.events, came.events, _tells, shown=_told)
    if expect.later is not None:
        found += _sequence("later", expect.later, came.later, _planned, shown=_text)
    if expect.output is not msgspec.UNSET and not within(expect.output, came.output):
        found.append(Difference(what="output", lines=_unlike(expect.output, came.output)))
    for name, wanted in expect.variables.items():
        if name not in came.variables:
            found.append(Difference(what=f"variables.{name}", lines=(f"- {_text(wanted)}", "+ (no such variable)")))
        elif not within(wanted, came.variables[name]):
            found.append(Difference(what=f"variables.{name}", lines=_unlike(wanted, came.variables[name])))
    found += [Difference(what="unused", lines=(f"- {one}",)) for one in came.unused if state != "waiting"]
    return found + [Difference(what="missing", lines=(f"+ {one}",)) for one in came.missing]


def _plain(what: str, wanted: str, came: str, told: str = "") -> list[Difference]:
    if wanted == came:
        return []
    return [Difference(what=what, lines=(f"- {wanted}", f"+ {came}{told}"))]


def _why(came: Performance) -> str:
    if came.error:
        return f" ({came.error.get('code')}: {came.error.get('message')})"
    return f" (at `{came.waits_at}`, for {came.waits_for})" if came.waits_at else ""


def _sequence(
    what: str, wanted: Sequence[Any], came: Sequence[Any], fits: Callable[[Any, Any], bool], shown: Any = None
) -> list[Difference]:
    if _matches(list(wanted), list(came), fits):
        return []
    show = shown or str
    left, right = [_wanted_text(one) for one in wanted], [str(show(one)) for one in came]
    for index, one in enumerate(wanted):  # what fits by another way of saying it is no difference to look at
        match = next((text for text, real in zip(right, came, strict=True) if one != ANY and fits(one, real)), None)
        left[index] = match if match is not None else left[index]
    lines = [line for line in difflib.ndiff(left, right) if not line.startswith("?")]
    return [Difference(what=what, lines=tuple(lines))]


def _matches(wanted: list[Any], came: list[Any], fits: Callable[[Any, Any], bool]) -> bool:
    """Whether a list with gaps (`...`) describes another one."""
    reached = {0}
    for one in wanted:
        if one == ANY:
            reached = set(range(min(reached), len(came) + 1)) if reached else set[int]()
        else:
            reached = {index + 1 for index in reached if index < len(came) and fits(one, came[index])}
    return len(came) in reached


def _says(wanted: Any, one: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return str(wanted).strip() == one.text.strip() and not one.to
    held = cast("Mapping[str, Any]", wanted)
    if str(held.get("to", one.to if "to" in held else "")) != one.to:
        return False
    if "text" in held and str(held["text"]).strip() != one.text.strip():
        return False
    if "contains" in held and str(held["contains"]).casefold() not in one.text.casefold():
        return False
    if "matches" in held:
        try:
            return compile_pattern(str(held["matches"])).search(one.text) is not None
        except PatternError:
            return False
    return True


def _said(one: Any) -> str:
    return f"{one.text}  → {one.to}" if one.to else one.text


def _calls(wanted: Any, one: Any) -> bool:
    held: dict[str, Any] = dict(cast("Any", wanted)) if isinstance(wanted, Mapping) else {"tool": wanted}
    return str(held.get("tool")) == one.tool and within(held.get("arguments") or {}, one.arguments)


def _called(one: Any) -> str:
    return f"{one.tool} {_text(one.arguments)}"


def _tells(wanted: Any, one: Any) -> bool:
    held: dict[str, Any] = dict(cast("Any", wanted)) if isinstance(wanted, Mapping) else {"name": wanted}
    return str(held.get("name")) == one.name and within(held.get("data", one.data), one.data)


def _told(one: Any) -> str:
    return f"{one.name} {_text(one.data)}"


def _planned(wanted: Any, one: Any) -> bool:
    held: dict[str, Any] = dict(cast("Any", wanted)) if isinstance(wanted, Mapping) else {"text": wanted}
    return within(held, msgspec.to_builtins(one))


def _wanted_text(wanted: Any) -> str:
    if isinstance(wanted, Mapping):
        held = cast("Mapping[str, Any]", wanted)
        if "tool" in held:
            return f"{held['tool']} {_text(held.get('arguments') or {})}"
        return ", ".join(f"{name}: {value}" for name, value in held.items())
    return str(wanted)


def within(wanted: Any, came: Any) -> bool:
    """Whether everything that is named is there: objects by their named keys, anything else as a whole."""
    if isinstance(wanted, Mapping):
        held = cast("Mapping[str, Any]", wanted)
        if not isinstance(came, Mapping):
            return False
        real = cast("Mapping[str, Any]", came)
        return all(name in real and within(value, real[name]) for name, value in held.items())
    if isinstance(wanted, list) and isinstance(came, list):
        ours, theirs = cast("list[Any]", wanted), cast("list[Any]", came)
        return len(ours) == len(theirs) and all(within(a, b) for a, b in zip(ours, theirs, strict=True))
    return isinstance(wanted, bool) == isinstance(came, bool) and wanted == came


def _unlike(wanted: Any, came: Any) -> tuple[str, ...]:
    left, right = _pretty(wanted), _pretty(came)
    return tuple(line for line in difflib.ndiff(left, right) if not line.startswith("?"))


def _pretty(value: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode().splitlines()


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
