"""Turns of a team: who answers, what its members ask of one another, and one conversation for the person.

route/0        who answers first
m/0/…          the steps of that member
route/1        whom it handed over to, a team inside the team perhaps
m/1/…
"""

from __future__ import annotations

__all__ = ["TeamTurns", "colleagues_of", "request_of"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from botkit.core.agent import AgentOutcome, AgentTask, ReplySink
from botkit.core.allowance import Allowance, least
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.events import Conversation
from botkit.core.journal import Run, TranscriptRow
from botkit.core.live import LiveEvent
from botkit.core.models import Usage
from botkit.core.taint import joined
from botkit.core.teams import Colleague, Delegated, Routed, RouteRequest, RouteRule
from botkit.core.tools import Principal
from botkit.engine.effective import Effective, effective
from botkit.engine.services import Services
from botkit.engine.turn import TurnInput, note_keys, task_of
from botkit.engine.workflow_runs import answer_of, workflow_task
from botkit.runs.context import RunContext

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.config.models import Team

_DEPTH_LIMIT = 5
_SAID_ROWS = 6
_SAID_CHARS = 400
_GRAPH = "graph"


class _Pinned(Data):
    hash: str


@dataclass(frozen=True, slots=True)
class _Given:
    """What every member of one turn works from."""

    run: Run
    turn: TurnInput
    config: Config
    roles: tuple[str, ...]
    history: Sequence[TranscriptRow]
    conversation: Conversation
    sink: ReplySink


class _Unheard:
    """What a member writes for a colleague, the person does not read."""

    async def write(self, text: str) -> None:
        return

    async def restart(self) -> None:
        return


class TeamTurns:
    """Lets the right member answer."""

    def __init__(self, services: Services):
        self._s = services

    async def answer(
        self,
        ctx: RunContext,
        this: Effective,
        turn: TurnInput,
        config: Config,
        roles: tuple[str, ...],
        history: Sequence[TranscriptRow],
        conversation: Conversation,
        sink: ReplySink,
    ) -> AgentOutcome:
        """One message of a person to a team. Replayable."""
        given = _Given(ctx.run, turn, config, roles, history, conversation, sink)
        ctx.delegate = self._delegation(given)
        top = config.teams[this.slug]
        team, member, told, path = this.slug, "", "", list[Routed]()
        usage, taint = Usage(), ()
        hops = 0
        while True:
            routed, team, member = await self._member(ctx, given, team, member, hops, path)
            usage += routed
            outcome = await self._run_member(ctx.under(f"m/{hops}/"), given, team, member, told, taint)
            taint = joined(taint, outcome.taint)
            usage += outcome.usage
            if not outcome.hand_over:
                break
            if hops >= top.max_hops:
                error = {"code": "hops", "message": "the members handed the person over too often"}
                return self._told(AgentOutcome(state="failed", text="", error=error), member, path, usage)
            hops, told = hops + 1, outcome.text
            member = outcome.hand_over
            path.append(Routed(member=member, by="hand_over", reason=told[:200]))
        return self._told(outcome, member, path, usage)

    def _told(self, outcome: AgentOutcome, member: str, path: Sequence[Routed], usage: Usage) -> AgentOutcome:
        """The outcome with who spoke and how the message got there."""
        rows = tuple(
            msgspec.structs.replace(row, data={**row.data, "bot": member}) if row.role == "assistant" else row
            for row in outcome.rows
        )
        routes = [msgspec.to_builtins(msgspec.structs.replace(one, usage=Usage(), ms=0.0)) for one in path]
        output = {**outcome.output, "member": member, "routes": routes}
        return msgspec.structs.replace(outcome, rows=rows, output=output, usage=usage)

    # ── who ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _member(
        self, ctx: RunContext, given: _Given, team: str, member: str, hops: int, path: list[Routed]
    ) -> tuple[Usage, str, str]:
        """(usage, team, bot): the bot that answers next; teams inside teams are gone through to the bottom."""
        usage = Usage()
        for depth in range(_DEPTH_LIMIT + 1):
            if member and member not in given.config.teams:
                return usage, team, member
            if depth == _DEPTH_LIMIT:
                raise NotFound(f"the teams in `{team}` lie more than {_DEPTH_LIMIT} deep")
            team = member or team
            key = f"route/{hops}" if not depth else f"route/{hops}/{depth}"
            routed = await self._s.router.route(ctx, key, self._request(given, team))
            usage += routed.usage
            path.append(routed)
            member = routed.member
            self._show(given.run, team, routed)
        return usage, team, member

    def _request(self, given: _Given, name: str) -> RouteRequest:
        config, team = given.config, given.config.teams[name]
        request = request_of(config, name)
        spoke = next((str(row.data["bot"]) for row in reversed(given.history) if row.data.get("bot")), "")
        current = _holder(config, team, spoke) if team.sticky and spoke else ""
        said = [
            f"{row.name or row.role}: {row.text[:_SAID_CHARS]}"
            for row in given.history
            if row.role in ("user", "assistant") and row.text
        ]
        return msgspec.structs.replace(
            request,
            text=given.turn.text,
            person_id=given.run.person_id,
            command=str(given.turn.trigger.get("command") or ""),
            current=current if any(one.name == current for one in request.members) else "",
            said=tuple(said[-_SAID_ROWS:]),
        )

    def _show(self, run: Run, team: str, routed: Routed) -> None:
        data = {"team": team, "member": routed.member, "by": routed.by, "confidence": routed.confidence}
        self._s.live.publish(LiveEvent(kind="route", conversation=run.conversation, run_id=run.id, data=data))

    # ── answering ────────────────────────────────────────────────────────────────────────────────────────

    async def _run_member(
        self, ctx: RunContext, given: _Given, team: str, member: str, told: str, taint: tuple[str, ...]
    ) -> AgentOutcome:
        """Let a member answer the person, with what those before it have read."""
        this = effective(given.config, given.conversation, member)
        run = msgspec.structs.replace(given.run, bot=member)
        turn = given.turn
        if told:
            note = f"A colleague passed this person on to you and says: {told}"
            turn = msgspec.structs.replace(turn, note="\n".join(filter(None, [turn.note, note])))
        if this.bot.workflow:
            return await self._by_workflow(ctx, given, run, turn, this, taint=taint)
        task = task_of(run, turn, this, given.config, given.roles, given.history)
        others = tuple(one for one in colleagues_of(given.config, given.config.teams[team]) if one.name != member)
        hops = given.config.teams[given.run.bot].max_hops
        principal = msgspec.structs.replace(task.principal, taint=joined(task.principal.taint, taint))
        notes = note_keys(run, member, team, given.run.bot) if task.notes else ()
        task = msgspec.structs.replace(task, principal=principal, colleagues=others, max_hops=hops, notes=notes)
        return await self._s.agent.run(ctx, task, given.sink)

    async def _by_workflow(
        self,
        ctx: RunContext,
        given: _Given,
        run: Run,
        turn: TurnInput,
        this: Effective,
        *,
        taint: tuple[str, ...] = (),
        asked: tuple[Principal, Allowance] | None = None,
    ) -> AgentOutcome:
        """
        Args:
            taint: what those before it have read.
            asked: on whose behalf, and with what is left, when a colleague wants to know.
        """
        workflows = self._s.workflows
        assert workflows is not None, "a revision with workflows runs where there is a runner"
        pinned = await workflows.plan_hash(run.revision, str(this.bot.workflow))
        if ctx.done(_GRAPH):
            pinned = (await ctx.step(_GRAPH, _never, kind=_Pinned)).hash
        else:
            ctx.record(_GRAPH, _GRAPH, _Pinned(hash=pinned))
        said = {"kind": "message", "name": run.channel, "text": turn.text, **turn.trigger}
        turn = msgspec.structs.replace(turn, workflow=str(this.bot.workflow), graph_hash=pinned, trigger=said)
        task = workflow_task(run, turn, this, given.config, given.roles, given.history, given.conversation)
        principal, allowance = asked or (task.principal, task.allowance)
        principal = msgspec.structs.replace(principal, taint=joined(task.principal.taint, principal.taint, taint))
        task = msgspec.structs.replace(task, principal=principal, allowance=allowance)
        return answer_of(await workflows.run(ctx, task), run, self._s.clock.micros())

    # ── asking one another ───────────────────────────────────────────────────────────────────────────────

    def _delegation(self, given: _Given):
        async def delegate(
            ctx: RunContext, caller: AgentTask, member: str, question: str, time_left_s: float
        ) -> Delegated:
            chain = (*caller.principal.via, caller.bot)
            if len(chain) > caller.max_hops:
                return Delegated(text=f"Colleagues have asked one another {caller.max_hops} times already.", ok=False)
            if member in chain:
                return Delegated(text=_waiting(member), ok=False)
            return await self._asked(ctx, given, caller, chain, member, question, time_left_s)

        return delegate

    async def _asked(
        self,
        ctx: RunContext,
        given: _Given,
        caller: AgentTask,
        chain: tuple[str, ...],
        member: str,
        question: str,
        time_left_s: float,
    ) -> Delegated:
        """A member answers a colleague: for the same person, with no more rights, time and money than are left."""
        usage, member = await self._bot_of(ctx, given, chain, member, question)
        if member in chain:
            return Delegated(text=_waiting(member), ok=False, usage=usage)
        try:
            this = effective(given.config, given.conversation, member)
        except NotFound as error:
            return Delegated(text=str(error), ok=False, usage=usage)
        run = msgspec.structs.replace(given.run, bot=member)
        asked_by = given.config.bots[caller.bot].name or caller.bot if caller.bot in given.config.bots else caller.bot
        person = given.turn.sender_name or "a person"
        note = f"Your colleague {asked_by} asks this on behalf of {person}; answer to your colleague."
        turn = msgspec.structs.replace(given.turn, text=question, attachments=(), note=note, message_id="")
        principal = msgspec.structs.replace(caller.principal, bot=member, via=chain)
        if this.bot.workflow:
            left = Allowance(
                time_s=max(1.0, time_left_s), cost_micros=caller.max_cost_micros, tokens=caller.max_turn_tokens
            )
            began = self._s.clock.monotonic()
            outcome = await self._by_workflow(ctx, given, run, turn, this, asked=(principal, left))
            worked_ms = (self._s.clock.monotonic() - began) * 1000
            outcome = msgspec.structs.replace(outcome, worked_ms=worked_ms)
        else:
            task = task_of(run, turn, this, given.config, given.roles, ())
            others = tuple(one for one in caller.colleagues if one.name not in (*chain, member))
            task = msgspec.structs.replace(
                task,
                principal=principal,
                colleagues=others,
                max_hops=caller.max_hops,
                timeout_s=max(1.0, min(task.timeout_s, time_left_s)),
                max_cost_micros=least(task.max_cost_micros, caller.max_cost_micros),
                max_turn_tokens=least(task.max_turn_tokens, caller.max_turn_tokens),
                stream=False,
            )
            outcome = await self._s.agent.run(ctx, task, _Unheard())
        text = outcome.text or str(outcome.output.get("text") or "")
        ok = outcome.state == "completed"
        return Delegated(
            text=text, ok=ok, bot=member, usage=usage + outcome.usage, ms=outcome.worked_ms, taint=outcome.taint
        )

    async def _bot_of(
        self, ctx: RunContext, given: _Given, chain: tuple[str, ...], member: str, question: str
    ) -> tuple[Usage, str]:
        """Who of a team is asked, through teams inside it; and what the choice took."""
        usage = Usage()
        for depth in range(_DEPTH_LIMIT):
            if member not in given.config.teams:
                break
            request = self._request(given, member)
            free = tuple(one for one in request.members if one.name not in chain) or request.members
            default = next((one.name for one in free if one.name == request.default), free[0].name)
            request = msgspec.structs.replace(
                request, members=free, default=default, text=question, current="", said=()
            )
            routed = await self._s.router.route(ctx, f"route/{depth}" if depth else "route", request)
            usage, member = usage + routed.usage, routed.member
        return usage, member


