"""Messages that are not the answer of a turn: notices, and questions with their buttons and deadlines."""

from __future__ import annotations

__all__ = ["Notices"]

from collections.abc import Sequence

import msgspec

from botkit.core.clock import from_micros
from botkit.core.events import Conversation, Event, User
from botkit.core.journal import Emit, PutTimer, Wait, Write
from botkit.core.messages import OutMessage, Part
from botkit.engine import questions
from botkit.engine.identity import Known
from botkit.engine.services import Services
from botkit.runs.context import AskFunction


class Notices:
    """Builds outbox writes; sends nothing itself."""

    def __init__(self, services: Services):
        self._s = services

    def notice(self, conversation: Conversation, ref: str, text: str, run_id: str = "") -> list[Write]:
        """A message of ours that is not the answer of a run."""
        return self.parts(conversation, ref, OutMessage(text=text), run_id)

    def parts(self, conversation: Conversation, ref: str, message: OutMessage, run_id: str) -> list[Write]:
        rendered = self._s.channels.renderer(conversation.channel).render(message, conversation)
        now = self._s.clock.micros()
        return [
            Emit(
                part=Part(
                    id=f"{ref}.{index}",
                    run_id=run_id,
                    conversation=conversation,
                    index=index,
                    payload=piece.payload,
                    text=piece.text,
                    edit_of=message.edit_of if index == 0 else "",
                    created_at=now,
                )
            )
            for index, piece in enumerate(rendered)
        ]

    def asker(self, conversation: Conversation, known: Known) -> AskFunction:
        def ask(wait: Wait) -> tuple[Wait, Sequence[Write]]:
            return self._question(wait, conversation, known)

        return ask

    def _question(self, wait: Wait, conversation: Conversation, known: Known) -> tuple[Wait, list[Write]]:
        """Who may answer, until when, and the message that asks."""
        approvals = self._s.configs.current.settings.approvals
        if wait.kind == "approval":
            expires_at = wait.created_at + int(approvals.timeout_s * 1_000_000)
            approvers = wait.approvers or tuple(approvals.approvers)
            wait = msgspec.structs.replace(wait, approvers=approvers, expires_at=expires_at)
        wait = msgspec.structs.replace(wait, part_id=f"{wait.id}.0")
        can = self._s.channels.renderer(conversation.channel).capabilities(conversation)
        may = conversation.kind == "group" or questions.may_decide(wait, known.person.id, known.roles)
        message = questions.question(wait, can_press=may and can.buttons)
        writes = self.parts(conversation, wait.id, message, wait.run_id)
        if wait.expires_at:
            writes.append(PutTimer(id=wait.id, at=wait.expires_at, lane=wait.lane, event=_expiry(wait, conversation)))
        return wait, writes


def _expiry(wait: Wait, conversation: Conversation) -> Event:
    return Event(
        channel="@wake",
        dedupe_key=wait.id,
        kind="wake",
        conversation=conversation,
        sender=User(id="@timer"),
        occurred_at=from_micros(wait.expires_at),
        signal={"run_id": wait.run_id, "wait_id": wait.id, "key": wait.key, "kind": wait.kind, "expired": True},
    )
