"""What changes between two configurations, and which part of the running system each change touches."""

from __future__ import annotations

__all__ = ["Change", "diff_config"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from botkit.core.config.config import Config
from botkit.core.config.emit import inline
from botkit.core.config.shown import shown_values
from botkit.core.config.tree import Path, Place, dotted

_PARTS = {
    "models": "model",
    "servers": "server",
    "skills": "skill",
    "functions": "function",
    "workspaces": "workspace",
    "bots": "bot",
    "teams": "team",
    "workflows": "workflow",
    "channels": "channel",
    "webhooks": "webhook",
    "endpoints": "endpoint",
    "schedules": "schedule",
    "people": "person",
    "budgets": "budget",
}
_AT_START = frozenset({("settings", "synchronous"), ("settings", "max_parallel_turns")})
"""Read once when the program starts."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `str(change)` is a line such as `~ bots.helper.model: fast → smart  (bot helper)`."""

    path: Path
    kind: Literal["added", "removed", "changed"]
    touches: str
    """`bot helper`, `channel tg`, `settings`, or `restart` for what is read only at start."""
    before: Any = None
    """As written; secrets only as `{secret: NAME}`, placeholders unfilled."""
    after: Any = None
    place: Place | None = None
    """Where it stands now, or stood before it was removed."""

    @property
    def name(self) -> str:
        return dotted(self.path)

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        if self.kind == "changed":
            value = f"{_short(self.before)} → {_short(self.after)}"
        else:
            value = _short(self.after if self.kind == "added" else self.before)
        return f"{sign} {self.name}: {value}  ({self.touches})"


def diff_config(old: Config, new: Config) -> list[Change]:
    """Every difference, in the order of the new file, removed things last.

    Compares what the files mean: comments, order, `${VAR}` against the same value and where a key stands do
    not matter. A changed prompt file is a change of `prompt`.
    """
    before, after = _values(old), _values(new)
    written = shown_values(old), shown_values(new)
    changes = list(_differences(before, after, written, ()))
    return [_located(change, old, new) for change in changes]


def _values(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"include", "version"})


def _differences(old: Any, new: Any, written: tuple[Any, Any], path: Path) -> Iterator[Change]:
    """Walk both; what may be shown is walked along."""
    before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
    for key in [*after, *(key for key in before if key not in after)]:
        here = (*path, key)
        shown = written[0].get(key), written[1].get(key)
        if key not in before:
            yield Change(here, "added", _touches(here), after=shown[1])
        elif key not in after:
            yield Change(here, "removed", _touches(here), before=shown[0])
        elif before[key] == after[key]:
            continue
        elif all(isinstance(value, dict) for value in shown):
            yield from _differences(before[key], after[key], shown, here)
        else:
            yield Change(here, "changed", _touches(here), *shown)


def _touches(path: Path) -> str:
    parts = [str(part) for part in path]
    if tuple(parts) in _AT_START:
        return "restart"
    return f"{_PARTS[parts[0]]} {parts[1]}" if parts[0] in _PARTS and len(parts) > 1 else parts[0]


def _located(change: Change, old: Config, new: Config) -> Change:
    place = (old if change.kind == "removed" else new).place(*change.path)
    return Change(change.path, change.kind, change.touches, change.before, change.after, place)


def _short(value: Any) -> str:
    text = inline(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
