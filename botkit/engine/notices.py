"""Messages that are not the answer of a turn: notices, and questions with their buttons and deadlines."""

from __future__ import annotations

__all__ = ["Notices", "conversations_of"]

from collections.abc import Iterable, Sequence

import msgspec

from botkit.core.clock import from_micros
from botkit.core.events import Conversation, Event, User
from botkit.core.journal import Emit, OpenRun, PutTimer, Run, Wait, WidenWait, Write
from botkit.core.messages import OutMessage, Part
from botkit.engine import forms, questions
from botkit.engine.approvers import places_to_ask
from botkit.engine.by_mail import requests_by_mail
from botkit.engine.identity import Known
from botkit.engine.languages import language_of
from botkit.engine.services import Services
from botkit.engine.turn import conversation_of, input_of
from botkit.runs.context import AskFunction, InviteFunction

_SAME_LINK_MICROS = 600_000_000
"""A model that tries again within such a stretch sends nothing again."""
_WRITTEN_TO = (
    "{server} needs the person's own account, which is not connected yet. They were just written to in private, with a "
    "link that works once within 15 minutes. Tell them only that; if nothing arrived, they should write to you in "
    "private and ask there. Call again when they say that it is done."
)
_COME_TO_ME = (
    "{server} needs the person's own account, which is not connected yet. The link for that is private, and "
    "others read along here. Tell them to write to you in private and to ask there."
)

_SILENT = ("timer", "schedule", "retry", "webhook", "child")
"""Kinds of waits about which nobody in the chat is told."""


