"""Show what `botkit apply` would change, and what each change touches.

Compares the files on disk with the revision that runs; with revisions, compares those. Comments and order do not
matter, unless --text is given.

Examples:

    botkit diff
    botkit diff 3f2a91
    botkit diff 3f2a91 77c0de --json
    botkit diff --text
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.command import verb
from botkit.cli.diffs import coloured
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.core.stores import Revision


@verb
@click.argument("before", required=False, default="")
@click.argument("after", required=False, default="")
@click.option("--text", is_flag=True, help="Compare the texts of the files, line by line.")
async def command(out: Output, before: str, after: str, text: bool) -> None:
    from botkit.app.differences import compare, texts_on_disk
    from botkit.app.environment import load_environment
    from botkit.cli.session import operations
    from botkit.core.config import diff_config, load_config

    environment = load_environment()
    async with operations(environment=environment) as ops:
        old = _there(before, await (ops.config.revision(revision=before) if before else ops.config.active()))
        new = _there(after, await ops.config.revision(revision=after)) if after else None
    if text:
        files = new.files if new is not None else texts_on_disk(environment.config, old.files)
        changes: list[Any] = compare(old.files, files)
        lines = [coloured(change.diff) for change in changes]
    else:
        target = load_config(environment.config, files=new.files if new is not None else None)
        changes = diff_config(load_config(environment.config, files=old.files), target)
        lines = [coloured(str(change)) for change in changes]
    value = {"same": not changes, "before": old.id, "after": new.id if new else "", "changes": changes}
    out.result(value, lines or "Nothing differs.")


def _there(reference: str, found: Revision | None) -> Revision:
    from botkit.core.errors import NotFound

    if found is None:
        name = f"revision {reference}" if reference else "revision that runs yet: start botkit, or `botkit apply`"
        raise NotFound(f"there is no {name}")
    return found
