"""Compare two versions of a bot, on evaluations and on what people really wrote.

A version is a file (bots.yaml, or another one) or a revision; `--base` is the revision that runs, `--with` the file on
disk unless you say otherwise. Without --traffic, FILEs (all of workspace/evals/) are tried with both. With --traffic N,
the last N turns of --bot are answered again by `--with`: beside what was answered then, or with --base beside what that
version answers. Tools answer with what was recorded; a call without a record is only shown, as one it would make.
Nothing is called, sent or stored; people whose data was erased are not in it.

Examples:

    botkit eval compare
    botkit eval compare workspace/evals/desk.yaml --base 3f2a91 --with bots.new.yaml
    botkit eval compare --bot support --traffic 50 --judge openai/gpt-5-mini
    botkit eval compare --bot desk --traffic 20 --with bots.new.yaml --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table

if TYPE_CHECKING:
    from botkit.app.evals.comparing import Comparison, Row


@verb
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--base", default="", metavar="REV|FILE", help="What is compared with.")
@click.option("--with", "newer", default="", metavar="REV|FILE", help="What it becomes.")
@click.option("--bot", default="", help="Only cases of this bot or team; whose traffic.")
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag; several: with any of them.")
@click.option("--case", "wanted", default="", help="Only cases with this in their name.")
@click.option("--traffic", type=click.IntRange(1, 1000), help="Answer so many of the last recorded turns again.")
@click.option("--judge", default="", help="A model that says which answer is better where they differ.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Conversations at once.")
@click.option("--all", "everything", is_flag=True, help="Show also what did not change.")
async def command(
    out: Output,
    files: tuple[Path, ...],
    base: str,
    newer: str,
    bot: str,
    tags: tuple[str, ...],
    wanted: str,
    traffic: int | None,
    judge: str,
    jobs: int,
    everything: bool,
) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.evals.choosing import choose
    from botkit.app.evals.comparing import compare_cases, compare_traffic, sum_up
    from botkit.app.evals.running import Options
    from botkit.app.evals.traffic import read_traffic
    from botkit.app.evals.versions import find_version
    from botkit.app.logs import set_up_logging
    from botkit.store.glance import glance_at

    if traffic and not bot:
        raise click.UsageError("--traffic needs --bot: whose turns?")
    if traffic and files:
        raise click.UsageError("compare either FILEs or --traffic")
    set_up_logging("pretty", level="critical")
    environment = load_environment()
    url = environment.database_url.get_secret_value() if environment.database_url else None
    async with glance_at(environment.home, url) as glance:
        second = await find_version(environment, glance, newer or str(environment.config))
        first = await find_version(environment, glance, base) if base or not traffic else None
        past = []
        if traffic and glance is not None:
            remembered = second.config.settings.sessions.window_messages
            past = await read_traffic(glance, bot=bot, limit=traffic, history_messages=remembered)
    if traffic:
        rows = await compare_traffic(environment, first, second, past, judge=judge)
    else:
        assert first is not None, "without traffic there is always a base"
        chosen = choose(second.config, environment.project, files, bot=bot, tags=tags, case=wanted)
        rows = await compare_cases(environment, first, second, chosen.cases, Options(jobs=jobs), judge=judge)
    names = first.name if first is not None else "as it was answered", Path(second.name).name
    comparison = sum_up(*names, rows)
    out.result(comparison, _described(comparison, everything))


def _described(found: Comparison, everything: bool) -> list[Table | str]:
    blocks: list[Table | str] = []
    for row in found.rows:
        if everything or row.changed:
            blocks += _row(row)
    rows = [
        ("tokens", *found.tokens, found.tokens[1] - found.tokens[0]),
        ("cost ¢", *(f"{one:.3g}" for one in found.cost_cents), f"{found.cost_cents[1] - found.cost_cents[0]:+.3g}"),
        ("model s", *(f"{one / 1000:.2f}" for one in found.model_ms), ""),
    ]
    blocks.append(Table(("", found.base, found.with_, "MORE"), rows))
    parts = [f"{found.same} same", f"{found.changed} changed"]
    parts += [f"{count} {name}" for name, count in (("better", found.better), ("worse", found.worse)) if count]
    parts += [f"{found.newly_passing} newly passing"] if found.newly_passing else []
    parts += [f"{found.newly_failing} newly failing"] if found.newly_failing else []
    return [*blocks, ", ".join(parts) + "."]


def _row(row: Row) -> list[str]:
    verdict = f", {row.verdict}" if row.verdict else ""
    lines = [f"{click.style(row.name, bold=True)}  ({row.answer}{verdict})  {click.style(row.at, dim=True)}"]
    lines += [f"    {name}: {one} → {other}" for name, one, other in _moved(row) if one != other]
    lines += [click.style(f"    + {tool}", fg="green") for tool in row.tools_added]
    lines += [click.style(f"    - {tool}", fg="red") for tool in row.tools_removed]
    lines += [click.style(f"    ? would call {tool}", fg="yellow") for tool in row.would_call]
    if row.answer == "changed":
        lines.append(click.style(f"    - {_short(row.before.reply)}", fg="red"))
        lines.append(click.style(f"    + {_short(row.after.reply)}", fg="green"))
    if row.reason:
        lines.append(f"    {row.reason}")
    return ["\n".join(lines)]


def _moved(row: Row) -> list[tuple[str, str, str]]:
    words = {None: "", True: "passed", False: "failed"}
    return [
        ("state", row.before.state, row.after.state),
        ("member", row.before.member, row.after.member),
        ("case", words[row.before.ok], words[row.after.ok]),
    ]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"
