"""Single edits of YAML text: replace, insert, append, delete, and write out aliases.

Each takes a text and returns a new one that differs in the lines the edit is about. None of them promises
more than an attempt: whoever calls reads the result again and compares.
"""

from __future__ import annotations

__all__ = ["NotSpliced", "append_at", "delete_at", "insert_at", "replace_at", "write_out_aliases"]

import re
from collections.abc import Iterator, Sequence
from typing import Any

from botkit.core.config.emit import block, inline
from botkit.core.config.parse import parse_yaml
from botkit.core.config.spans import Entry, Span, parse_spans
from botkit.core.config.tree import Path, find, raw_values

_STEP = 2


class NotSpliced(Exception):
    """This edit cannot be made in this place by changing single lines."""


def replace_at(text: str, path: Sequence[str | int], value: Any) -> str:
    """Put a value in the place of the one at `path`."""
    if not path:
        return block(value, 0).lstrip("\n ") + "\n"
    parent, node, entry = _find(text, path)
    if parent.flow:
        if entry is not None and ":" not in text[entry.key_end : max(node.start, entry.key_end)]:
            raise NotSpliced  # `{key}` without a colon
        gap = " " if node.start == node.end or text[node.start - 1] == ":" else ""
        return text[: node.start] + gap + inline(value) + text[node.end :]
    rendered = block(value, _indent(text, parent) + _STEP)
    if "\n" not in rendered and node.flow:
        if node.start == node.end:
            start = _behind_colon(text, entry)
            return text[:start] + rendered + text[start:]
        return text[: node.start] + rendered[1:] + text[node.end :]
    return _replace_lines(text, node, entry, rendered)


def _replace_lines(text: str, node: Span, entry: Entry | None, rendered: str) -> str:
    """Put lines in the place of a value, keeping a comment that stands behind its key or behind itself."""
    end = _line_end(text, _content_end(text, node))
    if entry is None:
        comment = "" if "\n" in text[node.start : end] else _comment(text[node.end : end])
        start, rendered = node.start, rendered.lstrip("\n ")
    else:
        start = _behind_colon(text, entry)
        header = text[start : _line_end(text, start)]
        on_one_line = node.flow and node.end <= _line_end(text, start)
        comment = _comment(text[max(node.end, start) : end] if on_one_line else header)
    first, newline, rest = rendered.partition("\n")
    return text[:start] + first + comment + newline + rest + text[end:]


def insert_at(text: str, path: Sequence[str | int], key: str, value: Any) -> str:
    """Add a key at the end of the mapping at `path`."""
    root = parse_spans(text)
    if root is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}{_key(key)}:{block(value, _STEP)}\n"
    parent, node = _span_at(root, path)
    if node.kind != "map":
        raise NotSpliced
    if not node.entries:
        if parent is not None and not parent.flow and path:
            return replace_at(text, path, {key: value})
        at = node.end - 1
        return text[:at] + f"{_key(key)}: {inline(value)}" + text[at:]
    if node.flow:
        last = node.entries[-1]
        at = max(last.key_end, last.value.end)
        return text[:at] + f", {_key(key)}: {inline(value)}" + text[at:]
    indent = node.entries[0].start - _line_start(text, node.entries[0].start)
    return _insert_line(text, node, f"{' ' * indent}{_key(key)}:{block(value, indent + _STEP)}")


def append_at(text: str, path: Sequence[str | int], value: Any) -> str:
    """Add an item at the end of the list at `path`."""
    _, node, _ = _find(text, path)
    if node.kind != "list":
        raise NotSpliced
    if node.flow:
        at = node.items[-1].end if node.items else node.end - 1
        return text[:at] + (", " if node.items else "") + inline(value) + text[at:]
    indent = _indent(text, node)
    rendered = block(value, indent + _STEP)
    return _insert_line(text, node, f"{' ' * indent}- {rendered.lstrip(chr(10) + ' ')}")


