"""Invite somebody into a workspace: prints a code, good once, and a link where a public URL is set.

WHO is a name or an e-mail address. Nothing is sent; give them the link or the code yourself.

Examples:

    botkit member invite ada@example.org --workspace desk
    botkit member invite Ada --workspace desk --role admin --expires-in 2d
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import SECONDS
from botkit.cli.output import Output, clock_time

_ROLES = ("admin", "developer", "read-only")


@verb
@click.argument("who")
@click.option("--workspace", default="", metavar="SLUG", help="Default: the one in use, or the only one.")
@click.option("--role", type=click.Choice(_ROLES), default="developer", show_default=True, help="What they may do.")
@click.option("--name", default="", metavar="NAME", help="Default: from WHO.")
@click.option("--person", default="", metavar="ID", help="Whom of the chat platforms the member is.")
@click.option("--expires-in", type=SECONDS, default="7d", show_default=True, metavar="TIME", help="Seconds, or 2d.")
async def command(out: Output, who: str, workspace: str, role: str, name: str, person: str, expires_in: float) -> None:
    from typing import cast

    from botkit.cli.session import operations, whoami
    from botkit.core.members import MemberRole

    local, at, _ = who.partition("@")
    async with operations() as ops:
        made = await ops.members.invite(
            workspace=workspace,
            name=name or local,
            email=who if at else "",
            role=cast("MemberRole", role),
            person=person,
            expires_in_s=expires_in,
            by=whoami(),
        )
    out.note("This is the only time the code is shown.")
    lines = [made.link] if made.link else []
    lines += [f"They come in by: botkit member accept {made.code}"]
    lines += [f"{made.member} may join {made.workspace} as {made.role} until {clock_time(made.expires_at)}."]
    out.result(made, lines)
