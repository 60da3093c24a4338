"""Documents as blocks of text that know where they stand. One function for each kind of file."""

from __future__ import annotations

__all__ = ["KINDS", "read_document"]

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any, cast

from botkit.store.knowledge.blocks import Block, Unreadable, paragraphs, row_text
from botkit.store.knowledge.office import read_docx, read_pptx, read_xlsx
from botkit.store.knowledge.pdf import read_pdf

_ROW_LIMIT = 100_000
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)$")
_CLOSING = re.compile(r"[ \t]#+$")
_SETEXT = re.compile(r" {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def read_document(name: str, data: bytes) -> list[Block]:
    """The blocks of a file, in order. Raises `Unreadable`."""
    ending = PurePosixPath(name).suffix.lower()
    read = KINDS.get(ending)
    if read is None:
        known = " ".join(sorted(KINDS))
        raise Unreadable(f"files that end in `{ending or name}` cannot be read; these can: {known}")
    return [block for block in read(data) if block.text.strip()]


def _text(data: bytes) -> str:
    if b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("it is not text, whatever its name says")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(data: bytes) -> Iterator[Block]:
    """Paragraphs."""
    return paragraphs(_text(data).split("\n"), ())


def _markdown(data: bytes) -> Iterator[Block]:
    """Paragraphs under their headings; code blocks stay whole."""
    lines = _text(data).split("\n")
    headings: list[tuple[int, str]] = []
    held: list[str] = []
    begun, fence = 1, ""

    def rest(end: int) -> Iterator[Block]:
        if any(line.strip() for line in held):
            above = tuple(text for _, text in headings)
            yield Block(text="\n".join(held).strip("\n"), headings=above, line=begun, line_end=end)

    for number, line in enumerate(lines, 1):
        mark = _FENCE.match(line)
        if fence:
            held.append(line)
            if mark is not None and mark[1].startswith(fence):
                fence = ""
            continue
        heading = _ATX.match(line)
        under = _SETEXT.match(line) if held and held[-1].strip() and len(held) == 1 else None
        if heading is not None or under is not None:
            level = len(heading[1]) if heading is not None else (1 if line.strip()[0] == "=" else 2)
            text = _CLOSING.sub("", heading[2].rstrip()).strip() if heading is not None else held.pop().strip()
            yield from rest(number - 1)
            held = []
            headings = [*(one for one in headings if one[0] < level), (level, _plain_words(text))]
        elif not line.strip():
            yield from rest(number - 1)
            held = []
        else:
            if not held:
                begun = number
            held.append(line.rstrip())
            if mark is not None:
                fence = mark[1]
    yield from rest(len(lines))


def _plain_words(text: str) -> str:
    """A heading without its marks."""
    return re.sub(r"[*_`]|!?\[([^\]]*)\]\([^)]*\)", lambda match: match[1] or "", text).strip()


class _Page(HTMLParser):
    """Text of a page by its paragraphs, without what nobody reads."""

    _SKIP = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav"})
    _BREAKS = frozenset(
        {
            "p",
            "div",
            "li",
            "tr",
            "section",
            "article",
            "table",
            "ul",
            "ol",
            "pre",
            "blockquote",
            "br",
            "dt",
            "dd",
            "main",
        }
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._headings: list[tuple[int, str]] = []
        self._skipped: list[str] = []
        self._level = 0
        self._held: list[str] = []
        self._line = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._SKIP:
            self._skipped.append(tag)
        elif re.fullmatch(r"h[1-6]", tag):
            self.end()
            self._level = int(tag[1])
        elif tag in self._BREAKS:
            self.end()
        elif tag in ("td", "th"):
            self._held.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipped:
            while self._skipped and self._skipped.pop() != tag:
                pass
        elif re.fullmatch(r"h[1-6]", tag) and self._level:
            text = " ".join("".join(self._held).split())
            self._headings = [one for one in self._headings if one[0] < self._level]
            if text:
                self._headings.append((self._level, text))
            self._held, self._level = [], 0
        elif tag in self._BREAKS:
            self.end()

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        if not self._held:
            self._line = self.getpos()[0]
        self._held.append(data)

    def end(self) -> None:
        """A paragraph is over."""
        text = " ".join("".join(self._held).split())
        self._held = []
        if text:
            above = tuple(one for _, one in self._headings)
            self.blocks.append(Block(text=text, headings=above, line=self._line, line_end=self.getpos()[0]))


def _html(data: bytes) -> Iterator[Block]:
    page = _Page()
    page.feed(_text(data))
    page.close()
    page.end()
    return iter(page.blocks)


def _csv(data: bytes) -> Iterator[Block]:
    """A block for each row, with the names of its columns."""
    text = _text(data)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    reader = csv.reader(io.StringIO(text), dialect)
    try:
        names = next(reader, list[str]())
        begun = reader.line_num + 1
        for number, row in enumerate(reader):
            if number >= _ROW_LIMIT:
                raise Unreadable(f"it has more than {_ROW_LIMIT} rows; a table that large belongs behind a tool")
            yield Block(text=row_text(names, row), line=begun, line_end=reader.line_num)
            begun = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"it is no table: {error}") from error


def _json(data: bytes) -> Iterator[Block]:
    """A block for each entry of a list or key of an object."""
    try:
        value: Any = json.loads(_text(data))
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is no JSON") from error
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield Block(text=_flat(item), headings=(str(key),))
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value), 1):
            yield Block(text=_flat(item), headings=(f"entry {number}",))
    else:
        yield Block(text=_flat(value))


def _json_lines(data: bytes) -> Iterator[Block]:
    for number, line in enumerate(_text(data).split("\n"), 1):
        if line.strip():
            try:
                yield Block(text=_flat(json.loads(line)), line=number, line_end=number)
            except (ValueError, RecursionError) as error:
                raise Unreadable(f"line {number} is no JSON") from error


def _flat(value: Any, name: str = "") -> str:
    """A value as lines `path: value`."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return "\n".join(_flat(item, f"{name}.{key}" if name else str(key)) for key, item in items)
    if isinstance(value, list):
        return "\n".join(_flat(item, name) for item in cast("list[Any]", value))
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{name}: {text}" if name else text


KINDS: dict[str, Callable[[bytes], Iterator[Block]]] = {
    ".txt": _plain,
    ".text": _plain,
    ".rst": _plain,
    ".yaml": _plain,
    ".yml": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
}
"""How each kind of file is read, by the end of its name."""
