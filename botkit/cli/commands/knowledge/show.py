"""Show the sources of knowledge, or what a file was cut to.

Without FILE: every source with its workspaces, files, passages and vectors.

Examples:

    botkit knowledge show
    botkit knowledge show docs/refunds.md
    botkit knowledge show docs/refunds.md --source shop --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
@click.argument("file", required=False)
@click.option("--source", multiple=True, help="Only there; may be given again.")
async def command(out: Output, file: str | None, source: tuple[str, ...]) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        if file is None:
            views = [one for one in await ops.knowledge.sources() if not source or one.name in source]
            rows = [
                (
                    one.name,
                    ", ".join(one.workspaces),
                    one.files,
                    one.unreadable,
                    one.passages,
                    one.embedding,
                    one.vectors if one.embedding else "",
                )
                for one in views
            ]
            headings = ("SOURCE", "WORKSPACES", "FILES", "UNREADABLE", "PASSAGES", "EMBEDDING", "VECTORS")
            out.result(views, Table(headings, rows, empty="bots.yaml has no `knowledge:` yet."))
            return
        passages = await ops.knowledge.show(file=file, sources=list(source))
    out.result(passages, "\n".join(f"[{one.id}] {one.citation}\n{one.text}\n" for one in passages))
