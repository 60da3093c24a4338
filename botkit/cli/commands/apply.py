"""Make the files on disk what runs.

Every mistake is reported and then nothing changes. Channels and servers that did not change keep running.

Examples:

    botkit apply
    botkit apply --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        applied = await ops.config.apply(by=whoami())
    text = (
        f"Revision {applied.revision[:12]} runs; it was {applied.previous[:12]}."
        if applied.changed
        else f"Revision {applied.revision[:12]} runs already."
    )
    out.result(applied, text)
