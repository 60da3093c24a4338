"""An answer as it is read aloud: the words of its Markdown, without marks, code and addresses."""

from __future__ import annotations

__all__ = ["spoken_text"]

import re
from typing import Any, cast

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+")
_UNSPOKEN = re.compile(r"[\U0001F000-\U0001FAFF\u2190-\u2BFF\uFE0F\u200D]")
"""Pictograms and arrows, which some voices read by their names."""
_ENDS = ("Paragraph", "Heading", "Item", "TableRow", "TableHead", "BlockQuote")


def spoken_text(markdown: str) -> str:
    """One line for each paragraph, item and row. Code blocks are left out; nobody can listen to them."""
    import pyromark  # only bots with a voice need it

    options = pyromark.Options
    shown = options.ENABLE_TABLES | options.ENABLE_STRIKETHROUGH | options.ENABLE_TASKLISTS
    pieces: list[str] = []
    in_code = False
    for event in pyromark.events(markdown, options=shown):
        if isinstance(event, str):
            pieces.append(" " if event in ("SoftBreak", "HardBreak") else "\n")
            continue
        ((kind, value),) = cast("dict[str, Any]", event).items()
        name = _name(value)
        match kind:
            case "Start" if name == "CodeBlock":
                in_code = True
            case "End" if name == "CodeBlock":
                in_code = False
            case "End" if name in _ENDS:
                pieces.append("\n")
            case "End" if name == "TableCell":
                pieces.append(", ")
            case "Text" | "Code" if not in_code:
                pieces.append(str(value))
            case _:
                pass
    text = _UNSPOKEN.sub("", _ADDRESS.sub("", "".join(pieces)))
    lines = (" ".join(line.split()).strip(" ,") for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _name(value: Any) -> str:
    """`Heading` of `{"Heading": {"level": "H1"}}` and of `Heading`."""
    return next(iter(cast("dict[str, Any]", value))) if isinstance(value, dict) else str(value)
