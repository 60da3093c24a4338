"""Markdown from a model → the Markdown Discord shows, cut into messages that fit.

Discord renders most of CommonMark itself. What it does not know is written as what it does: tables as code, small
headings as bold lines, images as links, `~~~` fences as backticks. What it would read more into than was meant is
escaped: `||` hides text there, and `__` underlines it.

Source: https://support.discord.com/hc/en-us/articles/210298617
"""

from __future__ import annotations

__all__ = ["TEXT_LIMIT", "format_markdown", "split_markdown", "utf16_len"]

import re
import unicodedata
from collections.abc import Callable, Sequence

TEXT_LIMIT = 2000
"""Characters of a message. Counted in UTF-16 units, which is never less than what Discord counts."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$")
_TABLE_LINE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$")
_SMALL_HEADING = re.compile(r"^ {0,3}#{4,6}[ \t]+(.+?)[ \t]*#*$")
_RULE = re.compile(r"^ {0,3}([-*_])([ \t]*\1){2,}[ \t]*$")
_TASK = re.compile(r"^(\s*)[-*+] \[([ xX])\] ")
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\((\S+?)(?:\s+\"[^\"]*\")?\)")
_STRONG = re.compile(r"(?<![\w_])__(?=[^\s_])(.+?)(?<=[^\s_])__(?![\w_])")
_CLOSING = "\n```"
_COLUMN_GAP = "  "


def utf16_len(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """Replace what cannot be UTF-8 (lone surrogates) and NUL."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")


# --- what Discord does not know -------------------------------------------------------------------------------


def format_markdown(markdown: str) -> str:
    """Turn CommonMark (with tables and strike-through) into what Discord shows. Loses no words."""
    lines = clean(markdown).replace("\r\n", "\n").split("\n")
    result: list[str] = []
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
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


# --- cutting --------------------------------------------------------------------------------------------------


def split_markdown(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut formatted text into pieces of at most `limit` UTF-16 units, at the best place near the end: a paragraph,
    a line, a sentence, a word. A code block that is cut is a code block on both sides, with its language."""
    pieces: list[str] = []
    opener = ""
    while text.strip():
        prefix = f"{opener}\n" if opener else ""
        if utf16_len(prefix + text) <= limit:
            pieces.append(prefix + text)
            break
        end = _fitting(text, limit - utf16_len(prefix) - len(_CLOSING))
        inside = _code_ranges(text[:end], bool(opener))
        cut = _best_cut(text, end, inside)
        head, text = text[:cut], text[cut:]
        was_open, opener = bool(opener), _open_fence(head, opener)
        body = head.rstrip("\n") if opener else head.rstrip()
        if body.strip() or was_open:
            pieces.append(f"{prefix}{body}{_CLOSING if opener else ''}")
        if opener and text.lstrip("\n").startswith("```"):  # the block ended just there
            text = text.lstrip("\n").removeprefix("```")
            opener = ""
        if not opener:
            text = text.lstrip("\n")
    return pieces


def _fitting(text: str, limit: int) -> int:
    """How many characters fit into `limit` UTF-16 units; at least one."""
    room = limit
    for position, character in enumerate(text[: limit + 1]):
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            return max(1, position)
    return max(1, min(limit, len(text)))


def _open_fence(head: str, opener: str) -> str:
    """The opening line of the code block in which `head` ends; empty outside of one."""
    for line in head.split("\n"):
        if line.startswith("```"):
            opener = "" if opener else line.rstrip()
    return opener


def _code_ranges(window: str, opened: bool) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    start = 0 if opened else -1
    position = 0
    for line in window.split("\n"):
        if line.startswith("```"):
            if start < 0:
                start = position
            else:
                ranges.append((start, position + 3))
                start = -1
        position += len(line) + 1
    return [*ranges, (start, len(window) + 1)] if start >= 0 else ranges


def _best_cut(text: str, end: int, code: Sequence[tuple[int, int]]) -> int:
    """Where to cut before `end`; the nicer the place, the further back it may be."""
    window = text[:end]
    for pattern, least_filled, keep_code in (
        (r"\n\s*\n", 0.5, True),
        (r"\n", 0.5, True),
        (r"\n", 0.3, False),
        (r"[.!?…](?=\s)", 0.5, True),
        (r"\s", 0.3, False),
    ):
        for cut in reversed([match.end() for match in re.finditer(pattern, window)]):
            if cut < end * least_filled:
                break
            if not keep_code or not any(low < cut < high for low, high in code):
                return cut
    return _whole_symbols(text, end)


def _whole_symbols(text: str, end: int) -> int:
    """Move a hard cut back so that no accent, emoji sequence or flag is torn."""
    cut = end
    while cut > 1 and end - cut < 32 and cut < len(text):
        follower, before = text[cut], text[cut - 1]
        torn = (
            follower in "\u200d\ufe0f"
            or before == "\u200d"
            or unicodedata.combining(follower) > 0
            or "\U0001f3fb" <= follower <= "\U0001f3ff"
            or ("\U0001f1e6" <= follower <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff")
        )
        if not torn:
            return cut
        cut -= 1
    return end
