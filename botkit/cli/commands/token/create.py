"""Make a token for a workspace, and print it this once with the settings of MCP clients.

Without WORKSPACE the one that is in use, or the only one. The token belongs to a member, who is added when there is
nobody of that name; the member's role and the token's own scopes both limit what it is good for.

Examples:

    botkit token create desk --name ada
    botkit token create desk --name laptop --member ada --expires-in 30d
    botkit token create desk --name ci --role read-only --allow "orders__*" --deny orders__export --per-minute 60
    botkit token create desk --name agent --plan starter --per-month 5000 --client cursor
"""

from __future__ import annotations

import click

from botkit.cli.clients import CLIENT_CHOICE, shown_blocks
from botkit.cli.command import verb
from botkit.cli.options import SECONDS, words
from botkit.cli.output import Output

_ROLES = ("admin", "developer", "read-only")
_PLANS = {"free": 60, "starter": 300, "pro": 1200, "business": 6000}


@verb
@click.argument("workspace", default="")
@click.option("--name", required=True, metavar="NAME", help="Of the token; of the member too, without --member.")
@click.option("--member", default="", metavar="NAME", help="Whose it is.")
@click.option("--role", type=click.Choice(_ROLES), help="Of a member who is added. Default: developer.")
@click.option("--person", default="", metavar="ID", help="Whom of the chat platforms a new member is.")
@click.option("--expires-in", type=SECONDS, metavar="TIME", help="Seconds, or such as 30d. Default: never.")
@click.option("--allow", multiple=True, metavar="TOOL", help="Only these tools or patterns; may be repeated.")
@click.option("--deny", multiple=True, metavar="TOOL", help="Not these tools or patterns; may be repeated.")
@click.option("--plan", type=click.Choice(tuple(_PLANS)), help="60, 300, 1200 or 6000 calls a minute.")
@click.option("--per-minute", type=click.IntRange(1), metavar="N", help="Calls a minute, instead of a plan.")
@click.option("--per-month", type=click.IntRange(1), metavar="N", help="Calls a calendar month.")
@click.option("--client", type=CLIENT_CHOICE, help="Print the settings of this client only.")
async def command(
    out: Output,
    workspace: str,
    name: str,
    member: str,
    role: str | None,
    person: str,
    expires_in: float | None,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    plan: str | None,
    per_minute: int | None,
    per_month: int | None,
    client: str | None,
) -> None:
    from typing import cast

    from botkit.cli.session import operations, whoami
    from botkit.core.members import MemberRole

    if plan is not None and per_minute is not None:
        raise click.UsageError("choose one of --plan and --per-minute")
    async with operations() as ops:
        made = await ops.tokens.create(
            workspace=workspace,
            name=name,
            member=member,
            role=cast("MemberRole | None", role),
            allow=words(allow) if allow else None,
            deny=words(deny),
            per_minute=per_minute or (_PLANS[plan] if plan is not None else 0),
            per_month=per_month or 0,
            person=person,
            expires_in_s=expires_in or 0.0,
            by=whoami(),
        )
    out.note("This is the only time the token is shown; what is stored cannot be turned back into it.")
    out.result(
        made, [made.token, "", f"For {made.member} ({made.role}) at {made.url}", *shown_blocks(made.clients, client)]
    )
