"""Markdown from a model → WhatsApp's own markup, cut into messages that fit.

The text is read as a tree and written line by line, so a cut never leaves half of a `*bold*` behind, and a code block
that is cut is a code block on both sides. What WhatsApp cannot show is written out: headings become bold, tables
become lists, links keep their address.

Source: https://faq.whatsapp.com/539178204879377 (formatting)
"""

# pyromark has partial annotations; nothing untyped leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["format_markdown", "plain"]

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyromark

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
_FENCE = "```"
_FENCES_CHARS = 2 * len(_FENCE) + 2
_JOINER = "\u2060"
"""WORD JOINER: invisible, and enough to keep a literal `*` from making text bold."""
_LITERAL_MARK = re.compile(r"(?<!\w)([*_~`])(?=\S)")
_MARKS = {"Strong": "*", "Emphasis": "_", "Strikethrough": "~", "code": "`"}
_LEAST_FILLED = 0.5
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    marks: frozenset[str] = _NONE


@dataclass(slots=True)
class _Line:
    runs: list[_Run] = field(default_factory=list[_Run])
    pre: bool = False

    @property
    def blank(self) -> bool:
        return not self.pre and not any(run.text.strip() for run in self.runs)


def format_markdown(markdown: str, limit: int) -> list[str]:
    """The messages that show a text, each of at most `limit` characters. Never raises, never loses words."""
    markdown = markdown.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")
    try:
        lines = _Reader().read(markdown)
    except Exception:  # a parser's surprise must not lose an answer
        lines = [_Line([_Run(line)]) for line in markdown.splitlines()]
    if markdown.strip() and all(line.blank for line in lines):
        lines = [_Line([_Run(line)]) for line in markdown.splitlines()]
    return _pieces(lines, limit)


