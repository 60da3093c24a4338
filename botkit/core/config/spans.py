"""YAML text → where every key and value begins and ends, for edits that touch nothing else."""

from __future__ import annotations

__all__ = ["Entry", "Span", "parse_spans"]

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(slots=True)
class Span:
    """A value in the text, as offsets. An empty value has `start == end`."""

    kind: Literal["scalar", "map", "list", "alias"]
    start: int
    end: int
    flow: bool = False
    """In brackets, or a scalar on one line: what replaces it must stand on one line too."""
    anchor: str = ""
    entries: list[Entry] = field(default_factory=list["Entry"])
    items: list[Span] = field(default_factory=list["Span"])

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


@dataclass(slots=True)
class Entry:
    """A key with its value."""

    key: str
    start: int
    """Where the key begins."""
    key_end: int
    """Just behind the key, before its colon."""
    value: Span


def parse_spans(text: str) -> Span | None:
    """The top value of a text that is known to be YAML; None for an empty one."""
    from ruamel.yaml import YAML

    stack: list[tuple[Span, list[Any]]] = []
    root: Span | None = None
    for event in YAML(typ="safe", pure=True).parse(text):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # ruamel has no types here
        name = type(event).__name__  # pyright: ignore[reportUnknownArgumentType]  # as above
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            stack.append((_collection(event, name), []))
            continue
        if name in ("MappingEndEvent", "SequenceEndEvent"):
            span, children = stack.pop()
            _close(span, children, event, text)
        elif name in ("ScalarEvent", "AliasEvent"):
            span = _leaf(event, name)
        else:
            continue
        if stack:
            stack[-1][1].append((span, getattr(event, "value", "")))  # pyright: ignore[reportUnknownArgumentType]  # as above
        else:
            root = span
    return root


def _collection(event: Any, name: str) -> Span:
    mark = event.start_mark
    kind = "map" if name == "MappingStartEvent" else "list"
    return Span(kind, mark.index, mark.index, bool(event.flow_style), str(event.anchor or ""))


def _leaf(event: Any, name: str) -> Span:
    start, end = event.start_mark, event.end_mark
    block = name == "ScalarEvent" and event.style in ("|", ">")
    kind = "scalar" if name == "ScalarEvent" else "alias"
    return Span(kind, start.index, end.index, not block, str(event.anchor or ""))


def _close(span: Span, children: list[Any], event: Any, text: str) -> None:
    spans: list[Span] = [child for child, _ in children]
    if span.kind == "list":
        span.items = spans
    else:
        pairs = zip(children[::2], children[1::2], strict=True)
        span.entries = [Entry(str(name), key.start, key.end, value) for (key, name), (value, _) in pairs]
        for entry in span.entries:
            _place_empty(entry, text)
    if span.flow:
        span.end = event.end_mark.index
        return
    span.end = max((child.end for child in spans), default=span.start)


def _place_empty(entry: Entry, text: str) -> None:
    """ruamel puts an empty value where the next one begins; it belongs behind its colon."""
    value = entry.value
    if value.kind == "scalar" and value.start == value.end:
        colon = text.find(":", entry.key_end)
        here = colon + 1 if colon >= 0 and not text[entry.key_end : colon].strip() else entry.key_end
        value.start = value.end = here
