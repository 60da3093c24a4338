"""Start a project: bots.yaml, a first tool server, .env.example, README.

Asks a few questions on a terminal; with --yes or in a script it takes the flags and its defaults.

Examples:

    botkit init
    botkit init shop-bots --bot "Order desk" --job "Answer customers about their orders." --telegram
    botkit init shop-bots --model openai/gpt-5-mini --yes
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--bot", help="What the first bot is called.")
@click.option("--job", help="What it is for, in a sentence.")
@click.option("--model", help="Language model as provider/name; demo/offline needs no key.")
@click.option("--telegram/--no-telegram", default=None, help="Prepare a Telegram channel.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    out: Output, folder: Path, bot: str | None, job: str | None, model: str | None, telegram: bool | None, yes: bool
) -> None:
    from botkit.app.project import Choices, create_project

    if not yes and not out.json and sys.stdin.isatty():
        bot = bot or click.prompt("What is your first bot called?", default="Helper")
        job = job or click.prompt("What is it for?", default="", show_default=False)
        model = model or click.prompt("Which model (provider/name)?", default="demo/offline")
        telegram = telegram if telegram is not None else click.confirm("Prepare a Telegram channel?", default=False)
    choices = Choices(bot=bot or "Helper", job=job or "", model=model or "demo/offline", telegram=bool(telegram))
    written = create_project(folder, choices)
    there = "" if folder == Path() else f"cd {folder} && "
    hints = [f"{there}botkit dev        start everything here and say where to look"]
    if choices.model != "demo/offline":
        provider = choices.model.partition("/")[0].upper().replace("-", "_")
        hints.insert(0, f"{there}botkit secrets set {provider}_API_KEY")
    if choices.telegram:
        hints.append(f"{there}botkit channels setup telegram")
    out.result(
        {"folder": str(folder.resolve()), "files": written},
        [*(f"Written: {folder / path}" for path in written), "", "Next:", *(f"  {hint}" for hint in hints)],
    )