def delete_at(text: str, path: Sequence[str | int]) -> str:
    """Remove a key or a list item. What becomes empty is written as `{}` or `[]`."""
    parent, node, entry = _find(text, path)
    siblings = [(e.start, max(e.key_end, e.value.end)) for e in parent.entries]
    siblings = siblings or [(item.start, item.end) for item in parent.items]
    if len(siblings) == 1:
        return replace_at(text, path[:-1], {} if parent.kind == "map" else [])
    start = entry.start if entry is not None else node.start
    index = next(i for i, (begin, _) in enumerate(siblings) if begin == start)
    if parent.flow:
        begin, end = (siblings[index - 1][1], siblings[index][1]) if index else (siblings[0][0], siblings[1][0])
        return text[:begin] + text[end:]
    line = _line_start(text, start)
    lead = text[line:start].strip()
    if lead not in ("", "-") or (lead == "-") == (entry is not None):
        raise NotSpliced  # shares its line with what holds it
    end = _line_end(text, max(_content_end(text, node), entry.key_end if entry else 0))
    return text[:line] + text[min(end + 1, len(text)) :]


def write_out_aliases(text: str) -> str:
    """The same values without aliases: each stands as a copy of what it pointed at."""
    root = parse_spans(text)
    if root is None:
        return text
    tree = parse_yaml(text, "").tree
    anchors: dict[str, Path] = {}
    copies: list[tuple[Span, str]] = []
    for path, span in _walk(root, ()):
        if span.anchor and span.kind != "alias":
            anchors[span.anchor] = path
        elif span.kind == "alias" and span.anchor in anchors:
            found, value, _ = find(tree, anchors[span.anchor])
            if found != anchors[span.anchor]:
                raise NotSpliced
            copies.append((span, inline(raw_values(value))))
    for span, copied in reversed(copies):
        text = text[: span.start] + copied + text[span.end :]
    return text


def _walk(span: Span, path: Path) -> Iterator[tuple[Path, Span]]:
    """Every value in the order of the text."""
    yield path, span
    for entry in span.entries:
        yield from _walk(entry.value, (*path, entry.key))
    for index, item in enumerate(span.items):
        yield from _walk(item, (*path, index))


def _find(text: str, path: Sequence[str | int]) -> tuple[Span, Span, Entry | None]:
    """The value at `path`, what holds it, and its key if that is a mapping."""
    root = parse_spans(text)
    if root is None or not path:
        raise NotSpliced
    _, parent = _span_at(root, path[:-1])
    last = path[-1]
    if parent.kind == "map" and (entry := parent.entry(str(last))) is not None:
        return parent, entry.value, entry
    if parent.kind == "list" and isinstance(last, int) and last < len(parent.items):
        return parent, parent.items[last], None
    raise NotSpliced


def _span_at(root: Span, path: Sequence[str | int]) -> tuple[Span | None, Span]:
    parent, node = None, root
    for part in path:
        parent = node
        if node.kind == "map" and (entry := node.entry(str(part))) is not None:
            node = entry.value
        elif node.kind == "list" and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            raise NotSpliced
    return parent, node


def _insert_line(text: str, node: Span, line: str) -> str:
    at = _line_end(text, _content_end(text, node))
    return text[:at] + "\n" + line + text[at:]


def _indent(text: str, parent: Span) -> int:
    """Column of a block collection's keys or dashes."""
    if parent.kind == "map":
        first = parent.entries[0].start
        return first - _line_start(text, first)
    first = parent.items[0].start
    line = _line_start(text, first)
    dash = text.rfind("-", line, first)
    if dash < 0:
        raise NotSpliced
    return dash - line


def _content_end(text: str, node: Span) -> int:
    """Behind the value's last character; ruamel counts blank lines behind a `|` text to it."""
    return node.start + len(text[node.start : node.end].rstrip())


def _behind_colon(text: str, entry: Entry | None) -> int:
    if entry is None:
        raise NotSpliced
    colon = text.find(":", entry.key_end)
    if colon < 0 or text[entry.key_end : colon].strip():
        raise NotSpliced
    return colon + 1


def _comment(rest: str) -> str:
    """A comment at the end of a line, with the space before it."""
    match = re.search(r"[ \t]+#.*", rest)
    return match[0].rstrip() if match else ""


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _key(key: str) -> str:
    return inline({key: 0})[1:-4]
