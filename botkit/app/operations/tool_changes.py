"""What changed in the definition of a tool, for a person to look at before they accept it."""

from __future__ import annotations

__all__ = ["ToolChange", "changed_tools"]

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.core.data import Data

if TYPE_CHECKING:
    from botkit.gateway.quarantine import ChangedTool


class ToolChange(Data, omit_defaults=False):
    tool: str
    digest: str
    """Of the definition as it is now; accepting names it, so that nothing is accepted unseen."""
    diff: str
    """Lines of both definitions, as `diff -u` has them."""
    known_before: bool = True
    """False: what was reviewed is not stored any more, so all of it is new in `diff`."""
    new: bool = False
    """It came after the review, perhaps under another name than before."""
    suspicions: tuple[str, ...] = ()
    """What in its words is worth a look."""


def changed_tools(changed: Sequence[ChangedTool]) -> list[ToolChange]:
    return [
        ToolChange(
            tool=one.name,
            digest=one.hash,
            diff=_diff(one.before, one.now),
            known_before=one.before is not None,
            new=one.new,
            suspicions=one.suspicions,
        )
        for one in changed
    ]


def _diff(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    lines = difflib.unified_diff(_lines(before), _lines(now), "reviewed", "now", lineterm="", n=2)
    return "\n".join(lines)


def _lines(definition: Mapping[str, Any] | None) -> list[str]:
    """A definition as text: one key a line, in a fixed order. What a terminal would obey or reorder is spelled out."""
    if definition is None:
        return []
    encoded = msgspec.json.format(msgspec.json.encode(definition, order="sorted"), indent=2)
    return ["".join(map(_visible, line)) for line in encoded.decode().split("\n")]


def _visible(character: str) -> str:
    return character if character.isprintable() else f"\\u{ord(character):04x}"
