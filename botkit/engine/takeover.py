"""A person speaks in place of the bot: what the customer writes goes to reviewers, what they answer comes back.

A conversation is taken over as long as a wait of kind `takeover` is open in its lane. Nothing is lost meanwhile: both
sides are in the transcript, so the bot knows what was said once it has the conversation back.
"""

from __future__ import annotations

__all__ = ["TAKEOVER", "Takeovers", "taken_over"]

from collections.abc import Iterator, Sequence

from botkit.core.errors import NotFound
from botkit.core.events import Conversation, Event
from botkit.core.journal import Consume, InboxRow, LaneContext, Say, TranscriptRow, Wait, Write
from botkit.core.messages import OutMessage
from botkit.engine import questions
from botkit.engine.approvers import places_to_ask
from botkit.engine.identity import Known
from botkit.engine.notices import Notices, conversations_of
from botkit.engine.services import Services
from botkit.runs.lanes import LaneScope

TAKEOVER = "@takeover"
"""The workflow behind a takeover that an operator began."""
_SEEN_LIMIT = 200


def taken_over(context: LaneContext) -> Wait | None:
    """The takeover of a lane, where there is one."""
    return next((wait for wait in context.waits if wait.kind == "takeover"), None)


class Takeovers:
    def __init__(self, services: Services, notices: Notices):
        self._s = services
        self._notices = notices

    async def pass_on(self, scope: LaneScope, rows: Sequence[InboxRow], wait: Wait, known: Known) -> None:
        """A customer wrote: the reviewers read it."""
        context = await self._s.journal.context(scope.lane, history_limit=0)
        name = known.person.name or known.person.id
        writes: list[Write] = []
        for row in rows:
            text = _with_files(row.event)
            if context.session is not None:
                said = TranscriptRow(
                    session_id=context.session.id,
                    run_id=wait.run_id,
                    role="user",
                    text=text,
                    person_id=known.person.id,
                    name=name,
                    at=self._s.clock.micros(),
                    message_id=row.event.message_id,
                )
                writes.append(Say(row=said))
            for index, place in enumerate(self._places(wait)):
                message = OutMessage(text=f"**{name}**: {text}")
                writes += self._notices.parts(place, f"{wait.id}/heard/{row.id}/{index}", message, wait.run_id)
        writes.append(Consume(event_ids=tuple(row.id for row in rows), outcome=f"taken over: {wait.run_id}"))
        await self._commit(scope, writes)

    async def reply_of(self, scope: LaneScope, row: InboxRow, known: Known) -> bool:
        """A reviewer answered what was passed on: the customer reads it. False: it was no such answer."""
        event = row.event
        if event.reply_to is None or not event.text.strip() or not self._asks_here(event.conversation):
            return False
        wait = await self._answered(event.reply_to.message_id)
        if wait is None or not questions.may_decide(wait, known.person.id, known.roles):
            return False
        writes = await self._said(wait, f"{wait.id}/said/{row.id}", event.text, known.person.name or known.person.id)
        writes.append(Consume(event_ids=(row.id,), outcome=f"said for: {wait.run_id}"))
        await self._commit(scope, writes)
        return True

    async def say(self, conversation: str, text: str, *, by: str, ref: str) -> Wait:
        """Speak in a conversation that was taken over, as the operator of this instance.

        Raises:
            NotFound: nobody has taken it over.
        """
        wait = await self.of(conversation)
        writes = await self._said(wait, f"{wait.id}/said/{ref}", text, by)
        await self._s.journal.commit(None, writes)
        self._kick(writes)
        return wait

    async def of(self, conversation: str) -> Wait:
        """The takeover of a conversation. Raises `NotFound`."""
        waits = await self._s.records.waits(kind="takeover", state="open", limit=1000)
        found = next((wait for wait in waits if wait.conversation == conversation or wait.run_id == conversation), None)
        if found is None:
            raise NotFound(f"nobody has taken over `{conversation}`; see `botkit conversations list`")
        return found

    async def _said(self, wait: Wait, ref: str, text: str, by: str) -> list[Write]:
        place = Conversation.from_key(wait.conversation)
        writes: list[Write] = list(self._notices.parts(place, ref, OutMessage(text=text), wait.run_id))
        context = await self._s.journal.context(wait.lane, history_limit=0)
        if context.session is not None:
            said = TranscriptRow(
                session_id=context.session.id,
                run_id=wait.run_id,
                role="assistant",
                text=text,
                data={"by": by},
                name=by,
                at=self._s.clock.micros(),
            )
            writes.append(Say(row=said))
        return writes

    async def _answered(self, message_id: str) -> Wait | None:
        for wait in await self._s.records.waits(kind="takeover", state="open", limit=_SEEN_LIMIT):
            trace = await self._s.records.trace(wait.run_id)
            if trace is not None and any(part.message_id == message_id for part in trace.parts):
                return wait
        return None

    def _asks_here(self, conversation: Conversation) -> bool:
        approvals = self._s.configs.current.settings.approvals
        if approvals.channel != conversation.channel:
            return False
        return approvals.room == conversation.room or (approvals.room is None and conversation.kind == "dm")

    def _places(self, wait: Wait) -> Iterator[Conversation]:
        for place in places_to_ask(self._s.configs.current, self._s.channels, wait):
            if place.conversation.key != wait.conversation:
                yield place.conversation

    async def _commit(self, scope: LaneScope, writes: Sequence[Write]) -> None:
        await self._s.journal.commit(scope.claim, writes)
        self._kick(writes)

    def _kick(self, writes: Sequence[Write]) -> None:
        for key in conversations_of(writes):
            self._s.outbox.kick(key)


def _with_files(event: Event) -> str:
    files = [f"[{item.kind}{f': {item.name}' if item.name else ''}]" for item in event.attachments]
    return "\n".join(filter(None, [event.text, *files]))
