"""Parts of long texts: an outline to begin with, and pages, passages and values to go on with.

    outline(text)                 what it is, how much, what it begins and ends with
    page_of(text, 3)              its third page
    passages(text, "refund")      the lines that say so, with their neighbours
    value_at(value, "orders[0:5].id")

Nothing is left out in silence: each says how much there is beyond what it shows.
"""

from __future__ import annotations

__all__ = ["PAGE_CHARS", "clip", "json_of", "laid_out", "outline", "page_of", "passages", "value_at"]

import json
import re
from typing import Any, cast

from botkit.core.errors import InvalidArguments

PAGE_CHARS = 6_000
_KEYS_SHOWN = 24
_SHAPE_DEPTH = 3
_SHAPE_CHARS = 1_200
_LINE_CHARS = 300
_MATCHES_SHOWN = 20
_MANY_LINES = 200
"""Characters a line has at most on average, for a text to be read as it stands."""
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\*|-?\d+|-?\d*:-?\d*)\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_PATH_STEPS = 32


def clip(text: str, limit_chars: int) -> str:
    """Keep the head and the tail of a long text and say how much was left out."""
    if len(text) <= limit_chars:
        return text
    head = limit_chars * 2 // 3
    tail = limit_chars - head
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[… {left_out:,} characters left out …]\n{text[-tail:] if tail else ''}"


