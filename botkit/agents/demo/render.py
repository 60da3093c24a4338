"""Results of tools as sentences, lists and tables."""

from __future__ import annotations

__all__ = ["render_result"]

import re
from typing import Any, cast

from botkit.agents.demo.memory import Executed
from botkit.agents.demo.toolbox import ToolView
from botkit.core.citations import quoted

_TEXT_CHARS = 3000
_CELL_CHARS = 80
_PASSAGES, _PASSAGE_CHARS = 2, 400
_ROWS = 20
_COLUMNS = 7
_CENTS = re.compile(r"_?(?:cents|minor)$", re.IGNORECASE)
_OUTCOMES = {
    "add": "Done",
    "remove": "Removed",
    "update": "Updated",
    "complete": "Completed",
    "send": "Sent",
    "pay": "Done",
}


def render_result(call: Executed, tool: ToolView | None) -> str:
    """One result, headed by what was done."""
    name = f"`{call.tool}`"
    if not call.ok:
        return f"{name} did not work: {call.text.removeprefix('ERROR:').strip()}"
    value = call.value
    if isinstance(value, str) and tool is not None and re.match(r"(?:A person declined|Nobody approved)", value):
        return value.replace(" Do not try it again; tell the person.", "").replace(" Tell the person.", "")
    outcome = _OUTCOMES.get(tool.action) if tool is not None else None
    head = f"{outcome} with {name}" if outcome else f"From {name}"
    body = _body(_unwrap(value))
    return f"{head}: {body}" if "\n" not in body else f"{head}:\n\n{body}"


def _unwrap(value: Any) -> Any:
    """`{"result": 5}` is how servers wrap a plain value."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if list(mapping) == ["result"]:
            return mapping["result"]
        return mapping
    return value


def _short(words: str) -> str:
    """A passage on one line."""
    line = " ".join(words.split())
    return line if len(line) <= _PASSAGE_CHARS else f"{line[:_PASSAGE_CHARS].rstrip()} …"


def _body(value: Any) -> str:
    if isinstance(value, dict):
        return _mapping(cast("dict[str, Any]", value))
    if isinstance(value, list):
        return _sequence(cast("list[Any]", value))
    text = _scalar(value)
    if passages := quoted(text):
        return "\n\n".join(f"> {_short(words)} [{id_}]" for id_, words in passages[:_PASSAGES])
    return text if len(text) <= _TEXT_CHARS else f"{text[:_TEXT_CHARS].rstrip()} …"


def _mapping(value: dict[str, Any]) -> str:
    if not value:
        return "nothing"
    currency = str(value.get("currency") or "")
    lines: list[str] = []
    tables: list[str] = []
    for key, item in value.items():
        if item is None or item == "" or item == {}:
            continue
        title = _title(key)
        if isinstance(item, list) and item and isinstance(item[0], dict):
            tables.append(f"**{title}**\n\n{_sequence(cast('list[Any]', item), currency)}")
        elif isinstance(item, list):
            entries = cast("list[Any]", item)
            lines.append(f"- {title}: {', '.join(map(_scalar, entries)) or 'none'}")
        elif isinstance(item, dict):
            parts = [
                f"{_title(name)} {_shown(name, part, currency)}" for name, part in cast("dict[str, Any]", item).items()
            ]
            lines.append(f"- {title}: {', '.join(parts)}")
        elif len(_scalar(item)) > 200 or "\n" in _scalar(item):
            tables.append(_body(item))
        else:
            lines.append(f"- {title}: {_shown(key, item, currency)}")
    return "\n\n".join(filter(None, ["\n".join(lines), *tables]))


def _sequence(items: list[Any], currency: str = "") -> str:
    if not items:
        return "nothing found."
    if all(isinstance(item, dict) for item in items):
        return _table(cast("list[dict[str, Any]]", items), currency)
    lines = [f"- {_scalar(item)[:_TEXT_CHARS]}" for item in items[:_ROWS]]
    return "\n".join([*lines, *_rest(len(items))])


def _table(rows: list[dict[str, Any]], currency: str) -> str:
    """A Markdown table of the columns that hold something."""
    filled = {key: None for row in rows for key, value in row.items() if value not in (None, "", [], {})}
    columns = list(filled)[:_COLUMNS]
    head = f"| {' | '.join(map(_title, columns))} |"
    rule = f"|{'---|' * len(columns)}"
    lines = [head, rule]
    for row in rows[:_ROWS]:
        cells = [_cell(key, row.get(key), str(row.get("currency") or currency)) for key in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_rest(len(rows))])


def _rest(total: int) -> list[str]:
    return ["", f"… and {total - _ROWS} more."] if total > _ROWS else []


def _cell(key: str, value: Any, currency: str) -> str:
    if isinstance(value, list):
        entries = cast("list[Any]", value)
        lone = all(not isinstance(entry, dict) for entry in entries)
        text = ", ".join(map(_scalar, entries)) if lone else _inline(entries)
    else:
        text = _shown(key, value, currency)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= _CELL_CHARS else f"{text[: _CELL_CHARS - 1]}…"


def _inline(entries: list[Any]) -> str:
    """Nested objects in one cell: their names, or how many they are."""
    names = [
        str(cast("dict[str, Any]", entry).get("name") or cast("dict[str, Any]", entry).get("title") or "")
        for entry in entries
    ]
    return ", ".join(names) if all(names) else f"{len(entries)} entries"


def _shown(key: str, value: Any, currency: str) -> str:
    """A value for people: `total_cents: 6600` with a currency is `66.00 EUR`."""
    if _CENTS.search(key) and isinstance(value, int) and not isinstance(value, bool):
        return f"{value / 100:,.2f} {currency}".strip()
    if isinstance(value, dict):
        parts = [
            f"{_title(name)} {_shown(name, part, currency)}" for name, part in cast("dict[str, Any]", value).items()
        ]
        return ", ".join(parts)
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _title(key: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _CENTS.sub("", key) or key).replace("_", " ").replace("-", " ").strip()
    return spaced[:1].upper() + spaced[1:]
