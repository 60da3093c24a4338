"""Show one run from platform event to delivered message.

RUN is an id or an unambiguous beginning of one.

Examples:

    botkit runs show run_0192f3
    botkit runs show run_0192f3 --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("run")
async def command(out: Output, run: str) -> None:
    from botkit.cli.session import operations
    from botkit.cli.trace import describe_trace

    async with operations() as ops:
        found = await ops.runs.show(run=run)
    out.result(found, describe_trace(found))