def json_of(text: str) -> Any:
    """The object or list a text is; None when it is neither."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Any", value) if isinstance(value, dict | list) else None


def laid_out(text: str) -> str:
    """JSON without line breaks with some, so that it has lines; every other text as it is."""
    if text.count("\n") * _MANY_LINES >= len(text) or (value := json_of(text)) is None:
        return text
    return json.dumps(value, ensure_ascii=False, indent=1)


def outline(text: str, limit_chars: int) -> str:
    """What a long text holds, in about `limit_chars`: the shape of JSON and its first items, or head and tail."""
    value = json_of(text)
    if value is None:
        lines = text.count("\n") + 1
        return f"{len(text):,} characters in {lines:,} lines:\n{clip(text, limit_chars)}"
    shape = clip(_shape(value, 0), min(_SHAPE_CHARS, limit_chars))
    lines = [f"{len(text):,} characters of JSON: {shape}"]
    room = limit_chars - len(lines[0])
    path, items = _longest_list(value)
    shown = 0
    for item in items:
        line = f"{path}[{shown}] = {json.dumps(item, ensure_ascii=False)}"
        if len(line) > room:
            break
        lines.append(line)
        room -= len(line) + 1
        shown += 1
    if not shown:
        lines.append(clip(text, max(room, limit_chars // 4)))
    elif shown < len(items):
        lines.append(f"[… {len(items) - shown:,} more in {path or 'the list'} …]")
    return "\n".join(lines)


def _shape(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if depth >= _SHAPE_DEPTH:
            return f"object of {len(fields)}"
        shown = [f"{key}: {_shape(item, depth + 1)}" for key, item in list(fields.items())[:_KEYS_SHOWN]]
        more = [f"{len(fields) - _KEYS_SHOWN} more"] if len(fields) > _KEYS_SHOWN else []
        return f"{{{', '.join([*shown, *more])}}}"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return f"list of {len(items):,}" + (f" × {_shape(items[0], depth + 1)}" if items else "")
    if isinstance(value, str):
        return "text" if len(value) <= _LINE_CHARS else f"text of {len(value):,}"
    return "null" if value is None else "true/false" if isinstance(value, bool) else "number"


def _longest_list(value: Any, path: str = "", depth: int = 0) -> tuple[str, list[Any]]:
    """Path and items of the list that holds the most, near the top."""
    if isinstance(value, list):
        return path, cast("list[Any]", value)
    best: tuple[str, list[Any]] = ("", [])
    if isinstance(value, dict) and depth < _SHAPE_DEPTH:
        for key, item in cast("dict[str, Any]", value).items():
            found = _longest_list(item, f"{path}.{key}" if path else key, depth + 1)
            if len(found[1]) > len(best[1]):
                best = found
    return best


def page_of(text: str, number: int, *, page_chars: int = PAGE_CHARS) -> str:
    """One page, counted from 1, with its place. Raises `InvalidArguments` for a page that is not there."""
    pages = max(1, -(-len(text) // page_chars))
    if not 1 <= number <= pages:
        raise InvalidArguments(f"there is no page {number}; it has {pages}")
    return f"[page {number} of {pages}]\n{text[(number - 1) * page_chars : number * page_chars]}"


def passages(text: str, words: str, *, limit_chars: int = PAGE_CHARS) -> str:
    """The lines that hold these words as they stand, in any case, each with the lines around it."""
    wanted = words.strip().casefold()
    lines = text.splitlines()
    hits = [number for number, line in enumerate(lines) if wanted in line.casefold()]
    if not hits:
        return f"[nothing in {len(lines):,} lines says {words.strip()!r}]"
    shown: list[str] = []
    room, told, last = limit_chars, 0, -1
    for hit in hits[:_MATCHES_SHOWN]:
        around = [
            f"{number + 1}: {_near(lines[number], wanted)}"
            for number in range(max(hit - 1, last + 1), min(hit + 2, len(lines)))
        ]
        block = "\n".join(around)
        if shown and len(block) > room:
            break
        room -= len(block)
        shown.append(block)
        told, last = told + 1, max(last, hit + 1)
    return f"[{told} of {len(hits)} lines that say {words.strip()!r}]\n" + "\n".join(filter(None, shown))


def _near(line: str, wanted: str) -> str:
    """A line, or what stands around the words in a long one."""
    if len(line) <= _LINE_CHARS:
        return line
    at = max(0, line.casefold().find(wanted) - _LINE_CHARS // 3)
    return f"{'…' if at else ''}{line[at : at + _LINE_CHARS]}…"


def value_at(value: Any, path: str) -> Any:
    """What stands at a path such as `orders[0].id`, `orders[-1]`, `orders[0:10].total`, `rows[*].name`, `["a.b"]`.

    After a slice or `*`, the rest of the path is taken of each item that has it.

    Raises:
        InvalidArguments: the path cannot be read, or nothing stands there; the message says what does.
    """
    steps: list[str | int | slice] = []
    rest = path.strip().removeprefix("$")
    while rest:
        found = _STEP.match(rest)
        if found is None or len(steps) >= _PATH_STEPS:
            raise InvalidArguments(f"the path cannot be read at {rest[:40]!r}; write it like orders[0].id")
        steps.append(_step(found))
        rest = rest[found.end() :]
    return _walk(value, steps, "")


def _step(found: re.Match[str]) -> str | int | slice:
    name, index, quoted = found.groups()
    if index is None:
        return name if name is not None else str(json.loads(f'"{quoted}"'))
    if index == "*":
        return slice(None)
    if ":" in index:
        first, _, last = index.partition(":")
        return slice(int(first) if first not in ("", "-") else None, int(last) if last not in ("", "-") else None)
    return int(index)


def _walk(value: Any, steps: list[str | int | slice], done: str) -> Any:
    for at, step in enumerate(steps):
        if isinstance(step, slice):
            if not isinstance(value, list):
                raise InvalidArguments(f"{done or 'the whole'} is no list but {_shape(value, _SHAPE_DEPTH - 1)}")
            kept: list[Any] = []
            for number, item in enumerate(cast("list[Any]", value)[step]):
                try:
                    kept.append(_walk(item, steps[at + 1 :], f"{done}[{number}]"))
                except InvalidArguments:
                    continue
            return kept
        value, done = _one(value, step, done)
    return value


def _one(value: Any, step: str | int, done: str) -> tuple[Any, str]:
    here = f"{done}[{step}]" if isinstance(step, int) else f"{done}.{step}".lstrip(".")
    if isinstance(step, int) and isinstance(value, list):
        items = cast("list[Any]", value)
        if -len(items) <= step < len(items):
            return items[step], here
    elif isinstance(step, str) and isinstance(value, dict) and step in value:
        return cast("dict[str, Any]", value)[step], here
    raise InvalidArguments(f"nothing stands at {here}; {done or 'the whole'} is {_shape(value, _SHAPE_DEPTH - 1)}")
