"""The agent loop: ask the model, run the tools it asks for, until it answers or a limit ends the turn.

    turn/0/model          what the model wrote in round 0
    turn/0/tool/1         the second call of that round
    turn/0/tool/1/wait/0  the approval it needed
    turn/2/last           the answer without tools, at a limit
    compact               the summary of a history that had become too long

Each line is a journaled step, so the loop may be started again from the top after a crash or a pause and
arrives at the same place without asking twice.
"""

from __future__ import annotations

__all__ = ["AgentLoop", "LoopSettings"]

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from botkit.agents.asking import Asker, TimeUp
from botkit.agents.attached import unread_files
from botkit.agents.calls import CallOutcome, ToolCaller, distinct_ids
from botkit.agents.citing import sources_of_history, with_sources
from botkit.agents.colleagues import colleague_specs, handed_over
from botkit.agents.guarded import GuardedSink, GuardedTools, guarded
from botkit.agents.limits import Budget, Limit, RepeatGuard
from botkit.agents.policy import PolicyJudge
from botkit.agents.reading import ReadingList
from botkit.agents.record import TurnRecord
from botkit.agents.remembering import notes_to_keep, recalled
from botkit.agents.results import reader_of, shown
from botkit.agents.room import room_of, window_of
from botkit.agents.schemas import function_spec
from botkit.agents.structuring import Forbidden, cleaned, said, structured, with_output
from botkit.core.agent import AgentOutcome, AgentTask, ReplySink
from botkit.core.allowance import Allowance
from botkit.core.errors import BudgetUsedUp, ModelError, ModelRateLimited, ModelRefused
from botkit.core.journal import TranscriptRow
from botkit.core.models import Model, ModelReply, RequestedCall
from botkit.core.notebook import Notebook
from botkit.core.redact import NoRedaction, Redactor
from botkit.core.screening import streams
from botkit.core.structured import INVALID_OUTPUT, unfit
from botkit.core.taint import marked
from botkit.core.tools import ToolPort, arguments_digest
from botkit.runs.context import RunContext

_SHRINK = "compact"
_SHRINK_AGAIN = "compact/again"
_LAST_WORD = (
    "[note from the system: no more tool calls are possible in this turn, because {reason}. Answer the person now with "
    "what you have, and say what is still missing.]"
)
_EMPTY_NUDGE = "[note from the system: your answer was empty. Answer the person in words.]"


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What does not change from turn to turn."""

    repeat_allowed: int = 3
    """Identical calls in one turn that are run; one more is explained, the one after that ends the turn."""
    calls_per_round: int = 16
    """Calls in one answer of the model that are run; the others are refused with an explanation."""
    stored_result_chars: int = 4_000
    """Of one tool result that the next turn remembers."""
    input_expires_s: float = 15 * 60.0


class AgentLoop:
    """Answers messages with a model and tools. Fills the engine's `Agent` port."""

    def __init__(
        self,
        model: Model,
        tools: ToolPort,
        *,
        redactor: Redactor | None = None,
        settings: LoopSettings | None = None,
        notebook: Notebook | None = None,
    ):
        self.model = model
        self.tools = tools
        self.redactor = redactor or NoRedaction()
        self.settings = settings or LoopSettings()
        self.judge = PolicyJudge(model)
        self.notebook = notebook

    async def run(self, ctx: RunContext, task: AgentTask, sink: ReplySink) -> AgentOutcome:
        """Answer one message. Replayable: every effect is a step of `ctx`.

        Raises:
            Paused, Stopped: as the step context says.
            StoreError: the turn is tried again.
        """
        guards = task.guards
        loop = self._with_guarded_tools(task) if guards.tools.active else self
        if not streams(guards.output):
            task = msgspec.structs.replace(task, stream=False)
        turn = _Turn(loop, ctx, task, GuardedSink(sink, guards.output))
        outcome = await turn.run()
        leaving, group = turn.leaving(outcome), ctx.run.conversation_kind == "group"
        notes = await notes_to_keep(task, self.notebook, leaving, run_id=ctx.run.id, group=group)
        outcome = msgspec.structs.replace(with_sources(outcome, turn.sources), notes=notes)
        about = {"model": task.model, "bot": task.bot, "workspace": task.workspace}
        return await guarded(ctx, outcome, guards, self.judge, **about)

    def _with_guarded_tools(self, task: AgentTask) -> AgentLoop:
        tools = GuardedTools(self.tools, task.guards.tools, bot=task.bot)
        return AgentLoop(self.model, tools, redactor=self.redactor, settings=self.settings, notebook=self.notebook)


