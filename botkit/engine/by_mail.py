"""Questions to approvers by mail: to whom, and the outbox part that carries one."""

from __future__ import annotations

__all__ = ["MAIL", "may_decide_by_mail", "requests_by_mail"]

from typing import TYPE_CHECKING

from botkit.core.events import Conversation
from botkit.core.journal import Emit, Wait, Write
from botkit.core.messages import Part
from botkit.engine.questions import may_decide, subject

if TYPE_CHECKING:
    from botkit.core.config import Config

MAIL = "@mail"
"""The channel of such parts; the room is the address. What the mail says is written when it leaves."""


def requests_by_mail(config: Config, wait: Wait, ref: str, now: int) -> list[Write]:
    """A mail to everybody whom `settings.approvals.email` names and who may decide.

    Args:
        ref: begins the ids of the parts, by which each mail leaves once.
        now: microseconds, UTC.
    """
    writes: list[Write] = []
    for index, (name, address) in enumerate(_readers(config, wait)):
        writes.append(
            Emit(
                part=Part(
                    id=f"{ref}/{index}",
                    run_id=wait.run_id,
                    conversation=Conversation(channel=MAIL, room=address, kind="dm"),
                    payload={"kind": "approval", "wait": wait.id, "name": name, "to": address},
                    text=subject(wait),
                    created_at=now,
                )
            )
        )
    return writes


def may_decide_by_mail(config: Config, wait: Wait, name: str, address: str) -> bool:
    """Whether whoever reads this address may decide now."""
    return (name, address) in _readers(config, wait)


def _readers(config: Config, wait: Wait) -> list[tuple[str, str]]:
    """(person of bots.yaml or the address, address), each address once."""
    found: dict[str, str] = {}
    for entry in config.settings.approvals.email:
        person = config.people.get(entry)
        if "@" in entry:
            found.setdefault(entry, entry)
        elif person is not None and may_decide(wait, entry, config.roles_of(entry)):
            for address in tuple(person.identities.get("email") or ())[:1]:
                found.setdefault(address, entry)
    return [(name, address) for address, name in found.items()]
