"""How a plain YAML 1.2 scalar is read: `no` stays text, `0x1f` is a number, dates stay text.

Source: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

__all__ = ["FromEnvironment", "Scalar", "resolve_plain"]

import re
from typing import Self

Scalar = str | int | float | bool | None

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,100}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,5})?")
_INFINITE = re.compile(r"([-+]?)(?:\.inf|\.Inf|\.INF)")
_NAN = {".nan", ".NaN", ".NAN"}


class FromEnvironment(str):
    """Text that came out of `${VAR}`. Fields for numbers and flags may read it as what it spells.

    `raw` keeps what the file says, the only form that may be shown: the value may be private.
    """

    __slots__ = ("raw",)
    raw: str

    def __new__(cls, value: str, raw: str) -> Self:
        self = super().__new__(cls, value)
        self.raw = raw
        return self


def resolve_plain(text: str) -> Scalar:
    """Read an unquoted scalar as the core schema does. Anything else is text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITE.fullmatch(text):
        return float(f"{match[1]}inf")
    if text in _NAN:
        return float("nan")
    return str(text)
