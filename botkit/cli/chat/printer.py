"""A turn as it happens, on a terminal or in a pipe."""

from __future__ import annotations

__all__ = ["LivePrinter"]

import sys
from typing import IO, Any

import click
import msgspec

from botkit.core.live import LiveEvent

_ARGUMENT_CHARS = 100
_RESULT_CHARS = 160


class LivePrinter:
    """Prints what a bot writes as it writes it; tool calls on lines of their own.

    In a pipe only answers are printed, so that another program can read them.
    """

    def __init__(self, stream: IO[str] | None = None):
        self._stream = stream or sys.stdout
        self._rich = self._stream.isatty()
        self._shown = ""
        """Of the answer being written, what is on the screen."""
        self._mid_line = False
        self._answered: tuple[str, str] = ("", "")
        """Run and text of the last answer: it is delivered once more, as a message, after it was written."""

    def event(self, event: LiveEvent) -> None:
        """Show one thing that happened."""
        match event.kind:
            case "delta":
                self._shown += event.text
                self._write(event.text)
            case "reset":
                if self._shown.strip():
                    self._line("↺ starting over", dim=True)
                self._shown = ""
            case "tool_call":
                self._line(f"→ {event.data.get('tool', '')}({_arguments(event.data.get('arguments'))})", fg="cyan")
            case "tool_result":
                self._result(event)
            case "progress":
                self._line(f"  {event.text or event.data.get('message', '')}", dim=True)
            case "part":
                if (event.run_id, event.text.strip()) != self._answered:
                    self._part(event.text)
            case "done":
                self._done(event)
            case _:
                pass

    def _result(self, event: LiveEvent) -> None:
        ok = bool(event.data.get("ok"))
        took = event.data.get("duration_ms")
        text = _clip(str(event.data.get("text") or ""), _RESULT_CHARS)
        mark, colour = ("✓", "green") if ok else ("✗", "red")
        self._line(f"  {mark} {took:.0f} ms  {text}" if took is not None else f"  {mark} {text}", fg=colour)

    def _part(self, text: str) -> None:
        """A delivered message, unless its text was shown while it was written."""
        if text.strip() and text.strip() != self._shown.strip() and not self._shown.strip().endswith(text.strip()):
            self._end_line()
            self._write(text)
            self._end_line()
            self._shown = text

    def _done(self, event: LiveEvent) -> None:
        text = str(event.data.get("text") or "")
        if text:
            self._part(text)
        self._end_line()
        if self._rich and event.run_id:
            usage: dict[str, Any] = event.data.get("usage") or {}
            cost = float(event.data.get("cost_cents") or 0.0)
            tokens = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
            spent = f" · {tokens[0]} + {tokens[1]} tokens" if any(tokens) else ""
            price = f" · {cost:.3f} ¢" if cost else ""
            self._line(f"{event.data.get('latency_ms', 0):.0f} ms{spent}{price} · {event.run_id}", dim=True)
        self._shown = ""
        self._answered = (event.run_id, text.strip())

    def _line(self, text: str, **style: Any) -> None:
        """A line beside the answer; only people see it."""
        if self._rich:
            self._end_line()
            self._write(click.style(text, **style) + "\n")

    def _end_line(self) -> None:
        if self._mid_line:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
        self._mid_line = bool(text) and not text.endswith("\n")


def _arguments(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    shown = ", ".join(f"{name}={msgspec.json.encode(item).decode()}" for name, item in value.items())  # pyright: ignore[reportUnknownVariableType] - JSON
    return _clip(shown, _ARGUMENT_CHARS)


def _clip(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
