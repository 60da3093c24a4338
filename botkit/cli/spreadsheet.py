"""Comma-separated values that are safe to open in a spreadsheet.

Programs such as Excel run cells that begin like a formula, and what stands in a log was written by strangers: a tool's
name, a member's name. Such cells get an apostrophe before them, which spreadsheets show as text.

Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

__all__ = ["csv_line"]

import csv
import io
from collections.abc import Iterable
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_line(values: Iterable[Any]) -> str:
    """One record as RFC 4180 has it, without the end of the line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return out.getvalue().removesuffix("\r\n")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = str(value).replace("\x00", "")
    # Some programs look past leading blanks.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
