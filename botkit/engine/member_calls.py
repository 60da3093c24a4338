"""Calls of MCP clients that need a person: approvers are asked in their chats, and decide there by a button.

Nothing of it is kept in memory. An approval that is wanted, decided or expired leaves an event in `APPROVALS_LANE`;
whoever works on that lane looks at the approval as it is then, and asks, or shows what became of it. The parts that ask
have ids of their own (`{approval}/asked/{place}.0`), so looking twice asks once.
"""

from __future__ import annotations

__all__ = ["MemberCalls", "approval_of"]

from collections.abc import Sequence

import msgspec

from botkit.core.call_approvals import APPROVALS_LANE, CallApproval, look_at
from botkit.core.errors import BotkitError, Conflict, NotFound
from botkit.core.events import Event
from botkit.core.journal import Consume, DropTimer, InboxRow, PutTimer, Wait, Write
from botkit.core.messages import OutMessage, Part
from botkit.engine import questions
from botkit.engine.approvers import places_to_ask
from botkit.engine.identity import Known
from botkit.engine.languages import Language, language_of
from botkit.engine.notices import Notices, conversations_of
from botkit.engine.ports import CallApprover
from botkit.engine.services import Services
from botkit.runs.lanes import LaneScope


def approval_of(event: Event) -> str:
    """The approval that an event asks to look at; empty for any other event."""
    return str((event.signal or {}).get("call_approval") or "")


class MemberCalls:
    def __init__(self, services: Services, notices: Notices, calls: CallApprover):
        self._s = services
        self._notices = notices
        self._calls = calls

    async def look(self, scope: LaneScope, row: InboxRow) -> None:
        """Ask about an approval, or show what became of it, by what is true now."""
        call = await self._calls.find(approval_of(row.event))
        writes: list[Write] = []
        outcome = "approval: gone"
        if call is not None and self._is_open(call):
            writes, outcome = await self._asking(call), "approval: asked"
        elif call is not None:
            writes, outcome = await self._showing(call), f"approval: {questions.verdict(self._wait(call))}"
        consume = Consume(event_ids=(row.id,), outcome=outcome)
        await self._s.journal.commit(scope.claim, (consume, *writes))
        self._s.timers_changed()
        for conversation in conversations_of(writes):
            self._s.outbox.kick(conversation)

    async def press(self, decision: str, approval_id: str, known: Known, words: Language, *, via: str) -> str | None:
        """Decide by a button. Returns what the person is told; None where there is no such approval."""
        call = await self._calls.find(approval_id)
        if call is None or call.id != approval_id:
            return None
        wait = self._wait(call)
        if not questions.may_decide(wait, known.person.id, known.roles):
            return words.only_may_decide.format(who=", ".join(wait.approvers))
        approved = decision == "approve"
        try:
            await self._calls.decide(call.id, approved=approved, by=known.person.name or known.person.id, via=via)
        except (Conflict, NotFound):
            past = await self._calls.find(call.id) or call
            return questions.past_text(self._wait(past), words)
        except BotkitError as error:
            return str(error)
        return words.approved_now if approved else words.rejected_now

    async def _asking(self, call: CallApproval) -> list[Write]:
        config, wait = self._s.configs.current, self._wait(call)
        member = await self._calls.asker(call)
        writes: list[Write] = []
        for index, place in enumerate(places_to_ask(config, self._s.channels, wait)):
            words = language_of(config, place.conversation, place.locale)
            asked_by = words.asked_by_member.format(member=member, workspace=call.workspace)
            can = self._s.channels.renderer(place.conversation.channel).capabilities(place.conversation)
            message = questions.request(wait, words, asked_by=asked_by, can_press=can.buttons)
            writes += self._notices.parts(place.conversation, _ref(call, index), message, "")
        if writes:
            expired = look_at(call.id, "expired", at=call.expires_at)
            writes.append(PutTimer(id=call.id, at=call.expires_at, lane=APPROVALS_LANE, event=expired))
        return writes

    async def _showing(self, call: CallApproval) -> list[Write]:
        config, wait = self._s.configs.current, self._wait(call)
        writes: list[Write] = [DropTimer(id=call.id)]
        for part in await self._asked(call):
            words = language_of(config, part.conversation, "")
            message = OutMessage(text=questions.decision_text(wait, words), edit_of=part.id)
            writes += self._notices.parts(part.conversation, f"{part.id}/{questions.verdict(wait)}", message, "")
        return writes

    async def _asked(self, call: CallApproval) -> Sequence[Part]:
        """The first part of each request."""
        found: list[Part] = []
        while (part := await self._s.records.part(f"{_ref(call, len(found))}.0")) is not None:
            found.append(part)
        return found

    def _is_open(self, call: CallApproval) -> bool:
        return call.state == "open" and call.expires_at > self._s.clock.micros()

    def _wait(self, call: CallApproval) -> Wait:
        """An approval in the shape that questions are made of."""
        approvers = call.approvers or tuple(self._s.configs.current.settings.approvals.approvers)
        wait = Wait(
            id=call.id,
            run_id="",
            lane=APPROVALS_LANE,
            key="",
            kind="approval",
            approvers=approvers or questions.DEFAULT_APPROVERS,
            payload={"tool": call.tool, "server": call.server, "arguments": call.arguments, "reason": call.reason},
            token=call.id,
            created_at=call.created_at,
            expires_at=call.expires_at,
        )
        if self._is_open(call):
            return wait
        decided = bool(call.decided_at)
        return msgspec.structs.replace(
            wait,
            state="answered" if decided else "expired",
            answer={"approved": call.state != "rejected", "comment": call.comment} if decided else None,
            decided_by=call.decided_by,
            decided_via=call.decided_via,
            decided_at=call.decided_at,
        )


def _ref(call: CallApproval, index: int) -> str:
    return f"{call.id}/asked/{index}"
