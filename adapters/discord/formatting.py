"""Markdown from a model → the Markdown Discord shows.

Discord renders most of CommonMark itself. What it does not know is written as what it does: tables as code, small
headings as bold lines, images as links, `~~~` fences as backticks. What it would read more into than was meant is
escaped: `||` hides text there, and `__` underlines it.

Source: https://support.discord.com/hc/en-us/articles/210298617
"""

from __future__ import annotations

__all__ = ["TEXT_LIMIT", "format_markdown"]

import re
import unicodedata
from collections.abc import Callable, Sequence

from adapters.markdown import clean, fence_of

TEXT_LIMIT = 2000
"""Characters of a message. Counted in UTF-16 units, which is never less than what Discord counts."""
_TABLE_LINE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$")
_SMALL_HEADING = re.compile(r"^ {0,3}#{4,6}[ \t]+(.+?)[ \t]*#*$")
_RULE = re.compile(r"^ {0,3}([-*_])([ \t]*\1){2,}[ \t]*$")
_TASK = re.compile(r"^(\s*)[-*+] \[([ xX])\] ")
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\((\S+?)(?:\s+\"[^\"]*\")?\)")
_STRONG = re.compile(r"(?<![\w_])__(?=[^\s_])(.+?)(?<=[^\s_])__(?![\w_])")
_COLUMN_GAP = "  "


def format_markdown(markdown: str) -> str:
    """Turn CommonMark (with tables and strike-through) into what Discord shows. Loses no words."""
    lines = clean(markdown).replace("\r\n", "\n").split("\n")
    result: list[str] = []
    number = 0
    while number < len(lines):
        fence = fence_of(lines[number])
        if fence is not None:
            number = _fenced(lines, number, fence, result)
        elif "|" in lines[number] and number + 1 < len(lines) and _TABLE_LINE.match(lines[number + 1]):
            number = _table(lines, number, result)
        else:
            result.append(_line(lines[number]))
            number += 1
    return "\n".join(result).strip("\n").rstrip()


def _fenced(lines: Sequence[str], number: int, fence: re.Match[str], result: list[str]) -> int:
    """Copy a code block, also one that nobody closed; the number of the line after it."""
    marker = fence[1]
    result.append(f"```{fence[2]}")
    number += 1
    while number < len(lines):
        line = lines[number]
        number += 1
        bare = line.strip()
        if len(bare) >= len(marker) and not bare.strip(marker[0]):
            break
        result.append(line.replace("```", "`\u200b``"))
    result.append("```")
    return number


def _table(lines: Sequence[str], number: int, result: list[str]) -> int:
    """Write a table as aligned text; the number of the line after it."""
    rows = [_cells(lines[number])]
    number += 2
    while number < len(lines) and "|" in lines[number]:
        rows.append(_cells(lines[number]))
        number += 1
    count = max(len(row) for row in rows)
    widths = [max(_width(row[column]) for row in rows if column < len(row)) for column in range(count)]
    rule = _COLUMN_GAP.join("─" * width for width in widths)
    shown = [_COLUMN_GAP.join(_pad(cell, widths[column]) for column, cell in enumerate(row)).rstrip() for row in rows]
    result += ["```", shown[0], rule, *shown[1:], "```"]
    return number


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|").removesuffix("|")
    cells = re.split(r"(?<!\\)\|", bare)
    return [re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", cell).replace("\\|", "|").strip() for cell in cells]


def _width(text: str) -> int:
    """Columns it takes in a fixed-width font."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _line(line: str) -> str:
    if _RULE.match(line):
        return "─" * 12
    heading = _SMALL_HEADING.match(line)
    if heading is not None:
        return f"**{_outside_code(heading[1], _inline).replace('**', '')}**"
    line = _TASK.sub(lambda task: f"{task[1]}{'☐' if task[2] == ' ' else '☑'} ", line)
    return _outside_code(line, _inline)


def _inline(text: str) -> str:
    text = _IMAGE.sub(lambda image: f"[{image[1]}]({image[2]})" if image[1] else image[2], text)
    return _STRONG.sub(r"**\1**", text).replace("||", "\\|\\|")


def _outside_code(line: str, change: Callable[[str], str]) -> str:
    pieces: list[str] = []
    cursor = 0
    for span in _CODE_SPAN.finditer(line):
        pieces += [change(line[cursor : span.start()]), span[0]]
        cursor = span.end()
    return "".join([*pieces, change(line[cursor:])])