def plain(text: str, limit: int) -> str:
    """One line without markup for a title or a button, cut with `…`."""
    text = " ".join(re.sub(r"[*_~`]", "", text).split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


class _Reader:
    """Walks the events of a Markdown document and writes lines."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []
        self._marks: list[str] = []
        self._lists: list[int | None] = []
        self._quotes = 0
        self._pre = False
        self._links: list[tuple[str, int]] = []
        self._cells: list[list[_Run]] | None = None
        self._head: list[str] = []
        self._in_head = False
        self._start = ""

    def read(self, markdown: str) -> list[_Line]:
        for event in pyromark.events(markdown, options=_OPTIONS):
            self._event(event)
        while self.lines and self.lines[-1].blank:
            self.lines.pop()
        return self.lines

    def _event(self, event: Any) -> None:
        if isinstance(event, str):
            if event == "SoftBreak" or event == "HardBreak":
                self._write("\n" if self._cells is None else " ")
            elif event == "Rule":
                self._block()
                self._write("———")
            return
        ((name, value),) = event.items()
        match name:
            case "Start":
                self._open(*_tag(value))
            case "End":
                self._close(_tag(value)[0])
            case "Text" | "Html" | "InlineHtml":
                self._write(str(value))
            case "Code":
                self._write(str(value), extra="code")
            case "TaskListMarker":
                self._write("☑ " if value else "☐ ")
            case _:
                self._write(str(value))

    def _open(self, tag: str, value: Any) -> None:
        match tag:
            case "Paragraph" | "HtmlBlock":
                if not self._start:
                    self._block()
            case "Heading":
                self._block()
                self._marks.append("Strong")
            case "Strong" | "Emphasis" | "Strikethrough":
                self._marks.append(tag)
            case "BlockQuote":
                self._quotes += 1
            case "List":
                if not self._lists:
                    self._gap()
                self._lists.append(value if isinstance(value, int) and not isinstance(value, bool) else None)
            case "Item":
                self._item()
            case "CodeBlock":
                self._block()
                self._pre = True
            case "Link" | "Image":
                self._links.append((str(value["dest_url"]), self._length()))
            case "Table":
                self._gap()
                self._head = []
            case "TableHead" | "TableRow":
                self._in_head = tag == "TableHead"
                self._cells = []
            case "TableCell" if self._cells is not None:
                self._cells.append([])
            case _:
                pass

    def _close(self, tag: str) -> None:
        match tag:
            case "Heading":
                self._marks.pop()
            case "Strong" | "Emphasis" | "Strikethrough":
                self._marks.pop()
            case "BlockQuote":
                self._quotes -= 1
            case "List":
                self._lists.pop()
            case "CodeBlock":
                self._pre = False
                if self.lines and self.lines[-1].pre and not "".join(run.text for run in self.lines[-1].runs):
                    self.lines.pop()
            case "Link" | "Image":
                url, begun = self._links.pop()
                shown = self._text_from(begun)
                if url and url not in (shown, f"mailto:{shown}"):
                    self._write(f" ({url})" if shown else url)
            case "TableHead" | "TableRow":
                self._row()
            case _:
                pass

    def _block(self) -> None:
        """Begin a block: an empty line before it, unless it is the first."""
        self._start = ""
        self._gap()
        self.lines.append(_Line())

    def _gap(self) -> None:
        if self.lines and not self.lines[-1].blank:
            self.lines.append(_Line())

    def _item(self) -> None:
        depth = len(self._lists) - 1
        number = self._lists[-1]
        if number is not None:
            self._lists[-1] = number + 1
        self._start = f"{'  ' * depth}{f'{number}.' if number is not None else '•'} "
        self.lines.append(_Line([_Run(self._quoted() + self._start)]))

    def _row(self) -> None:
        """A table's row as a line: `a: 1 · b: 2`, with the head's words as names."""
        cells, self._cells = self._cells or [], None
        texts = ["".join(run.text for run in cell).strip() for cell in cells]
        if self._in_head:
            self._head = texts
            return
        self.lines.append(_Line([_Run("• ")]))
        for index, cell in enumerate(cells):
            if not texts[index]:
                continue
            name = self._head[index] if index < len(self._head) else ""
            separator = " · " if len(self.lines[-1].runs) > 1 else ""
            self.lines[-1].runs += [_Run(f"{separator}{name}: " if name else separator), *cell]

    def _quoted(self) -> str:
        return "> " if self._quotes else ""

    def _write(self, text: str, extra: str = "") -> None:
        self._start = ""
        found = [*self._marks, extra] if extra else self._marks
        marks: frozenset[str] = frozenset(found)
        if self._cells is not None:
            if self._cells:
                self._cells[-1].append(_Run(text, marks))
            return
        if not self.lines:
            self.lines.append(_Line())
        for index, piece in enumerate(text.split("\n")):
            if index:
                self.lines.append(_Line())
            line = self.lines[-1]
            if self._pre:
                line.pre = True
            elif not line.runs and self._quotes and piece:
                line.runs.append(_Run(self._quoted()))
            if piece:
                line.runs.append(_Run(piece, _NONE if self._pre else marks))

    def _length(self) -> int:
        where = self._cells[-1] if self._cells else self.lines[-1].runs if self.lines else []
        return len(where)

    def _text_from(self, begun: int) -> str:
        where = self._cells[-1] if self._cells else self.lines[-1].runs if self.lines else []
        return "".join(run.text for run in where[begun:])


def _tag(value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, None
    ((tag, content),) = value.items()
    return tag, content


def _shown(runs: Sequence[_Run]) -> str:
    """A line in WhatsApp's markup. Inside of a word WhatsApp knows none, so none is written there."""
    groups: list[tuple[str, frozenset[str]]] = []
    for run in runs:
        if groups and groups[-1][1] == run.marks:
            groups[-1] = (groups[-1][0] + run.text, run.marks)
        else:
            groups.append((run.text, run.marks))
    shown = ""
    for index, (text, marks) in enumerate(groups):
        before = shown[-1:]
        after = groups[index + 1][0][:1] if index + 1 < len(groups) else ""
        inside = (before.isalnum() and text[:1].isalnum()) or (after.isalnum() and text[-1:].isalnum())
        shown += _marked(text, _NONE if inside else marks)
    return shown


def _marked(text: str, marks: frozenset[str]) -> str:
    if "code" not in marks:
        text = _LITERAL_MARK.sub(rf"\1{_JOINER}", text)
    bare = text.strip()
    if not bare or not marks:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    for name, mark in _MARKS.items():
        if name in marks:
            bare = f"{mark}{bare}{mark}"
    return f"{before}{bare}{after}"


def _rendered(lines: Sequence[_Line]) -> str:
    """Lines as one message, code between fences, without white space at its ends."""
    shown: list[str] = []
    inside = False
    for line in lines:
        if line.pre != inside:
            shown.append(_FENCE)
            inside = line.pre
        text = "".join(run.text for run in line.runs)
        shown.append(text.replace(_FENCE, f"`{_JOINER}``") if line.pre else _shown(line.runs))
    if inside:
        shown.append(_FENCE)
    return "\n".join(shown).strip("\n").rstrip()


def _pieces(lines: list[_Line], limit: int) -> list[str]:
    pieces: list[str] = []
    waiting = [part for line in lines for part in _fitting(line, limit - _FENCES_CHARS)]
    current: list[_Line] = []
    while waiting:
        line = waiting.pop(0)
        if not current and line.blank:
            continue
        if len(_rendered([*current, line])) <= limit:
            current.append(line)
            continue
        cut = _cut(current)
        waiting = [*current[cut:], line, *waiting]
        pieces.append(_rendered(current[:cut]))
        current = []
    if (last := _rendered(current)) and not all(line.blank for line in current):
        pieces.append(last)
    return [piece for piece in pieces if piece]


def _cut(lines: Sequence[_Line]) -> int:
    """Where to end a full message: at an empty line outside of code when one is far enough down."""
    for index in range(len(lines) - 1, int(len(lines) * _LEAST_FILLED), -1):
        if lines[index].blank:
            return index
    return len(lines)


def _fitting(line: _Line, limit: int) -> list[_Line]:
    """A line, or the lines it is cut into when it is longer than a message: at a sentence, a word, anywhere."""
    if len(_shown(line.runs)) <= limit:
        return [line]
    room = max(1, limit - 2 * len(_MARKS))
    cut: list[_Line] = []
    current: list[_Run] = []
    for run in line.runs:
        text = run.text
        while text:
            free = room - len(_shown(current)) - 2 * len(run.marks) - 16
            if free <= 0:
                cut.append(_Line(current, line.pre))
                current = []
                continue
            if len(_LITERAL_MARK.sub("xx", text)) <= free:
                current.append(_Run(text, run.marks))
                break
            at = _word_end(text, max(1, free * 3 // 4 if _LITERAL_MARK.search(text) else free))
            current.append(_Run(text[:at], run.marks))
            cut.append(_Line(current, line.pre))
            current, text = [], text[at:]
    if current:
        cut.append(_Line(current, line.pre))
    return cut


def _word_end(text: str, end: int) -> int:
    window = text[:end]
    for pattern in (r"[.!?…]\s", r"\s"):
        found = [match.end() for match in re.finditer(pattern, window)]
        if found and found[-1] >= end * _LEAST_FILLED:
            return found[-1]
    while end > 1 and (text[end] in "\u200d\ufe0f" or text[end - 1] == "\u200d"):
        end -= 1
    return end
