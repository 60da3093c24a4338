"""Look for everything that could keep botkit from working, and say what to do about it.

Looks at Python, the home folder, disk, bots.yaml, database, clock, master key, secrets, models, servers and channels.
Of a model it says where its key comes from, never the key.
Servers and channels that are not running are started for a moment. Exit code 1 when something failed.

Examples:

    botkit doctor
    botkit doctor --json
"""

from __future__ import annotations

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output


@verb
async def command(out: Output) -> int:
    from botkit.app.environment import load_environment
    from botkit.app.finding import Finding
    from botkit.app.machine import examine_machine
    from botkit.cli.session import operations
    from botkit.core.errors import BotkitError

    found: list[Finding] = []

    def take(finding: Finding) -> None:
        found.append(finding)
        if not out.json:
            _show(finding)

    environment = load_environment()
    for finding in examine_machine(environment):
        take(finding)
    try:
        async with operations(environment=environment) as ops:
            process = await ops.process.info()
            running = f"process {process.pid} ({process.mode}) {process.url}"
            take(Finding(check="process", state="ok", detail=running if process.mode != "command" else "none runs"))
            async for finding in ops.doctor.examine():
                take(finding)
    except BotkitError as error:
        take(Finding(check="database", state="failed", detail=str(error), fix="see above; then: botkit doctor"))
    failed = sum(finding.state == "failed" for finding in found)
    if out.json:
        out.emit({"ok": not failed, "findings": found})
    else:
        click.echo(f"\n{failed} of {len(found)} checks failed." if failed else f"\nAll {len(found)} checks passed.")
    return EXIT_FAILED if failed else 0


_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def _show(finding: object) -> None:
    from botkit.app.finding import Finding

    assert isinstance(finding, Finding)
    mark, colour = _MARKS[finding.state]
    click.echo(f"{click.style(mark, fg=colour)} {finding.check}: {finding.detail}")
    if finding.fix and finding.state != "ok":
        click.echo(f"    → {finding.fix}")
