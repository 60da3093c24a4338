"""The table of the guide on rich messages, from what the adapters declare.

python -m tests.docs.shown
"""

from __future__ import annotations

__all__ = ["shown_table"]

import sys

from adapters.custom import Custom
from adapters.discord.views import DIRECT
from adapters.sandbox import Sandbox
from adapters.slack.views import CAN
from adapters.telegram.views import PRIVATE
from adapters.web import Web
from adapters.whatsapp.cloud_carrier import CloudCarrier
from botkit.core.config.models import WebChannel
from botkit.core.events import Conversation
from botkit.core.messages import Capabilities
from botkit.testing.adapters import MemoryHost

_HERE = Conversation(channel="here", room="1")


def _platforms() -> dict[str, Capabilities]:
    host = MemoryHost()
    site = WebChannel(platform="web", bot="desk", dm_policy="open", allowed_origins=("https://example.com",))
    return {
        "Telegram": PRIVATE,
        "Discord": DIRECT,
        "Slack": CAN,
        "WhatsApp": CloudCarrier.capabilities,
        "Web site": Web("site", site, host).capabilities(_HERE),
        "Your own": Custom("here", None, host).capabilities(_HERE),
        "Page, terminal": Sandbox("here", None, host).capabilities(_HERE),
    }


def _select(can: Capabilities) -> str:
    if can.selects:
        return f"menu of {can.selects}"
    return f"up to {can.button_limit} buttons" if can.buttons else "numbered list"


def _several(can: Capabilities) -> str:
    return "menu" if can.selects and can.multi_selects else "numbered list"


def _form(can: Capabilities) -> str:
    return f"dialog of {can.forms} fields" if can.forms else "field by field"


def _card(can: Capabilities) -> str:
    return "cards" if can.cards else "picture and text"


def _rings(can: Capabilities) -> str:
    return "yes" if can.mentions else "named only"


def _template(can: Capabilities) -> str:
    return "approved template" if can.templates else "its text"


def shown_table() -> str:
    """One row a platform."""
    columns = ("", "`select`", "several options", "`form`", "`card`", "`mentions`", "`template`")
    rows = [columns, ("---",) * len(columns)]
    for name, can in _platforms().items():
        rows.append((f"**{name}**", _select(can), _several(can), _form(can), _card(can), _rings(can), _template(can)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(shown_table())
