"""What people send besides text, made into what bots work with: fetched, read, heard, checked, remembered.

    files/0          the file, stored once
    files/0/text     what stands in a document
    files/0/heard    what is said in a recording
    files/row        the message as later turns remember it
    answers/…/files  the same of what a question was answered with

Each line is a journaled step, so a resumed run downloads, reads and listens to nothing twice.
"""

from __future__ import annotations

__all__ = ["Received", "Receiving", "user_row"]

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from botkit.core.agent import AgentOutcome
from botkit.core.errors import BotkitError, BudgetUsedUp
from botkit.core.events import Attachment
from botkit.core.journal import Run, Say, TranscriptRow
from botkit.core.media import media_type
from botkit.core.models import Usage
from botkit.engine import forms
from botkit.engine.effective import Effective
from botkit.engine.files import Files
from botkit.engine.guards import cleaned, guards_of
from botkit.engine.hearing import Hearing, Listened
from botkit.engine.languages import Language
from botkit.engine.services import Services
from botkit.engine.tainting import taint_of
from botkit.engine.turn import TurnInput
from botkit.runs.context import RunContext, StepScope, Stopped

if TYPE_CHECKING:
    from botkit.core.config import Config

_log = structlog.get_logger("botkit.engine")

_TEXT_CHARS = 20_000
_DEAF = "nothing here listens to recordings"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the bot gets it."""

    turn: TurnInput
    usage: Usage = field(default_factory=Usage)
    """What it cost to hear it."""
    said: AgentOutcome | None = None
    """The answer, where the bot has nothing to answer: nobody could hear what was said."""


class Receiving:
    """Takes up what came with messages."""

    def __init__(self, services: Services):
        self._s = services
        self._files = Files(services)
        self._hearing = Hearing(services)

    async def receive(
        self, ctx: RunContext, turn: TurnInput, this: Effective, config: Config, words: Language
    ) -> Received:
        """Raises `Paused` and `Stopped` as steps do."""
        if not turn.attachments:
            return Received(turn)
        try:
            received = await self._taken_up(ctx, turn, this, config, words)
        except Stopped:
            if turn.unsaid:
                ctx.write(Say(row=user_row(ctx.run, turn, taint_of(ctx.run, turn, this, config))))
            raise
        if turn.unsaid:
            await self._remember(ctx, received, this, config)
        return received

    async def answers(self, ctx: RunContext, turn: TurnInput, this: Effective, config: Config) -> Usage:
        """Take up what people answered questions of this run with: files are fetched, and what was said is read as if
        it had been written. Returns what hearing it cost.

        Raises `Paused` and `Stopped` as steps do.
        """
        usage = Usage()
        for wait in ctx.answered:
            answer = wait.answer or {}
            if wait.kind != "reply" or not answer.get("attachments"):
                continue
            items = msgspec.convert(answer["attachments"], tuple[Attachment, ...])
            said = msgspec.structs.replace(turn, text=str(answer.get("text") or ""), attachments=items, trigger={})
            under = ctx.under(f"answers/{wait.key}/")
            items = await self._files.fetch(under, items)
            items = tuple([await self._read(under, index, item) for index, item in enumerate(items)])
            said = msgspec.structs.replace(said, attachments=items)
            try:
                listened = await self._hearing.listen(under, said, this, config, in_words=True)
            except BudgetUsedUp as error:
                _log.warning("answer_not_heard", run=ctx.run.id, code=error.code, detail=str(error))
                listened = tuple(Listened(why="failed", problem="there is no money left for it") for _ in items)
            usage += sum((one.usage for one in listened if one is not None), Usage())
            heard = _with_words(said, listened, config, this, ctx.run)
            files = {"attachments": msgspec.to_builtins(heard.attachments)}
            ctx.read_as(wait, {**answer, **forms.said(wait, heard.text), **files})
        return usage

    async def _taken_up(
        self, ctx: RunContext, turn: TurnInput, this: Effective, config: Config, words: Language
    ) -> Received:
        items = await self._files.fetch(ctx, turn.attachments)
        items = tuple([await self._read(ctx, index, item) for index, item in enumerate(items)])
        fetched = msgspec.structs.replace(turn, attachments=items)
        if not any(map(_is_sound, items)):
            return Received(fetched)
        try:
            listened = await self._hearing.listen(ctx, fetched, this, config)
        except BudgetUsedUp as error:
            facts = {"code": error.code, "message": str(error), **error.facts}
            return Received(fetched, said=AgentOutcome(state="limit_reached", text="", error=facts))
        usage = sum((one.usage for one in listened if one is not None), Usage())
        heard = _with_words(fetched, listened, config, this, ctx.run)
        said = self._excuse(ctx, heard, listened, config, words)
        return Received(heard, usage, said)

    async def _read(self, ctx: RunContext, index: int, item: Attachment) -> Attachment:
        """A document with its text, or with the reason why it has none."""
        documents = self._s.documents
        if documents is None or item.kind != "file" or item.text or not item.file_id:
            return item
        if not documents.takes(item.name, media_type(item)):
            return item

        async def work(scope: StepScope) -> Attachment:
            try:
                data = await self._s.files.read(item.file_id)
                text = await documents.text(item.name, media_type(item), data, limit_chars=_TEXT_CHARS)
            except BotkitError as error:
                _log.info("document_not_read", run=ctx.run.id, name=item.name, code=error.code, detail=str(error))
                return msgspec.structs.replace(item, problem=str(error))
            return msgspec.structs.replace(item, text=text)

        return await ctx.step(f"files/{index}/text", work, kind=Attachment, name=item.name or "document")

    def _excuse(
        self,
        ctx: RunContext,
        turn: TurnInput,
        listened: tuple[Listened | None, ...],
        config: Config,
        words: Language,
    ) -> AgentOutcome | None:
        """The answer to a message that is nothing but a voice nobody could hear."""
        failed = [one for one in listened if one is not None and one.why]
        only_voice = all(item.kind == "voice" for item in turn.attachments)
        if turn.text.strip() or turn.withheld or not only_voice or len(failed) != len(turn.attachments):
            return None
        text = {
            "deaf": words.cannot_hear,
            "nothing": words.heard_nothing,
            "too_long": words.voice_too_long.format(minutes=f"{round(config.settings.speech.longest_s / 60, 1):g}"),
        }.get(failed[0].why, words.hearing_failed)
        run = ctx.run
        row = TranscriptRow(
            session_id=run.session_id, run_id=run.id, role="assistant", text=text, at=self._s.clock.micros()
        )
        return AgentOutcome(text=text, rows=(row,), output={"unheard": failed[0].why})

    async def _remember(self, ctx: RunContext, received: Received, this: Effective, config: Config) -> None:
        """The message enters the transcript with what was found in it, unless a policy is to judge it first."""
        turn = received.turn
        if guards_of(config, this.bot).input.policy and not turn.withheld and received.said is None:
            return

        async def work(scope: StepScope) -> None:
            scope.write(Say(row=user_row(ctx.run, turn, taint_of(ctx.run, turn, this, config))))

        await ctx.step("files/row", work, name="message")


def _is_sound(item: Attachment) -> bool:
    return item.kind in ("voice", "audio")


def _with_words(
    turn: TurnInput, listened: tuple[Listened | None, ...], config: Config, this: Effective, run: Run
) -> TurnInput:
    """The message with what was said: a voice note is the person's own words, a recording holds those of somebody."""
    checks = guards_of(config, this.bot).input
    items: list[Attachment] = []
    texts = [turn.text.strip()]
    findings = turn.findings
    for item, one in zip(turn.attachments, listened, strict=True):
        if one is None or one.native:
            items.append(item)
            continue
        if one.why:
            items.append(msgspec.structs.replace(item, problem=_DEAF if one.why == "deaf" else one.problem))
            continue
        spoken = msgspec.structs.replace(turn, text=one.text, findings=())
        if item.kind == "voice":
            spoken = cleaned(spoken, checks, run)
            findings = (*findings, *spoken.findings)
            if spoken.withheld:
                return msgspec.structs.replace(spoken, findings=findings)
            texts.append(spoken.text)
        items.append(msgspec.structs.replace(item, text=spoken.text, duration_s=item.duration_s or one.seconds))
    text = "\n\n".join(filter(None, texts))
    trigger = turn.trigger
    if trigger.get("kind") == "message" and text != turn.text:
        trigger = {**trigger, "text": text}
    return msgspec.structs.replace(turn, text=text, attachments=tuple(items), findings=findings, trigger=trigger)


def user_row(run: Run, turn: TurnInput, taint: tuple[str, ...]) -> TranscriptRow:
    """A person's message as later turns remember it: files by reference, never their bytes."""
    data: dict[str, Any] = {"attachments": msgspec.to_builtins(turn.attachments)} if turn.attachments else {}
    return TranscriptRow(
        session_id=run.session_id,
        run_id=run.id,
        role="user",
        text=turn.text,
        person_id=run.person_id,
        name=turn.sender_name,
        at=turn.now,
        message_id=turn.message_id,
        data=data | ({"taint": list(taint)} if taint else {}),
    )
