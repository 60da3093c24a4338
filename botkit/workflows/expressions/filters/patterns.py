"""Filters with regular expressions, by an engine whose cost is linear in the text."""

from __future__ import annotations

__all__: list[str] = []

import re
from typing import Any

from botkit.core.patterns import Match, Pattern, PatternError, compile_pattern
from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_text
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import truth

_GROUP = "Regular expressions"
_FOUND_LIMIT = 1_000
_GROUP_MARK = re.compile(r"\\(\d)")


def _prepared(budget: Budget, value: Any, pattern: Any, ignore_case: Any) -> tuple[str, Pattern]:
    try:
        compiled = compile_pattern(as_text(pattern, budget), ignore_case=truth(ignore_case))
    except PatternError as failure:
        raise Refused(str(failure)) from None
    subject = as_text(value, budget)
    budget.spend(len(subject) // 16 + len(compiled.pattern))
    # Texts from broken senders may hold halves of characters, which the engine cannot read.
    return subject.encode("utf-8", "replace").decode(), compiled


@function("matches", _GROUP, "order.id | matches('^A-\\d+$')", "true", result="boolean")
def matches(budget: Budget, value: Any, pattern: Any, ignore_case: Any = False) -> bool:
    """Whether the pattern is found anywhere in the text; `^` and `$` are its ends."""
    subject, compiled = _prepared(budget, value, pattern, ignore_case)
    return compiled.search(subject) is not None


@function("find", _GROUP, "'order A-17 please' | find('A-(\\d+)')", '"17"')
def find(budget: Budget, value: Any, pattern: Any, ignore_case: Any = False) -> str | None:
    """The first place where the pattern is found: its first group, or all of it when it has none; else null."""
    subject, compiled = _prepared(budget, value, pattern, ignore_case)
    return _told(compiled.search(subject), compiled)


@function("find_all", _GROUP, "'A-1 and A-2' | find_all('A-\\d')", '["A-1", "A-2"]', result="list")
def find_all(budget: Budget, value: Any, pattern: Any, ignore_case: Any = False) -> list[str | None]:
    """As `find`, for every place, 1,000 at most."""
    return [_told(match, compiled) for match, compiled in _every(budget, value, pattern, ignore_case)]


@function("groups", _GROUP, "'12:30' | groups('(?P<h>\\d+):(?P<m>\\d+)')", '{"h": "12", "m": "30"}')
def groups(budget: Budget, value: Any, pattern: Any, ignore_case: Any = False) -> Any:
    """The named groups of the first match as an object, or the groups as a list when none has a name; else null."""
    subject, compiled = _prepared(budget, value, pattern, ignore_case)
    match = compiled.search(subject)
    if match is None:
        return None
    return match.groupdict() if compiled.groupindex else list(match.groups())


@function("sub", _GROUP, "'call 030-1234' | sub('\\d', '#')", '"call ###-####"', result="text")
def sub(budget: Budget, value: Any, pattern: Any, replacement: Any, ignore_case: Any = False) -> str:
    """With every match replaced; `\\1` in the replacement is the first group."""
    subject, _ = _prepared(budget, value, pattern, ignore_case)
    new = as_text(replacement, budget)
    parts: list[str] = []
    here = 0
    for match, compiled in _every(budget, value, pattern, ignore_case):
        parts += [subject[here : match.start()], _filled(new, match, compiled, budget)]
        here = match.end()
    parts.append(subject[here:])
    budget.text(sum(map(len, parts)))
    return "".join(parts)


def _every(budget: Budget, value: Any, pattern: Any, ignore_case: Any) -> list[tuple[Match, Pattern]]:
    subject, compiled = _prepared(budget, value, pattern, ignore_case)
    found: list[tuple[Match, Pattern]] = []
    for match in compiled.finditer(subject):
        # Each search starts anew and may go through the rest of the text.
        budget.spend(1 + (len(subject) - match.start()) // 1024)
        found.append((match, compiled))
        if len(found) > _FOUND_LIMIT:
            raise Refused(f"the pattern is found more than {_FOUND_LIMIT:,} times")
    return found


def _told(match: Match | None, compiled: Pattern) -> str | None:
    return None if match is None else match.group(1 if compiled.groups else 0)


def _filled(new: str, match: Match, compiled: Pattern, budget: Budget) -> str:
    def group(mark: re.Match[str]) -> str:
        number = int(mark.group(1))
        if number > compiled.groups:
            raise Refused(f"the pattern has no group {number}")
        return match.group(number) or ""

    budget.text(len(new))
    return _GROUP_MARK.sub(group, new)
