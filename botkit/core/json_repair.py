"""Read the JSON that models write: mostly right, sometimes Python, sometimes one bracket short.

Only mistakes with one reasonable meaning are mended: code fences, single quotes, Python literals, bare
keys, trailing commas, raw line breaks in strings, brackets missing or doubled at the very end. A string
that never ends was cut off, and half a value must not reach a tool: that is refused with an explanation.
"""

from __future__ import annotations

__all__ = ["Unreadable", "read_arguments", "read_value"]

import json
import re
from typing import Any, cast

_FENCE = re.compile(r"^```(?:json|JSON)?\s*\n?(.*?)\n?```$", re.DOTALL)
_FENCED = re.compile(r"```(?:json|JSON)?\s*\n(.*?)\n?```", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$][\w$.-]*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LITERALS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
    "undefined": None,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_DEPTH_LIMIT = 64


class Unreadable(Exception):
    """The arguments cannot be read; the message tells the model what is wrong with them."""


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments of a tool call as an object; an empty text is an empty object.

    Raises:
        Unreadable: no reasonable repair exists.
    """
    stripped = text.strip()
    if not stripped:
        return {}
    try:
        value: Any = json.loads(stripped)
    except RecursionError as error:
        raise Unreadable("the arguments are nested too deeply") from error
    except ValueError:
        fenced = _FENCE.match(stripped)
        value = _Reader(fenced[1].strip() if fenced else stripped).read()
    if isinstance(value, str):  # encoded twice
        inner = value.strip()
        if inner.startswith("{"):
            return read_arguments(inner)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"the arguments must be a JSON object, not {type(value).__name__}")
    return cast("dict[str, Any]", value)


def read_value(text: str) -> Any:
    """Any JSON value a model wrote, also in a code fence or with a sentence before it.

    Raises:
        Unreadable: no reasonable repair exists.
    """
    stripped = text.strip()
    try:
        return json.loads(stripped)
    except RecursionError as error:
        raise Unreadable("the value is nested too deeply") from error
    except ValueError:
        inside = _FENCED.search(stripped)
        body = inside[1].strip() if inside else stripped[_start_of(stripped) :]
        return _Reader(body).read()


def _start_of(text: str) -> int:
    """Where the first object or list begins; 0 where there is none."""
    return min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)


class _Reader:
    """A forgiving recursive-descent reader."""

    def __init__(self, text: str):
        self._text = text
        self._at = 0

    def read(self) -> Any:
        value = self._value(0)
        rest = self._text[self._at :].strip()
        if rest.strip("}] \n\t;,"):
            raise Unreadable(f"there is text after the JSON: {rest[:40]!r}")
        return value

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at] if self._at < len(self._text) else ""

    def _value(self, depth: int) -> Any:
        if depth > _DEPTH_LIMIT:
            raise Unreadable("the arguments are nested too deeply")
        char = self._peek()
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        if char in ('"', "'"):
            return self._string(char)
        number = _NUMBER.match(self._text, self._at)
        if number:
            self._at = number.end()
            return self._number(number[0])
        word = _WORD.match(self._text, self._at)
        if word and word[0] in _LITERALS:
            self._at = word.end()
            return _LITERALS[word[0]]
        found = repr(self._text[self._at : self._at + 20]) if char else "the end"
        raise Unreadable(f"expected a JSON value at character {self._at}, found {found}")

    def _number(self, text: str) -> int | float:
        try:
            return int(text)
        except ValueError:
            return float(text)

    def _object(self, depth: int) -> dict[str, Any]:
        self._at += 1
        result: dict[str, Any] = {}
        while True:
            char = self._peek()
            if char in ("}", ""):
                self._at += 1
                return result
            if char == ",":
                self._at += 1
                continue
            key = self._string(char) if char in ('"', "'") else self._bare_key()
            if self._peek() != ":":
                raise Unreadable(f"expected ':' after the key {key!r}")
            self._at += 1
            result[key] = self._value(depth + 1)
            self._separator("}")

    def _array(self, depth: int) -> list[Any]:
        self._at += 1
        result: list[Any] = []
        while True:
            char = self._peek()
            if char in ("]", ""):
                self._at += 1
                return result
            result.append(self._value(depth + 1))
            self._separator("]")

    def _separator(self, closer: str) -> None:
        char = self._peek()
        if char == ",":
            self._at += 1
        elif char not in (closer, ""):
            raise Unreadable(f"expected ',' or '{closer}' at character {self._at}")

    def _bare_key(self) -> str:
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise Unreadable(f"expected a key at character {self._at}")
        self._at = word.end()
        return word[0]

    def _string(self, quote: str) -> str:
        self._at += 1
        out: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == quote:
                return "".join(out)
            out.append(self._escape() if char == "\\" else char)
        raise Unreadable("a string is not closed, so the arguments seem to be cut off")

    def _escape(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char == "u":
            digits = self._text[self._at : self._at + 4]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self._at += 4
                return chr(int(digits, 16))
        return _ESCAPES.get(char, "\\" + char)
