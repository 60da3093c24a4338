"""Recordings people send: given to a model that hears, else written down by one that transcribes."""

from __future__ import annotations

__all__ = ["Hearing", "Listened", "Why"]

from typing import TYPE_CHECKING, Literal

import msgspec
import structlog

from botkit.core.budgets import Amount, Charge
from botkit.core.data import Data
from botkit.core.errors import BotkitError, ModelError
from botkit.core.events import Attachment
from botkit.core.ids import new_id
from botkit.core.journal import AddUsage, ModelCall, SettleBudget, Write
from botkit.core.media import media_type
from botkit.core.models import Usage
from botkit.core.sound import guessed_seconds
from botkit.core.speech import Speech
from botkit.engine.effective import Effective
from botkit.engine.guards import guards_of
from botkit.engine.services import Services
from botkit.engine.turn import TurnInput
from botkit.runs.context import RunContext, StepScope
from botkit.runs.spending import payer_of_run

if TYPE_CHECKING:
    from botkit.core.config import Config

_log = structlog.get_logger("botkit.engine")

Why = Literal["", "deaf", "too_long", "nothing", "failed"]
"""`deaf`: no model here listens. `nothing`: no words were made out."""


class Listened(Data):
    """What became of one recording."""

    text: str = ""
    native: bool = False
    """The bot's own model gets it."""
    why: Why = ""
    """Why nobody heard it."""
    problem: str = ""
    """The same, as the end of a sentence."""
    language: str = ""
    seconds: float = 0.0
    model: str = ""
    usage: Usage = Usage()


class Hearing:
    """Listens to what came with a message."""

    def __init__(self, services: Services):
        self._s = services

    async def listen(
        self, ctx: RunContext, turn: TurnInput, this: Effective, config: Config, *, in_words: bool = False
    ) -> tuple[Listened | None, ...]:
        """One for each attachment; None for what is no sound, or was not fetched.

        Args:
            in_words: whoever reads it needs words, also where the bot's model hears.

        Raises:
            BudgetUsedUp: there is no money left to listen for.
        """
        in_words = in_words or bool(this.team or turn.workflow or guards_of(config, this.bot).input.active)
        return tuple(
            [
                await self._one(ctx, index, item, turn, this, config, in_words=in_words)
                for index, item in enumerate(turn.attachments)
            ]
        )

    async def _one(
        self,
        ctx: RunContext,
        index: int,
        item: Attachment,
        turn: TurnInput,
        this: Effective,
        config: Config,
        *,
        in_words: bool,
    ) -> Listened | None:
        if item.kind not in ("voice", "audio") or not item.file_id:
            return None
        settings, speech = config.settings.speech, self._s.speech
        if item.duration_s > settings.longest_s:
            return Listened(why="too_long", problem=f"it lasts longer than {settings.longest_s:g} seconds")
        if speech is None:
            return Listened(why="deaf")
        if settings.native and not in_words and speech.hears(this.model, media_type(item)):
            return Listened(native=True)
        model = settings.transcription
        if model is None:
            return Listened(why="deaf")

        async def work(scope: StepScope) -> Listened:
            return await self._transcribed(ctx, scope, speech, model, item, turn, this, config)

        return await ctx.step(f"files/{index}/heard", work, kind=Listened, name="transcription")

    async def _transcribed(
        self,
        ctx: RunContext,
        scope: StepScope,
        speech: Speech,
        model: str,
        item: Attachment,
        turn: TurnInput,
        this: Effective,
        config: Config,
    ) -> Listened:
        settings, workspace = config.settings.speech, this.bot.workspace
        try:
            data = await self._s.files.read(item.file_id)
        except BotkitError as error:
            return Listened(why="failed", problem=str(error))
        lasts_s = item.duration_s or guessed_seconds(len(data))
        charge = await reserved(ctx, scope.key, workspace, speech.listening_micros(model, lasts_s))
        try:
            heard = await speech.hear(
                model,
                data,
                name=item.name,
                mime=media_type(item),
                seconds=item.duration_s,
                language=_language(settings.language, turn.locale),
                timeout_s=settings.timeout_s,
                workspace=workspace,
            )
        except ModelError as error:
            _log.warning("recording_not_heard", run=ctx.run.id, model=model, code=error.code, detail=str(error))
            scope.write(*booked(self._s, ctx, scope.key, this, model, Usage(), charge, code=error.code))
            return Listened(why="failed", problem=f"transcription failed ({error.code})", model=model)
        took_ms = heard.latency_ms
        scope.write(*booked(self._s, ctx, scope.key, this, heard.model, heard.usage, charge, latency_ms=took_ms))
        found = Listened(
            text=heard.text, language=heard.language, seconds=heard.seconds, model=heard.model, usage=heard.usage
        )
        if not heard.text:
            return Listened(why="nothing", problem="no words were made out", model=heard.model, usage=heard.usage)
        return found


def _language(wanted: str, locale: str) -> str:
    """The language people speak there, as two letters; empty where it is not known."""
    tag = locale if wanted == "auto" else wanted
    code = tag.replace("_", "-").partition("-")[0].casefold()
    return code if len(code) == 2 else ""


# ── paying for sound ─────────────────────────────────────────────────────────────────────────────────────────


async def reserved(ctx: RunContext, step: str, workspace: str, micros: int) -> Charge | None:
    """Reserve what a call costs at most. Made anew for the same step it finds what was reserved.

    Raises:
        BudgetUsedUp: the call must not be made.
    """
    spending = ctx.spending
    if spending is None or not spending.active:
        return None
    payer = payer_of_run(ctx.run, workspace)
    return await spending.reserve_sound(payer, run_id=ctx.run.id, step=step, micros=micros)


def booked(
    services: Services,
    ctx: RunContext,
    step: str,
    this: Effective,
    model: str,
    usage: Usage,
    charge: Charge | None,
    *,
    latency_ms: float = 0.0,
    code: str = "",
) -> tuple[Write, ...]:
    """What to commit with the step of a call: its row of usage, and what its reservation becomes."""
    run = ctx.run
    row = ModelCall(
        id=new_id("mc"),
        at=services.clock.micros(),
        run_id=run.id,
        step=step,
        trace_id=run.trace_id,
        bot=run.bot,
        channel=run.channel,
        workspace=this.bot.workspace,
        person_id=run.person_id,
        model=model,
        usage=usage,
        latency_ms=latency_ms,
        code=code,
    )
    if charge is None:
        return (AddUsage(call=row),)
    settled = msgspec.structs.replace(charge, used=Amount(micros=usage.cost_micros))
    return (AddUsage(call=row), SettleBudget(charge=settled))
