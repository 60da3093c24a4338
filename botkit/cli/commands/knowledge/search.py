"""Look something up, as bots do, in all sources or some.

Examples:

    botkit knowledge search "how long do refunds take"
    botkit knowledge search parking --source shop --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output


@verb
@click.argument("query")
@click.option("--source", multiple=True, help="Only here; may be given again.")
@limit_option(5)
async def command(out: Output, query: str, source: tuple[str, ...], limit: int) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.knowledge.search(query=query, sources=list(source), limit=limit)
    lines = [f"[{number}] {one.citation} ({one.score:.0%})\n{one.text}\n" for number, one in enumerate(found, 1)]
    out.result(found, "\n".join(lines) or "Nothing was found.")