class Notices:
    """Builds outbox writes; sends nothing itself."""

    def __init__(self, services: Services):
        self._s = services

    def notice(
        self, conversation: Conversation, ref: str, text: str, run_id: str = "", *, to: Event | None = None
    ) -> list[Write]:
        """A message of ours that is not the answer of a run.

        Args:
            to: what it answers: named in a group, where others write too. What answers a platform's own command is
                for the person who used it alone, where that can be.
        """
        if to is None or conversation.kind != "group":
            return self.parts(conversation, ref, OutMessage(text=text), run_id)
        alone = to.kind == "command" and self._s.channels.renderer(conversation.channel).capabilities(conversation)
        visible_to = to.sender.id if alone and alone.ephemeral else ""
        return self.parts(
            conversation, ref, OutMessage(text=text, reply_to=to.message_id, visible_to=visible_to), run_id
        )

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

    def asker(self, run: Run, conversation: Conversation, known: Known, told: set[str]) -> AskFunction:
        """Asks the questions of a run.

        Args:
            told: gets the key of every conversation that was asked in, to be kicked after the commit.
        """

        def ask(wait: Wait) -> tuple[Wait, Sequence[Write]]:
            wait, writes = self._question(wait, run, conversation, known)
            if wait.kind == "approval":
                now = self._s.clock.micros()
                writes = [*writes, *requests_by_mail(self._s.configs.current, wait, f"{wait.id}/mail", now)]
            told.update(conversations_of(writes))
            return wait, writes

        return ask

    def _question(self, wait: Wait, run: Run, conversation: Conversation, known: Known) -> tuple[Wait, list[Write]]:
        """Who may answer, until when, and the messages that ask."""
        config = self._s.configs.current
        approvals = config.settings.approvals
        elsewhere: list[Write] = []
        if wait.kind == "takeover":
            wait = msgspec.structs.replace(wait, approvers=wait.approvers or tuple(approvals.approvers))
            asked = self._requests(wait, run, conversation, known)
            return self._handed_over(wait, run, conversation, known, asked)
        if wait.kind in _SILENT or (_of_node(wait) and wait.kind != "approval" and not _is_form(wait)):
            return self._told_by_node(wait, conversation)
        if wait.kind == "approval":
            lasts = wait.created_at + int(approvals.timeout_s * 1_000_000)
            expires_at = wait.expires_at if _of_node(wait) else lasts
            approvers = wait.approvers or tuple(approvals.approvers)
            wait = msgspec.structs.replace(wait, approvers=approvers, expires_at=expires_at)
            elsewhere = self._requests(wait, run, conversation, known)
            if _of_node(wait) and (elsewhere or not self._shown_here(wait, conversation, known)):
                return self._handed_over(wait, run, conversation, known, elsewhere)
        wait = msgspec.structs.replace(wait, part_id=f"{wait.id}.0")
        can = self._s.channels.renderer(conversation.channel).capabilities(conversation)
        may = conversation.kind == "group" or questions.may_decide(wait, known.person.id, known.roles)
        words = language_of(config, conversation, known.person.locale, bot=run.bot)
        if wait.kind == "reply":
            wait, message = forms.ask(wait, words, can)
        else:
            message = questions.question(wait, words, can_press=may and can.buttons and not elsewhere)
        asked = self.parts(conversation, wait.id, message, wait.run_id)
        return wait, [*asked, *elsewhere, *self._timers_of(wait, conversation)]

    def _shown_here(self, wait: Wait, conversation: Conversation, known: Known) -> bool:
        """Whether the details of a handoff are for the eyes of this conversation: those of who may decide."""
        return conversation.kind == "dm" and questions.may_decide(wait, known.person.id, known.roles)

    def _handed_over(
        self, wait: Wait, run: Run, conversation: Conversation, known: Known, elsewhere: list[Write]
    ) -> tuple[Wait, list[Write]]:
        """The person is told that somebody looks, the reviewers what to decide."""
        writes: list[Write] = []
        if wait.payload.get("told", True):
            words = language_of(self._s.configs.current, conversation, known.person.locale, bot=run.bot)
            said = wait.payload.get("say")
            message = msgspec.convert(said, OutMessage) if said else OutMessage(text=words.colleague_decides)
            writes += self.parts(conversation, wait.id, message, wait.run_id)
        return wait, [*writes, *elsewhere, *self._timers_of(wait, conversation)]

    def _timers_of(self, wait: Wait, conversation: Conversation) -> list[Write]:
        """Its deadline, and when reviewers are asked again."""
        timers: list[Write] = []
        if wait.expires_at:
            timers.append(PutTimer(id=wait.id, at=wait.expires_at, lane=wait.lane, event=_expiry(wait, conversation)))
        for kind, after_s in (("remind", wait.payload.get("remind_after_s")), ("escalate", _escalates_after(wait))):
            if after_s:
                timers.append(_nudge(wait, conversation, kind, wait.created_at + int(float(after_s) * 1_000_000), 1))
        return timers

    def nudge(self, opened: OpenRun, wait: Wait, kind: str, number: int, known: Known) -> list[Write]:
        """Ask reviewers again, or those it escalates to."""
        run, conversation, now = opened.run, conversation_of(opened.run), self._s.clock.micros()
        writes: list[Write] = []
        if kind == "escalate":
            approvers = tuple(dict.fromkeys([*wait.approvers, *wait.payload.get("escalate_to", ())]))
            writes.append(WidenWait(wait_id=wait.id, approvers=approvers))
            asked = msgspec.structs.replace(wait, approvers=tuple(wait.payload.get("escalate_to", ())))
        else:
            asked = wait
            every = int(float(wait.payload["remind_after_s"]) * 1_000_000)
            if not wait.expires_at or now + every < wait.expires_at:
                writes.append(_nudge(wait, conversation, kind, now + every, number + 1))
        writes += requests_by_mail(self._s.configs.current, asked, f"{wait.id}/mail/{kind}{number}", now)
        return [*writes, *self._requests(asked, run, conversation, known, ref=f"{wait.id}/asked/{kind}{number}")]

    def _told_by_node(self, wait: Wait, conversation: Conversation) -> tuple[Wait, list[Write]]:
        """A pause of a workflow: the node brings its own words, or says nothing."""
        writes: list[Write] = []
        if (say := wait.payload.get("say")) is not None:
            wait = msgspec.structs.replace(wait, part_id=f"{wait.id}.0")
            writes += self.parts(conversation, wait.id, msgspec.convert(say, OutMessage), wait.run_id)
        return wait, [*writes, *self._timers_of(wait, conversation)]

    def _requests(self, wait: Wait, run: Run, conversation: Conversation, known: Known, ref: str = "") -> list[Write]:
        """The question where `settings.approvals` wants it asked; nothing when that is the conversation itself."""
        config = self._s.configs.current
        writes: list[Write] = []
        for index, place in enumerate(places_to_ask(config, self._s.channels, wait)):
            here = conversation.kind == "dm" and conversation.channel == place.conversation.channel
            if place.conversation.key == conversation.key or (here and place.person == known.person.id):
                return []
            words = language_of(config, place.conversation, place.locale)
            bot = config.bots.get(run.bot)
            asked_by = words.asked_by.format(
                person=known.person.name or known.person.id,
                bot=(bot.name if bot is not None else None) or run.bot,
                channel=run.channel,
            )
            can = self._s.channels.renderer(place.conversation.channel).capabilities(place.conversation)
            message = questions.request(wait, words, asked_by=asked_by, can_press=can.buttons)
            writes += self.parts(place.conversation, f"{ref or f'{wait.id}/asked'}/{index}", message, wait.run_id)
        return writes

    def inviter(
        self, run: Run, conversation: Conversation, known: Known, user_id: str, told: set[str]
    ) -> InviteFunction:
        """Sends people the private link to connect an account, past the room they asked in.

        Args:
            user_id: who asked, by the platform's id.
            told: gets the key of the conversation that was written to, to be kicked after the commit.
        """

        def invite(server: str, link: str) -> tuple[str, Sequence[Write]] | None:
            if conversation.kind == "dm":
                return None
            place, visible_to = self._aside(conversation, user_id)
            if place is None:
                return _COME_TO_ME.format(server=server), ()
            words = language_of(self._s.configs.current, place, known.person.locale)
            message = OutMessage(text=words.connect_account.format(server=server, link=link), visible_to=visible_to)
            ref = f"{run.id}/connect/{server}/{self._s.clock.micros() // _SAME_LINK_MICROS}"
            writes = self.parts(place, ref, message, run.id)
            told.update(conversations_of(writes))
            return _WRITTEN_TO.format(server=server), writes

        return invite

    def _aside(self, conversation: Conversation, user_id: str) -> tuple[Conversation | None, str]:
        """Where one person of a room is told what others must not read; and to whom to show it there alone."""
        adapter = self._s.channels.renderer(conversation.channel)
        if room := adapter.direct_room(user_id):
            return Conversation(channel=conversation.channel, room=room, kind="dm"), ""
        return (conversation, user_id) if adapter.capabilities(conversation).ephemeral else (None, "")

    async def decided(self, run: Run, wait: Wait) -> list[Write]:
        """Show at the question, wherever it was asked, what became of it."""
        if wait.kind == "reply":
            return self._answered(run, wait)
        if wait.kind not in ("approval", "takeover") or not (wait.part_id or _of_node(wait)):
            return []
        config, turn = self._s.configs.current, input_of(run)
        conversation = conversation_of(run)
        words = language_of(config, conversation, turn.locale, bot=run.bot)
        message = OutMessage(text=questions.decision_text(wait, words), edit_of=wait.part_id)
        verdict = questions.verdict(wait)
        writes = self.parts(conversation, f"{wait.id}/{verdict}", message, run.id) if wait.part_id else []
        trace = await self._s.records.trace(run.id)
        for part in trace.parts if trace is not None else ():
            if part.id.startswith(f"{wait.id}/asked/") and not part.edit_of and part.index == 0:
                words = language_of(config, part.conversation, "")
                message = OutMessage(text=questions.decision_text(wait, words), edit_of=part.id)
                writes += self.parts(part.conversation, f"{part.id}/{verdict}", message, run.id)
        return writes

    def _answered(self, run: Run, wait: Wait) -> list[Write]:
        """Take what can be pressed from a question that is answered, where messages can be edited."""
        conversation = conversation_of(run)
        can = self._s.channels.renderer(conversation.channel).capabilities(conversation)
        if not (wait.part_id and wait.payload.get("controls") and can.edit):
            return []
        words = language_of(self._s.configs.current, conversation, input_of(run).locale, bot=run.bot)
        message = OutMessage(text=forms.settled_text(wait, words), edit_of=wait.part_id)
        return self.parts(conversation, f"{wait.id}/{wait.state}", message, run.id)


def _escalates_after(wait: Wait) -> float:
    return float(wait.payload.get("escalate_after_s") or 0)


def _nudge(wait: Wait, conversation: Conversation, kind: str, at: int, number: int) -> PutTimer:
    """Wakes the lane to ask again; the run itself stays asleep."""
    id_ = f"{wait.id}/{kind}/{number}"
    event = Event(
        channel="@wake",
        dedupe_key=id_,
        kind="wake",
        conversation=conversation,
        sender=User(id="@timer"),
        occurred_at=from_micros(at),
        signal={"run_id": wait.run_id, "wait_id": wait.id, "kind": wait.kind, "nudge": kind, "number": number},
    )
    return PutTimer(id=id_, at=at, lane=wait.lane, event=event)


def _of_node(wait: Wait) -> bool:
    return "node" in wait.payload


def _is_form(wait: Wait) -> bool:
    """A question that says what may be answered, and is shown as a menu or a form."""
    return wait.kind == "reply" and "schema" in wait.payload


def conversations_of(writes: Iterable[Write]) -> set[str]:
    """Keys of the conversations these writes put something into the outbox of."""
    return {write.part.conversation.key for write in writes if isinstance(write, Emit)}


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
