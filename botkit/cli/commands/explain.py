"""Show which settings hold in a channel or a room, and where each of them comes from.

Examples:

    botkit explain telegram
    botkit explain telegram -100123
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table

if TYPE_CHECKING:
    from botkit.core.config import Setting


@verb
@click.argument("channel")
@click.argument("room", required=False)
def command(out: Output, channel: str, room: str | None) -> None:
    from botkit.app.environment import load_environment
    from botkit.core.config import explain, load_config

    found = explain(load_config(load_environment().config), channel, room)
    rows = [(one.name, one.value, one.source, _where(one)) for one in found]
    out.result(found, Table(("SETTING", "VALUE", "FROM", "PLACE"), rows))


def _where(setting: Setting) -> str:
    return f"{setting.place.file}:{setting.place.line}" if setting.place is not None else ""


command.ignore_unknown_options = True  # ids of rooms may begin with a minus
