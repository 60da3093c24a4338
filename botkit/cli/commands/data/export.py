"""Write everything stored about a person, one JSON record per line.

PERSON is an id, a name, or CHANNEL:USER as the platform knows them.

Examples:

    botkit data export ada
    botkit data export telegram:4217 --output ada.jsonl
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("person")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, for you alone.")
async def command(out: Output, person: str, output: Path | None) -> None:
    import os

    import msgspec

    from botkit.cli.output import plain
    from botkit.cli.session import operations

    count = 0
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if output else os.dup(1)
    sys.stdout.flush()
    with os.fdopen(descriptor, "wb") as file:
        async with operations() as ops:
            async for record in ops.data.export(person=person):
                file.write(msgspec.json.encode(plain(record)) + b"\n")
                count += 1
    if output is not None:
        out.result({"file": str(output), "records": count}, f"{count} records written to {output}.")
