"""What in a tool's own words an operator should look at: hidden letters, orders to the model, other tools' names.

A description is read by models, and some obey it. Nothing is blocked by what is found here: words can be harmless, and
harm can be said in other words. It is shown where a person decides: at listing, and at `botkit mcp accept`.
"""

from __future__ import annotations

__all__ = ["suspicions"]

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]|\x1b|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff][\ufe0f\ufe0e]?(?:\u200d[\u2190-\U0001faff]\ufe0f?)*"
)
"""Emoji are made with some of the hidden letters."""
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,30}\b(?:previous|prior|above|earlier|other|all)\b.{0,20}"
    r"\b(?:instruction|prompt|rule|message)"
    r"|\b(?:do not|don't|never)\b.{0,20}\b(?:tell|mention|inform|reveal|show|notify|ask)\b.{0,20}"
    r"\b(?:user|person|human|operator)"
    r"|<\s*/?\s*(?:important|system|instructions?|secret)\s*>"
    r"|\bsystem prompt\b|\byou (?:must|should|shall) (?:always |first |also |never )"
    r"|\b(?:secretly|silently|covertly)\b"
    r"|\b(?:before|after|instead of) (?:using|calling|running|invoking) (?:this|any|every|another|other)\b"
    r"|\b(?:always|first) (?:call|use|run|invoke|read|send)\b"
    r"|~/\.(?:ssh|aws|config|netrc)|\bid_rsa\b|/etc/passwd"
    r"|\bapi[_ ]?keys?\b.{0,40}\b(?:send|pass|include|post|upload)",
    re.IGNORECASE | re.DOTALL,
)
_NAMED_CHARS = 4
"""Shorter names of tools are ordinary words."""
_QUOTED_CHARS = 60
_TEXT_LIMIT = 20_000


def suspicions(raw: Any, others: Iterable[str] = ()) -> list[str]:
    """What is worth a look in a tool as its server sent it, one sentence each.

    Args:
        others: names of other tools, as their servers call them or as workspaces do.
    """
    texts = list(_texts(raw))
    found: list[str] = []
    for text in texts:
        if hidden := _HIDDEN.search(_EMOJI.sub("", text)):
            found.append(f"it holds an invisible character (U+{ord(hidden[0]):04X})")
            break
    words = "\n".join(texts)[:_TEXT_LIMIT]
    if order := _ORDERS.search(words):
        found.append(f"it gives orders to the model: {_quoted(order[0])}")
    own = str(cast("dict[str, Any]", raw).get("name")) if isinstance(raw, dict) else ""
    named = [name for name in dict.fromkeys(others) if name != own and _is_named(name, words)]
    if named:
        found.append(f"it speaks of other tools: {', '.join(named[:5])}")
    return found


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text a model may read: keys, descriptions, defaults."""
    if depth > 32:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in cast("dict[Any, Any]", value).items():
            yield str(key)
            yield from _texts(item, depth + 1)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _texts(item, depth + 1)


def _is_named(name: str, words: str) -> bool:
    """Whether a tool is meant, and not a word that happens to be its name."""
    if len(name) < _NAMED_CHARS or not re.search(r"[_\-A-Z0-9]", name):
        return False
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words) is not None


def _quoted(text: str) -> str:
    plain = " ".join(_HIDDEN.sub("", text).split())
    return f"“{plain[:_QUOTED_CHARS]}{'…' if len(plain) > _QUOTED_CHARS else ''}”"
