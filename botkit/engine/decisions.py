"""Decisions of people about what waits: by button, by command, from the page."""

from __future__ import annotations

__all__ = ["Decisions"]

from typing import Any

import msgspec

from botkit.core.errors import BotkitError, Conflict, Denied
from botkit.core.events import Event
from botkit.core.journal import CloseWait, DropTimer, Wait
from botkit.engine import questions
from botkit.engine.identity import Known
from botkit.engine.services import Services


class Decisions:
    def __init__(self, services: Services):
        self._s = services

    async def by_button(self, event: Event) -> None:
        decision = questions.parse_decision(event.action.value) if event.action is not None else None
        adapter = self._s.channels.adapter(event.channel)
        answer = "This button is not in use any more."
        if decision is not None:
            known = await self._s.identities.resolve(event, self._s.configs.current)
            wait = await self._s.journal.find_wait(token=decision[1])
            if wait is not None:
                name = known.person.name or known.person.id
                try:
                    await self.decide(
                        wait, approved=decision[0] == "approve", by=name, via=f"chat:{event.channel}", known=known
                    )
                    answer = "Approved." if decision[0] == "approve" else "Rejected."
                except BotkitError as error:
                    answer = str(error)
        if adapter is not None:
            await adapter.acknowledge(event, answer)

    async def decide(
        self, wait: Wait, *, approved: bool, by: str, via: str, comment: str = "", known: Known | None = None
    ) -> Wait:
        """Commit a decision about an open approval; the run wakes by it, once.

        Args:
            known: who decides, when it is a person in a chat; None for the operator of this instance.

        Raises:
            Conflict: it was decided before.
            Denied: this person may not decide it.
        """
        if known is not None and not questions.may_decide(wait, known.person.id, known.roles):
            raise _denied(wait)
        if wait.state != "open":
            raise Conflict(f"This was already {_past(wait)}.")
        answer: dict[str, Any] = {"approved": approved, "comment": comment}
        return await self.close(wait, answer, by=by, via=via)

    async def close(self, wait: Wait, answer: dict[str, Any], *, by: str, via: str) -> Wait:
        """Answer an open wait from outside its lane."""
        now = self._s.clock.micros()
        close = CloseWait(wait_id=wait.id, state="answered", at=now, answer=answer, by=by, via=via)
        await self._s.journal.commit(None, (close, DropTimer(id=wait.id)))
        await self._s.wake(wait.lane)
        return msgspec.structs.replace(
            wait, state="answered", answer=answer, decided_by=by, decided_via=via, decided_at=now
        )


def _denied(wait: Wait) -> BotkitError:
    who = ", ".join(wait.approvers) or "an admin"
    return Denied(f"Only {who} may decide this.", wait=wait.id)


def _past(wait: Wait) -> str:
    if wait.state == "answered":
        return "approved" if (wait.answer or {}).get("approved") else "rejected"
    return wait.state