class _Turn:
    """One turn in progress."""

    def __init__(self, loop: AgentLoop, ctx: RunContext, task: AgentTask, sink: ReplySink):
        self._loop = loop
        self._settings = loop.settings
        self._ctx = ctx
        self._task = task
        self._budget = Budget(task)
        self._asker = Asker(ctx, task, loop.model, sink, self._budget)
        self._repeats = RepeatGuard(loop.settings.repeat_allowed, task.words)
        self._record = TurnRecord(ctx, loop.redactor, loop.settings.stored_result_chars)
        self._failed_rounds = 0
        self._seen: set[str] = set()
        """Ids of the files the model was given."""
        self.sources = sources_of_history(task.history)
        """What the model may cite: id → where it stands."""

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> AgentOutcome:
        task, port = self._task, self._loop.tools
        window = window_of(self._loop.model.window_tokens(task.model), task.max_output_tokens)
        self._room = room_of(task, task.max_context_tokens or window)
        kept = await recalled(self._ctx, task, self._loop.notebook, self._room.memory)
        tools = await port.list_tools(task.workspace, task.principal, room_tokens=self._room.tool_definitions)
        reader = await reader_of(port, task)
        self._caller = ToolCaller(
            self._ctx,
            task,
            port,
            [*tools, reader] if reader is not None else tools,
            input_expires_s=self._settings.input_expires_s,
        )
        self._caller.has_read(*kept.taint)
        self._reading = ReadingList(
            task,
            (*(function_spec(tool) for tool in tools), *colleague_specs(task)),
            self._room,
            reader=function_spec(reader) if reader is not None else None,
            notes=kept.text,
            stored_result_chars=self._settings.stored_result_chars,
            group=self._ctx.run.conversation_kind == "group",
        )
        try:
            if not self._reading.fits:
                await self._reading.shrink(_SHRINK, self._asker)
            if self._ctx.done(_SHRINK_AGAIN):  # a replay must read what the first execution read
                await self._reading.shrink_again(_SHRINK_AGAIN, self._asker)
            return await self._rounds()
        except TimeUp:
            return self._stopped_by(self._budget.time_up())
        except BudgetUsedUp as error:
            return self._used_up(error)
        except ModelError as error:
            return self._failed(error)

    @property
    def _taint(self) -> tuple[str, ...]:
        """Where what was read so far came from."""
        return self._caller.principal.taint

    def leaving(self, outcome: AgentOutcome) -> tuple[TranscriptRow, ...]:
        """Rows of the history that no later turn reads: summarised, or pushed out by what is new."""
        limit, history = self._task.history_limit, self._task.history
        pushed = max(0, len(history) + 1 + len(outcome.rows) - limit) if limit else 0
        gone = {row.seq for row in self._reading.left}
        return tuple(row for at, row in enumerate(history) if at < pushed or row.seq in gone)

    async def _rounds(self) -> AgentOutcome:
        while True:
            limit = self._budget.exceeded()
            if limit is not None:
                return self._stopped_by(limit)
            number = self._budget.rounds
            reply = await self._ask(f"turn/{number}/model")
            if not reply.calls:
                return await self._answered(number, reply)
            if (given := handed_over(self._task, reply.calls)) is not None:
                return msgspec.structs.replace(self._outcome("completed", given[1]), hand_over=given[0], rows=())
            # a call over a spent budget would be made without anybody left to read its result
            limit = self._budget.exceeded()
            if limit is not None:
                return self._stopped_by(limit, said=reply.text)
            if number >= self._task.max_iterations:
                return await self._last_word(self._budget.rounds_up())
            limit = await self._run_calls(number, reply)
            self._budget.rounds += 1
            self._climb_after_failures(number)
            if limit is not None:
                return await self._last_word(limit)

    async def _ask(self, key: str, *, final: bool = False, note: str = "") -> ModelReply:
        """One model call; once more with less history when the provider finds it too long."""
        try:
            return await self._ask_once(key, final=final, note=note)
        except ModelRefused as error:
            again = error.facts.get("too_long") and self._reading.has_history and not self._ctx.done(_SHRINK_AGAIN)
            if not again:
                raise
        await self._reading.shrink_again(_SHRINK_AGAIN, self._asker)
        return await self._ask_once(key, final=final, note=note)

    async def _ask_once(self, key: str, *, final: bool, note: str) -> ModelReply:
        reading = self._reading
        reply = await self._asker.ask(
            key,
            reading.messages(note),
            tools=reading.specs,
            estimated=reading.estimated(),
            final=final,
            stable_chars=reading.stable_chars,
        )
        self._seen.update(reply.seen)
        return reply

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────

    async def _run_calls(self, number: int, reply: ModelReply) -> Limit | None:
        """Run one round's calls side by side. Returns the limit that its repetitions reached, if any."""
        calls = distinct_ids(reply.calls)
        outcomes: list[CallOutcome | None] = [None] * len(calls)
        first_of: dict[str, int] = {}
        twin_of: dict[int, int] = {}
        work: list[Coroutine[Any, Any, tuple[int, CallOutcome]]] = []
        left = self._budget.left(among=sum(self._caller.asks(call) for call in calls))
        limit: Limit | None = None
        for index, call in enumerate(calls):
            read = self._caller.read(call, truncated=reply.finish == "length")
            if isinstance(read, CallOutcome):
                outcomes[index] = read
                continue
            digest = arguments_digest(call.name, read)
            if digest in first_of:
                twin_of[index] = first_of[digest]
                continue
            first_of[digest] = index
            verdict = "tell" if len(work) >= self._settings.calls_per_round else self._repeats.count(digest)
            if verdict == "run":
                work.append(self._one_call(f"turn/{number}/tool/{index}", index, call, read, left))
                continue
            outcomes[index] = self._not_run(call, read, digest, crowded=len(work) >= self._settings.calls_per_round)
            if verdict == "stop":
                limit = self._repeats.limit(call.name)
        for index, outcome in await self._ctx.gather(*work):
            outcomes[index] = outcome
        for index, twin in twin_of.items():
            original = outcomes[twin]
            assert original is not None  # every first call got its outcome above
            outcomes[index] = msgspec.structs.replace(original, call=calls[index])
        self._record_round(reply, [outcome for outcome in outcomes if outcome is not None])
        return limit

    async def _one_call(
        self, key: str, index: int, call: RequestedCall, arguments: dict[str, Any], left: Allowance
    ) -> tuple[int, CallOutcome]:
        return index, await self._caller.run(key, call, arguments, left=left)

    def _not_run(self, call: RequestedCall, arguments: dict[str, Any], digest: str, *, crowded: bool) -> CallOutcome:
        if crowded:
            text = f"Not run: at most {self._settings.calls_per_round} calls at once. Ask again for what is missing."
        else:
            times = self._settings.repeat_allowed
            text = (
                f"Not run: you have made exactly this call {times} times in this turn. Use the results above, "
                "change the arguments, or answer the person."
            )
        return CallOutcome(call=call, arguments=arguments, digest=digest, text=text, ok=False)

    def _record_round(self, reply: ModelReply, outcomes: Sequence[CallOutcome]) -> None:
        """Add one round to what the model reads next, to the transcript and to the trace."""
        asked, sources = self._record.round(reply.text, outcomes, self._taint)
        self.sources |= sources
        self._reading.add_round(reply.text, asked, [shown(one.call, one.text, one.ref, self._room) for one in outcomes])
        for outcome in outcomes:
            self._budget.usage += outcome.usage
        self._budget.spent_ms += max((outcome.duration_ms for outcome in outcomes), default=0.0)
        self._failed_rounds = 0 if any(outcome.ok for outcome in outcomes) else self._failed_rounds + 1
        self._caller.were_read(outcomes)

    def _climb_after_failures(self, number: int) -> None:
        """A model whose calls fail round after round is relieved by a stronger one."""
        most = self._asker.climb.failed_rounds
        if most and self._failed_rounds >= most and self._asker.escalate("tool_failures", f"turn/{number}/model"):
            self._failed_rounds = 0

    # ── endings ──────────────────────────────────────────────────────────────────────────────────────────

    async def _answered(self, number: int, reply: ModelReply) -> AgentOutcome:
        """The model answered in words, or should have: silence is asked about once, then admitted."""
        if not reply.text.strip() and reply.finish != "filtered" and self._budget.exceeded() is None:
            reply = await self._ask(f"turn/{number}/again", final=True, note=_EMPTY_NUDGE)
        text, words = reply.text.strip(), self._task.words
        if reply.finish == "filtered" and not text:
            error = {"code": "model_filtered", "message": "the model provider's filter stopped the answer"}
            return self._outcome("failed", words.model_filtered, error)
        if not text:
            error = {"code": "model_empty", "message": "the model answered nothing"}
            return self._outcome("failed", words.model_empty, error)
        if self._task.output_schema is not None:
            return await self._structured(number, reply)
        if reply.finish == "length":
            text += f"\n\n*{words.answer_cut}*"
        return self._outcome("completed", text + self._unread())

    def _unread(self) -> str:
        """What the person is told of files that neither the model nor a tool has looked into."""
        if not self._task.says_unread or not self._task.attachments:
            return ""
        arguments = " ".join(str(trace.arguments) for trace in self._record.traces)
        names = unread_files(self._task.attachments, self._seen, arguments)
        return f"\n\n*{self._task.words.not_read.format(files=', '.join(names))}*" if names else ""

    async def _structured(self, number: int, reply: ModelReply) -> AgentOutcome:
        """The answer as an object, or why there is none; what was said and used is kept either way."""
        reading = self._reading
        try:
            found = await structured(
                self._asker,
                self._task,
                self._budget,
                number,
                reply,
                messages=reading.messages(),
                tools=reading.specs,
                estimated=reading.estimated(),
                stable_chars=reading.stable_chars,
            )
        except Forbidden as error:
            return self._stopped_by(error.limit)
        if found.answer.wrong:
            wrong = list(found.answer.wrong)
            error = {"code": INVALID_OUTPUT, "message": unfit(wrong), "problems": wrong}
            outcome = self._outcome("failed", self._task.words.model_empty, error)
            return with_output(outcome, raw=self._loop.redactor.text(found.reply.text))
        outcome = self._outcome("completed", said(self._task, found.answer.data))
        return with_output(outcome, data=cleaned(self._loop.redactor, found.answer.data))

    async def _last_word(self, limit: Limit) -> AgentOutcome:
        """One more model call, without tools, so that the person gets an answer instead of an excuse."""
        number = self._budget.rounds
        try:
            reply = await self._ask(f"turn/{number}/last", final=True, note=_LAST_WORD.format(reason=limit.sentence))
        except (ModelError, TimeUp, BudgetUsedUp):
            return self._stopped_by(limit)
        return self._stopped_by(limit, answer=reply.text.strip())

    def _stopped_by(self, limit: Limit, *, answer: str = "", said: str = "") -> AgentOutcome:
        error = {"code": "limit_reached", "message": limit.sentence, "limit": limit.name, "value": limit.value}
        text = answer or "\n\n".join(filter(None, [said.strip(), self._record.excuse(limit, self._task.words)]))
        return self._outcome("limit_reached", text, error)

    def _used_up(self, error: BudgetUsedUp) -> AgentOutcome:
        """The engine says it in the person's language; this is what later turns remember."""
        facts = {"code": error.code, "message": str(error), **error.facts}
        return self._outcome("limit_reached", "(No answer: the budget for this is used up.)", facts)

    def _failed(self, error: ModelError) -> AgentOutcome:
        if isinstance(error, ModelRateLimited):
            text = self._task.words.model_busy
        elif isinstance(error, ModelRefused):
            text = self._task.words.model_refused
        else:
            text = self._task.words.model_unreachable
        return self._outcome("failed", text, {"code": error.code, "message": str(error)})

    def _outcome(self, state: Any, text: str, error: dict[str, Any] | None = None) -> AgentOutcome:
        text = self._loop.redactor.text(text)
        self._record.say("assistant", text, self._taint)
        return AgentOutcome(
            state=state,
            text=text,
            rows=tuple(self._record.rows),
            usage=self._budget.usage,
            breakdown=self._asker.meter.result(),
            calls=tuple(self._record.traces),
            iterations=self._budget.rounds,
            model=self._asker.answered_by,
            output={"escalations": climbed} if (climbed := self._asker.climb.trace()) else {},
            error=error,
            summary=marked(self._reading.summary, self._taint) if self._reading.summary_seq else "",
            summary_seq=self._reading.summary_seq,
            taint=self._taint,
            worked_ms=self._budget.spent_ms,
        )
