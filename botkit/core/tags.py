"""Tags of people: short words that operators and workflows put on somebody, such as `vip`."""

from __future__ import annotations

__all__ = ["TAGS_LIMIT", "TAG_LENGTH", "SetTags", "clean_tags"]

from collections.abc import Iterable

from botkit.core.data import Data
from botkit.core.errors import InvalidArguments

TAGS_LIMIT = 100
"""Tags one person has at most."""
TAG_LENGTH = 64
"""Characters of a tag."""


class SetTags(Data, tag=True):
    """Put tags on a person, or take them away. Safe to repeat.

    Raises `LimitReached`, and changes nothing, when the person would have more than `TAGS_LIMIT`.
    """

    person_id: str
    tags: tuple[str, ...]
    remove: bool = False
    at: int
    by: str = ""
    """Who did it: `run:{id}`, or an operator."""


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags as they are kept: without space around them, each once, in the order given.

    Raises:
        InvalidArguments: one is empty, too long, or has characters that cannot be seen.
    """
    found: dict[str, None] = {}
    for tag in tags:
        text = tag.strip()
        if not text or len(text) > TAG_LENGTH or not text.isprintable():
            raise InvalidArguments(f"a tag has 1 to {TAG_LENGTH} printable characters, not {tag[:80]!r}")
        found[text] = None
    return tuple(found)
