"""Markdown → a tree of plain values that a browser turns into elements one by one, never into markup.

    tree("**hi** [there](https://e.org)")
    → [{"t": "p", "c": [{"t": "strong", "c": ["hi"]}, " ", {"t": "a", "href": "https://e.org", "c": ["there"]}]}]

Raw HTML is text. Links lead to web and mail addresses, or they are words. Images are links: showing them would tell
another server who reads.
"""

from __future__ import annotations

__all__ = ["Node", "safe_url", "tree"]

import re
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import pyromark

from adapters.markdown import clean

Node: TypeAlias = "dict[str, Any] | str"

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
_DEEPEST = 16
_URL_CHARS = 2048
_TAGS = {
    "Paragraph": "p",
    "Emphasis": "em",
    "Strong": "strong",
    "Strikethrough": "del",
    "Item": "li",
    "HtmlBlock": "p",
    "TableHead": "tr",
    "TableRow": "tr",
}
_BARE_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]{1,2000}")
_TRAILING = ".,;:!?)*_~"


def tree(markdown: str) -> list[Node]:
    """The blocks of a text; of any text, also one that ends in the middle."""
    return _Builder().build(clean(markdown))


def safe_url(url: str) -> str:
    """An address a visitor may be led to, or nothing: web or mail, absolute, and without a name and password."""
    if len(url) > _URL_CHARS or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme == "mailto":
        return url
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    return url if is_web and "\\" not in url else ""


class _Builder:
    def __init__(self) -> None:
        self._root: list[Node] = []
        self._open: list[list[Node]] = [self._root]
        """Children of what is open, outermost first. What lies too deep shares the list of what is around it."""
        self._code: dict[str, Any] | None = None
        self._linked = 0
        self._columns: list[tuple[str, ...]] = []
        self._head = False

    def build(self, text: str) -> list[Node]:
        for event in pyromark.events(text, options=_OPTIONS):
            self._see(cast("Any", event))
        return self._root

    def _see(self, event: Any) -> None:
        if isinstance(event, str):
            match event:
                case "SoftBreak" | "HardBreak":
                    self._add({"t": "br"})
                case "Rule":
                    self._add({"t": "hr"})
                case _:
                    pass
            return
        ((kind, value),) = event.items()
        match kind:
            case "Start":
                self._start(value)
            case "End":
                self._end(value)
            case "Text" | "Html" | "InlineHtml":
                self._text(str(value))
            case "Code":
                self._add({"t": "code", "c": [str(value)]})
            case "TaskListMarker":
                self._text("☑ " if value else "☐ ")
            case _:
                self._text(str(value))

    def _start(self, value: Any) -> None:
        name: Any = value
        data: Any = None
        if isinstance(value, dict):
            ((name, data),) = cast("dict[str, Any]", value).items()
        match name:
            case "Heading":
                self._push({"t": f"h{min(6, int(str(data['level'])[1:]) + 2)}"})
            case "CodeBlock":
                language = str(cast("dict[str, Any]", data)["Fenced"]) if isinstance(data, dict) else ""
                words = language.split()
                self._code = {"t": "pre", "lang": words[0][:40] if words else "", "v": ""}
                self._add(self._code)
            case "BlockQuote":
                self._push({"t": "blockquote"})
            case "List":
                self._push({"t": "ul"} if data is None else {"t": "ol", "start": int(data)})
            case "Table":
                self._columns.append(tuple(str(one).lower() for one in data))
                self._push({"t": "table"})
            case "TableCell":
                self._push({"t": "th" if self._head else "td"} | self._align())
            case "Link" | "Image":
                href = "" if self._linked else safe_url(str(data["dest_url"]))
                self._linked += 1
                self._push({"t": "a", "href": href} if href else {"t": "span"})
            case "TableHead":
                self._head = True
                self._push({"t": "tr"})
            case _:
                self._push({"t": _TAGS.get(str(name), "span")})

    def _end(self, value: Any) -> None:
        name: str = value if isinstance(value, str) else str(next(iter(value)))
        match name:
            case "CodeBlock":
                self._code = None
                return
            case "Link" | "Image":
                self._linked -= 1
            case "Table":
                self._columns.pop()
            case "TableHead":
                self._head = False
            case _:
                pass
        self._open.pop()

    def _push(self, node: dict[str, Any]) -> None:
        if len(self._open) > _DEEPEST:
            self._open.append(self._open[-1])
            return
        children: list[Node] = []
        node["c"] = children
        self._add(node)
        self._open.append(children)

    def _align(self) -> dict[str, str]:
        column = len(self._open[-1])
        known = self._columns[-1] if self._columns else ()
        align = known[column] if column < len(known) else "none"
        return {"align": align} if align in ("left", "center", "right") else {}

    def _add(self, node: Node) -> None:
        self._open[-1].append(node)

    def _text(self, text: str) -> None:
        if self._code is not None:
            self._code["v"] += text
            return
        if self._linked:
            self._words(text)
            return
        at = 0
        for found in _BARE_URL.finditer(text):
            shown = found[0].rstrip(_TRAILING)
            href = safe_url(shown)
            if not href:
                continue
            self._words(text[at : found.start()])
            self._add({"t": "a", "href": href, "c": [shown]})
            at = found.start() + len(shown)
        self._words(text[at:])

    def _words(self, text: str) -> None:
        children = self._open[-1]
        if not text:
            return
        if children and isinstance(children[-1], str):
            children[-1] += text
        else:
            children.append(text)
