"""Conversations, and people who speak in them in place of the bot."""

from __future__ import annotations

__all__ = ["ConversationOperations", "ConversationView", "Utterance"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.core.data import Data
from botkit.core.errors import InvalidArguments, NotFound
from botkit.core.events import Conversation
from botkit.core.journal import TranscriptRow

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_RUNS_LOOKED_AT = 500
_TEXT_LIMIT_BYTES = 64 * 1024


class ConversationView(Data, omit_defaults=False):
    """One conversation as operators see it."""

    conversation: str
    """Its key, `{channel}:{room}:{thread}`."""
    kind: str = "dm"
    bot: str = ""
    person: str = ""
    last_at: int = 0
    """Microseconds, UTC."""
    text: str = ""
    """Beginning of what was said last."""
    taken_over: bool = False


class Utterance(Data, omit_defaults=False):
    """One entry of a transcript."""

    at: int
    """Microseconds, UTC."""
    role: str
    """`user`, `assistant` or `tool`."""
    speaker: str
    """The person, the bot (of a team its member), the tool, or the colleague that answered a bot."""
    text: str
    """Of an entry that only calls tools, their names."""
    run_id: str = ""


class ConversationOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, taken: bool = False, limit: int = 50) -> Sequence[ConversationView]:
        """Conversations with something going on lately, the newest first; with `taken`, those people speak in."""
        store = self._i.store
        waits = await store.records.waits(kind="takeover", state="open", limit=1000)
        taken_keys = {wait.conversation for wait in waits}
        found: dict[str, ConversationView] = {}
        for summary in await store.records.runs(limit=_RUNS_LOOKED_AT):
            run = summary.run
            if run.channel.startswith("@") or run.conversation in found:
                continue
            if taken and run.conversation not in taken_keys:
                continue
            person = await store.people.get(run.person_id) if run.person_id else None
            found[run.conversation] = ConversationView(
                conversation=run.conversation,
                kind=run.conversation_kind,
                bot=run.bot,
                person=(person.name or person.id) if person is not None else run.person_id,
                last_at=run.updated_at,
                text=summary.text,
                taken_over=run.conversation in taken_keys,
            )
            if len(found) >= limit:
                break
        return list(found.values())

    async def show(self, *, conversation: str, limit: int = 50) -> Sequence[Utterance]:
        """The newest entries of a conversation, oldest first. Raises `NotFound`."""
        place = await self._place(conversation)
        records = self._i.store.records
        rows = await records.transcript(place.key, limit=limit)
        runs = await records.runs(conversation=place.key, limit=_RUNS_LOOKED_AT)
        bots = {summary.run.id: summary.run.bot for summary in runs}
        return [
            Utterance(
                at=row.at,
                role=row.role,
                speaker=_speaker(row, bots.get(row.run_id, "")),
                text=row.text or _called(row),
                run_id=row.run_id,
            )
            for row in rows
        ]

    async def take(self, *, conversation: str, by: str, reason: str = "", via: str = "cli") -> ConversationView:
        """Speak in place of the bot from now on; what the person writes is shown to the approvers.

        Raises:
            NotFound: no such conversation.
            Conflict: somebody has taken it over already.
        """
        place = await self._place(conversation)
        await self._i.engine.take_over(place, by=by, reason=reason)
        await self._i.audit(by=by, via=via, action="conversations.take", target=place.key)
        runs = self._i.mode != "command"
        return ConversationView(conversation=place.key, kind=place.kind, taken_over=runs)

    async def say(self, *, conversation: str, text: str, by: str, via: str = "cli") -> ConversationView:
        """Say something in a conversation that was taken over.

        Raises:
            NotFound: nobody has taken it over.
            InvalidArguments: there is nothing to say, or too much.
        """
        if not text.strip() or len(text.encode()) > _TEXT_LIMIT_BYTES:
            raise InvalidArguments(f"a text has 1 to {_TEXT_LIMIT_BYTES} bytes")
        wait = await self._i.engine.speak(conversation, text, by=by)
        await self._i.audit(by=by, via=via, action="conversations.say", target=wait.conversation)
        return ConversationView(conversation=wait.conversation, taken_over=True, text=text)

    async def release(self, *, conversation: str, by: str, comment: str = "", via: str = "cli") -> ConversationView:
        """Give a conversation back to its bot.

        Raises:
            NotFound, Conflict: nobody has taken it over, or it was given back meanwhile.
        """
        wait = await self._i.engine.hand_back(conversation, by=by, via=via, comment=comment)
        await self._i.audit(by=by, via=via, action="conversations.release", target=wait.conversation)
        return ConversationView(conversation=wait.conversation)

    async def _place(self, key: str) -> Conversation:
        runs = await self._i.store.records.runs(conversation=key, limit=1)
        if not runs:
            raise NotFound(f"no conversation `{key}`; see `botkit conversations list`")
        kind = "group" if runs[0].run.conversation_kind == "group" else "dm"
        return Conversation.from_key(key, kind)


def _speaker(row: TranscriptRow, bot: str) -> str:
    if row.role == "user":
        return row.name or row.person_id
    if row.role == "tool":
        return str(row.data.get("answered_by") or row.data.get("name") or "")
    return str(row.data.get("bot") or bot)


def _called(row: TranscriptRow) -> str:
    return ", ".join(f"→ {call['name']}" for call in row.data.get("calls") or ())
