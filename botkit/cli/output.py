"""What commands print: JSON for programs, plain columns for pipes, colour where a person is looking.

Rich is imported only to print on a terminal.
"""

from __future__ import annotations

__all__ = ["Output", "Table", "age", "cell", "clock_time", "plain"]

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from rich.console import Console

    from botkit.core.errors import BotkitError

_CELL_CHARS = 120
_STYLES = {
    "ok": "green",
    "completed": "green",
    "approved": "green",
    "sent": "green",
    "running": "cyan",
    "waiting": "yellow",
    "pending": "yellow",
    "warning": "yellow",
    "degraded": "yellow",
    "limit_reached": "yellow",
    "unknown": "magenta",
    "failed": "red",
    "error": "red",
    "fatal": "red",
    "denied": "red",
    "cancelled": "dim",
    "off": "dim",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for people. Values are shown by `cell`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing here."
    """Said instead of an empty table, with what to do about it."""


@dataclass(slots=True)
class Output:
    """Where one command writes.

    The result goes to standard output and nothing else does: notes and errors go to standard error, so
    `--json` can be piped whatever happens.
    """

    json: bool = False
    debug: bool = False
    _console: Console | None = field(default=None, init=False, repr=False)

    def result(self, value: Any, human: Table | str | Iterable[Table | str]) -> None:
        """Print what the command was asked for: `value` with `--json`, `human` otherwise."""
        if self.json:
            self.emit(value)
            return
        for block in [human] if isinstance(human, Table | str) else human:
            self.show(block)

    def emit(self, value: Any) -> None:
        """One JSON value, on one line in a pipe and indented on a terminal."""
        import msgspec

        raw = msgspec.json.encode(plain(value))
        click.echo(msgspec.json.format(raw, indent=2) if _is_terminal(sys.stdout) else raw)

    def show(self, block: Table | str) -> None:
        """Text or a table, for people."""
        if isinstance(block, str):
            click.echo(block)
        elif not block.rows:
            click.echo(block.empty)
        elif _is_terminal(sys.stdout):
            self._rich_table(block)
        else:
            _plain_table(block)

    def note(self, text: str) -> None:
        """Something the person should know that is not the result."""
        click.echo(text, err=True)

    def failure(self, error: BotkitError) -> None:
        """One clear message, with every problem it carries."""
        if self.json:
            self.emit({"error": describe_error(error)})
        head, _, rest = str(error).partition("\n")
        click.echo(click.style("Error: ", fg="red", bold=True) + head, err=True)
        if rest:
            click.echo(rest, err=True)

    @property
    def console(self) -> Console:
        """A rich console on standard output."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(highlight=False)
        return self._console

    def _rich_table(self, table: Table) -> None:
        from rich.table import Table as RichTable
        from rich.text import Text

        shown = RichTable(box=None, pad_edge=False, header_style="bold dim")
        for column in table.columns:
            shown.add_column(column, overflow="fold", no_wrap=column in ("ID", "RUN", "STATE"))
        for row in table.rows:
            cells = [cell(value) for value in row]
            shown.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in cells))
        self.console.print(shown)


def describe_error(error: BotkitError) -> dict[str, Any]:
    """An error as JSON: `{"code", "message", "problems": [{file, line, column, path, message, hint}]}`."""
    import dataclasses

    from botkit.core.errors import BotkitError as Base

    described: dict[str, Any] = {"code": error.code, "message": Base.__str__(error).partition("\n")[0]}
    if problems := getattr(error, "problems", ()):
        described["problems"] = [dataclasses.asdict(problem) for problem in problems]
    return described


def plain(value: Any) -> Any:
    """Records as dicts with all their fields, also those at their default."""
    import dataclasses

    import msgspec

    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {encoded: plain(getattr(value, name)) for encoded, name in names}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return value


def cell(value: Any) -> str:
    """One value of a table, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in cast("Sequence[Any]", value))
    return " ".join(str(value).split())


def clock_time(micros: int) -> str:
    """A stored time as local time for people; empty for 0."""
    from datetime import UTC, datetime

    if not micros:
        return ""
    return datetime.fromtimestamp(micros / 1e6, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def age(micros: int, now: int) -> str:
    """How long ago, in the largest fitting unit: `3m`, `2h`, `5d`."""
    if not micros:
        return ""
    seconds = max(0, (now - micros) // 1_000_000)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _plain_table(table: Table) -> None:
    rows = [list(table.columns), *([_clip(cell(value)) for value in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _clip(text: str) -> str:
    """Columns must fit side by side; `--json` has everything."""
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"


def _is_terminal(stream: IO[Any]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
