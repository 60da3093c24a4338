"""Try conversations as test cases: scripted or played people, expected answers, tools and costs.

FILEs are those of workspace/evals/ unless you name some. Every case runs through the whole engine, on an instance of
its own that is gone afterwards: nothing reaches the data, the chats or the mail of the real one. Tools that only read
are called for real, unless the case has a result for them; tools that may change something need one, or `writes: true`.
A file with `team` and `cases: {MEMBER: […]}` measures routing.

Answers of models can be recorded beside the file and played without a provider. Exits with 1 when a case fails, with 2
when a file is wrong or a recording is out of date. `botkit eval compare` compares two versions of a bot.

Examples:

    botkit eval
    botkit eval workspace/evals/desk.yaml --case refund
    botkit eval --model openai/gpt-5-mini --repeat 5 --jobs 8
    botkit eval workspace/evals/desk.yaml --record
    botkit eval --recorded --junit report.xml
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.command import EXIT_CONFIG, EXIT_FAILED, verb
from botkit.cli.output import Output, Table

if TYPE_CHECKING:
    from botkit.app.evals.reports import CaseReport, EvalReport, TryReport


@verb
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--bot", default="", help="Only cases of this bot or team.")
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag; several: with any of them.")
@click.option("--case", "wanted", default="", help="Only cases with this in their name.")
@click.option("--model", default="", help="An alias of bots.yaml or a LiteLLM name, instead of the bots' own.")
@click.option("--record", is_flag=True, help="Keep the answers of models beside the file.")
@click.option("--recorded", is_flag=True, help="Play the answers that were recorded; no model is asked.")
@click.option("--mock-tools", is_flag=True, help="Call no tool for real, not even one that only reads.")
@click.option("--repeat", type=click.IntRange(1, 1000), help="Try each case so often, instead of what the file says.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Conversations at once.")
@click.option("--junit", "report_file", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML.")
@click.option("-v", "--verbose", is_flag=True, help="Show the conversations of cases that passed, too.")
async def command(
    out: Output,
    files: tuple[Path, ...],
    bot: str,
    tags: tuple[str, ...],
    wanted: str,
    model: str,
    record: bool,
    recorded: bool,
    mock_tools: bool,
    repeat: int | None,
    jobs: int,
    report_file: Path | None,
    verbose: bool,
) -> int:
    from botkit.app.environment import load_environment
    from botkit.app.evals.choosing import choose, with_model
    from botkit.app.evals.junit import junit
    from botkit.app.evals.running import Options, run_evals
    from botkit.app.logs import set_up_logging
    from botkit.app.workflows import load_project

    if record and recorded:
        raise click.UsageError("--record asks models, --recorded does not: use one of them")
    set_up_logging("pretty", level="critical")
    environment = load_environment()
    config = load_project(environment.config)
    if model:
        config = with_model(config, model)
    chosen = choose(config, environment.project, files, bot=bot, tags=tags, case=wanted)

    def told(report: CaseReport) -> None:
        if not out.json:
            for line in _described(report, verbose):
                click.echo(line)

    report = await run_evals(
        environment,
        config,
        chosen.cases,
        chosen.routing,
        Options(
            mode="record" if record else "play" if recorded else "",
            repeat=repeat,
            jobs=jobs,
            only_mocks=mock_tools,
        ),
        told=told,
    )
    if report_file is not None:
        await asyncio.to_thread(report_file.write_text, junit(report), encoding="utf-8")
    out.result(report, _summary(report))
    return EXIT_CONFIG if report.stale else EXIT_FAILED if report.failed else 0


def _described(report: CaseReport, verbose: bool) -> list[str]:
    mark, colour = {
        "passed": ("✓", "green"),
        "failed": ("✗", "red"),
        "skipped": ("–", "yellow"),
        "stale": ("?", "magenta"),
    }[report.state]
    tries = f" {report.passed}/{len(report.tries)}" if len(report.tries) > 1 else ""
    spent = click.style(f"  {_spent(report)}", dim=True) if report.tries else f"  {report.why}"
    lines = [f"{click.style(mark, fg=colour)} {report.bot}: {report.name}{tries}{spent}"]
    failed = next((one for one in report.tries if not one.ok), None)
    if report.state == "stale":
        reasons = dict.fromkeys(reason for one in report.tries for reason in one.stale)
        lines += [click.style(f"    {reason}", fg="magenta") for reason in reasons]
    elif report.state == "failed" and failed is not None:
        lines += [*_differences(failed), *_talk(failed)]
    elif verbose:
        lines += [line for one in report.tries[:1] for line in _talk(one)]
    return lines


def _spent(report: CaseReport) -> str:
    usage = report.usage
    model_s = sum(one.model_ms for one in report.tries) / 1000
    tokens = usage.input_tokens + usage.output_tokens
    cost = f", {usage.cost_micros / 10_000:.3g} ¢" if usage.cost_micros else ""
    return f"{tokens} tokens{cost}, model {model_s:.2f} s, {report.seconds:.1f} s"


def _differences(one: TryReport) -> list[str]:
    lines: list[str] = []
    for found in one.differences:
        where = f" of turn {found.turn}" if found.turn else ""
        lines.append(f"    {found.at}: {found.what}{where}")
        lines.append(click.style(f"      - {found.wanted}", fg="red"))
        lines.append(click.style(f"      + {found.came}", fg="green"))
    return lines


def _talk(one: TryReport) -> list[str]:
    lines: list[str] = []
    for turn in one.seen.turns:
        calls = "".join(f"\n      → {call.tool} ({call.how})" for call in turn.calls)
        reply = "\n        ".join(turn.reply.splitlines())
        lines.append(click.style(f"      > {turn.said}{calls}\n        {reply}", dim=True))
    return lines


def _summary(report: EvalReport) -> list[Table | str]:
    blocks: list[Table | str] = []
    if report.routing:
        rows = [
            (one.file, one.report.team, f"{one.report.right}/{one.report.total}", f"{one.report.accuracy:.0%}")
            for one in report.routing
        ]
        blocks.append(Table(("ROUTING", "TEAM", "RIGHT", ""), rows))
        missed = [
            (wrong.text, wrong.expected, wrong.chosen)
            for one in report.routing
            if not one.ok
            for wrong in one.report.wrong
        ]
        if missed:
            blocks.append(Table(("MESSAGE", "EXPECTED", "CHOSEN"), missed))
    states = {"failed": report.failed, "out of date": report.stale, "skipped": report.skipped}
    counts = [f"{report.passed} passed", *(f"{count} {name}" for name, count in states.items() if count)]
    usage = report.usage + report.beside
    spent = f"{usage.input_tokens + usage.output_tokens} tokens, {report.cost_cents:.3g} ¢"
    blocks.append(f"{', '.join(counts)}; {spent}, {report.seconds:.1f} s.")
    blocks += [f"Recorded: {name}" for name in report.recorded]
    return blocks