def _waiting(member: str) -> str:
    return f"{member} is waiting for this answer; ask somebody else."


async def _never(scope: object) -> _Pinned:
    raise AssertionError("a finished step does not run")


def request_of(config: Config, name: str) -> RouteRequest:
    """What the choice of a team depends on besides the message."""
    team = config.teams[name]
    return RouteRequest(
        team=name,
        members=colleagues_of(config, team),
        default=team.default,
        text="",
        rules=tuple(
            RouteRule(member=rule.member, contains=tuple(rule.contains), regex=rule.regex, command=rule.command)
            for rule in team.router.rules
        ),
        model=team.router.model or "",
        workspace=_workspace_of(config, name),
        note=team.router.prompt,
        min_confidence=team.router.min_confidence,
    )


def _workspace_of(config: Config, team: str) -> str:
    """On whose behalf a team is asked before a member was chosen: that of its default member."""
    seen: set[str] = set()
    name = team
    while name in config.teams and name not in seen:
        seen.add(name)
        name = config.teams[name].default
    bot = config.bots.get(name)
    return bot.workspace if bot is not None else ""


def colleagues_of(config: Config, team: Team) -> tuple[Colleague, ...]:
    """Members as others see them; those that are switched off are left out."""
    found: list[Colleague] = []
    for member in team.members:
        bot, inner = config.bots.get(member.bot), config.teams.get(member.bot)
        if bot is not None and not bot.enabled:
            continue
        described = bot.description if bot is not None else inner.description if inner is not None else ""
        examples = (*member.examples, *(bot.examples if bot is not None else ()))
        found.append(Colleague(name=member.bot, description=member.description or described, examples=tuple(examples)))
    return tuple(found)


def _holder(config: Config, team: Team, bot: str) -> str:
    """The member of a team that a bot is, or is in."""
    for member in team.members:
        inner = config.teams.get(member.bot)
        if member.bot == bot or (inner is not None and _holder(config, inner, bot)):
            return member.bot
    return ""
