"""A form in the terminal: its questions one after the other, and the answers as one message."""

from __future__ import annotations

__all__ = ["fill_in"]

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import click
import msgspec


async def fill_in(form: Mapping[str, Any], lines: AsyncGenerator[str]) -> str:
    """Ask every field of a form; returns lines of `name: value`, empty when the person leaves it.

    An empty line leaves an optional field out and asks a required one again; `/later` leaves the form. A choice is
    answered by number or name.
    """
    from botkit.core.messages import Form

    asked = msgspec.convert({"value": "", **form}, Form)
    answers: list[str] = []
    click.echo(click.style(f"{len(asked.fields)} questions; /later leaves them for later.", dim=True))
    for field in asked.fields:
        for number, option in enumerate(field.options, 1):
            click.echo(f"  {number}. {option.label}{f' – {option.about}' if option.about else ''}")
        hints = [field.about, *_kind_hint(field.kind), "" if field.required else "optional"]
        hint = f" ({', '.join(part for part in hints if part)})" if any(hints) else ""
        while True:
            click.echo(click.style(f"{field.label}{hint}: ", fg="yellow"), nl=False)
            said = (await anext(lines, "/later")).strip()
            if said == "/later":
                return ""
            said = said or field.initial
            if said or not field.required:
                break
        if said:
            answers.append(f"{field.name}: {said}")
    return "\n".join(answers)


def _kind_hint(kind: str) -> tuple[str, ...]:
    return {"date": ("YYYY-MM-DD",), "checkbox": ("yes or no",), "number": ("a number",)}.get(kind, ())
