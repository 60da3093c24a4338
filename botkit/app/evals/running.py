"""Running evaluations: an instance on a stage in a folder of its own, and every case tried on it.

Cases that may not change anything share one instance, each try with a person and a conversation of its own. A case with
`writes: true` gets an instance for each try, so that what it changes is seen by nobody else.
"""

from __future__ import annotations

__all__ = ["Options", "open_stage", "run_evals", "staged_config"]

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botkit.app.environment import Environment
from botkit.app.evals.asking import JudgedAnswer, judge_answer
from botkit.app.evals.attempt import STRANGER, VISITOR, Performer, Seen, TurnSeen
from botkit.app.evals.cassette import Cassette, cassette_path
from botkit.app.evals.checking import check_routing, check_suite, check_tools, judge_of
from botkit.app.evals.expecting import Difference, differences
from botkit.app.evals.reports import CaseReport, EvalReport, RoutingResult, TryReport
from botkit.app.evals.stage import Mode, ModelUse, Stage, StagePlatforms, Try
from botkit.app.instance import Instance
from botkit.app.names import SANDBOX
from botkit.app.operations.teams import TeamOperations
from botkit.app.runtime import open_instance
from botkit.app.staging import Staging
from botkit.app.workflows import tools_of
from botkit.core.config import Config
from botkit.core.config.models.workspaces import RateLimits
from botkit.core.errors import BotkitError
from botkit.core.evals import Case, EvalSuite, Judged, Routing
from botkit.core.events import User
from botkit.core.models import Usage
from botkit.core.stores import CatalogRow
from botkit.gateway.keys import find_keys
from botkit.gateway.secrets import MemorySecrets
from botkit.store.glance import glance_at

_NOT_LENT = re.compile(r"^(person|member):")
_ACCOUNTS = "OAUTH_"
"""Tokens of connected accounts, which change with use: two holders would lock one another out."""


@dataclass(frozen=True, slots=True)
class Options:
    """How evaluations are run."""

    mode: Mode = ""
    repeat: int | None = None
    """Instead of what the files say."""
    jobs: int = 4
    """Conversations at once."""
    only_mocks: bool = False
    """No tool is called for real."""


Told = Callable[[CaseReport], None]


async def run_evals(
    environment: Environment,
    config: Config,
    chosen: Sequence[tuple[EvalSuite, Sequence[Case]]],
    routing: Sequence[Routing] = (),
    options: Options = Options(),
    *,
    told: Told | None = None,
) -> EvalReport:
    """Try these cases of these files.

    Args:
        told: hears of every case when it is done.

    Raises:
        ConfigError: a name is unknown to the configuration, or nothing was recorded.
    """
    started = time.perf_counter()
    for suite, _ in chosen:
        check_suite(config, suite)
    for one in routing:
        check_routing(config, one)
    cassettes = {suite.shown: _cassette(suite.path, options.mode) for suite, _ in chosen}
    cassettes |= {one.shown: _cassette(one.path, options.mode, needed=False) for one in routing}
    reports: list[CaseReport] = []
    routed: list[RoutingResult] = []
    stage = Stage()
    async with open_stage(environment, config, stage) as (instance, platforms):
        if options.mode != "play":
            await instance.models.preload()  # the first case would have it on its account
        tools = tools_of(await instance.store.catalog.load())
        for suite, _ in chosen:
            check_tools(suite, tools, config.servers)
        turn = asyncio.Semaphore(options.jobs)
        alone = asyncio.Semaphore(1)
        shared = _Shared(environment, config, stage, instance, platforms, options, turn, alone)
        for suite, cases in chosen:
            runner = _SuiteRunner(shared, suite, cassettes[suite.shown], judge_of(config, suite))
            reports += await asyncio.gather(*(runner.case(case, told) for case in cases))
        for one in routing:
            routed.append(await _route(instance, stage, one, cassettes[one.shown], options))  # noqa: PERF401 - one after the other
    written = _saved(chosen, routing, cassettes) if options.mode == "record" else ()
    return EvalReport.of(reports, routed, seconds=time.perf_counter() - started, recorded=written)


@asynccontextmanager
async def open_stage(
    environment: Environment, config: Config, stage: Stage
) -> AsyncGenerator[tuple[Instance, StagePlatforms]]:
    """An instance of its own, with the secrets of the real one; nothing of it is left afterwards.

    Raises:
        ConfigError, StoreError: it cannot be opened.
    """
    with tempfile.TemporaryDirectory(prefix="botkit-eval-") as folder:
        changed: dict[str, Any] = {"home": Path(folder), "database_url": None, "public_url": ""}
        changed["config"] = config.root / config.origin.main
        secrets, catalog = await _lent(environment)
        platforms = StagePlatforms(config.root)
        variables = dict(os.environ)
        if environment.master_key is not None:
            variables["BOTKIT_MASTER_KEY"] = environment.master_key.get_secret_value()
        staging = Staging(
            config=staged_config(config),
            secrets=secrets,
            keys=find_keys(environment.home if await secrets.list() else Path(folder), variables),
            model=stage.model,
            stand_in=stage.stand_in,
            http=stage.http,
            catalog=catalog,
        )
        own = environment.model_copy(update=changed)
        async with (
            open_instance(own, mode="chat", platforms=platforms, staging=staging) as instance,
            instance.live.watch() as events,
        ):
            stage.events, stage.redactor = events, instance.redactor
            yield instance, platforms


def staged_config(config: Config) -> Config:
    """What is only tried does nothing by itself, and has no budgets and quotas: cases have limits of their own, and
    many tries at once are no flood."""
    free = RateLimits(per_token_per_minute=None)
    workspaces = {name: one.model_copy(update={"rate_limits": free}) for name, one in config.workspaces.items()}
    return config.model_copy(update={"schedules": {}, "budgets": {}, "workspaces": workspaces})


async def _lent(environment: Environment) -> tuple[MemorySecrets, Sequence[CatalogRow]]:
    """The sealed secrets of the real instance, without those of people and connected accounts, and what its servers
    told of their tools."""
    lent, catalog = MemorySecrets(), list[CatalogRow]()
    url = environment.database_url.get_secret_value() if environment.database_url else None
    async with glance_at(environment.home, url) as glance:
        if glance is not None:
            catalog += await glance.catalog.load()
            for row in await glance.secrets.list():
                if not _NOT_LENT.match(row.scope) and not row.name.startswith(_ACCOUNTS):
                    await lent.put(row)
    return lent, catalog


def _cassette(path: Path, mode: Mode, *, needed: bool = True) -> Cassette | None:
    file = cassette_path(path)
    if mode == "play" and (needed or file.exists()):
        return Cassette.load(file)
    if mode == "record":
        return Cassette.load(file) if file.exists() else Cassette(file)
    return None


def _saved(
    chosen: Sequence[tuple[EvalSuite, Sequence[Case]]],
    routing: Sequence[Routing],
    cassettes: Mapping[str, Cassette | None],
) -> tuple[str, ...]:
    written: list[str] = []
    for suite, cases in chosen:
        cassette = cassettes[suite.shown]
        if cassette is not None and cassette.save(
            ran=[case.name for case in cases], cases=[case.name for case in suite.file.cases]
        ):
            written.append(str(cassette.path.name))
    for one in routing:
        cassette = cassettes[one.shown]
        if cassette is not None and cassette.save(ran=[one.team], cases=[one.team]):
            written.append(str(cassette.path.name))
    return tuple(written)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all tries have in common."""

    environment: Environment
    config: Config
    stage: Stage
    instance: Instance
    platforms: StagePlatforms
    options: Options
    turn: asyncio.Semaphore
    alone: asyncio.Semaphore
    """For instances beside the shared one."""


class _SuiteRunner:
    """Tries the cases of one file."""

    def __init__(self, shared: _Shared, suite: EvalSuite, cassette: Cassette | None, judge: str):
        self._shared = shared
        self._suite = suite
        self._cassette = cassette
        self._judge = judge

    async def case(self, case: Case, told: Told | None) -> CaseReport:
        """All tries of a case."""
        file, options = self._suite.file, self._shared.options
        repeat = options.repeat or case.repeat or file.repeat
        needed = case.pass_rate or file.pass_rate
        tries: tuple[TryReport, ...] = ()
        if not case.skip:
            tries = tuple(await asyncio.gather(*(self._guarded(case, number + 1) for number in range(repeat))))
        passed = sum(one.ok for one in tries)
        enough = passed >= needed * len(tries) - 1e-9
        stale = any(one.stale for one in tries)
        number = file.cases.index(case)
        report = CaseReport(
            file=self._suite.shown,
            at=self._suite.place("cases", number),
            name=case.name,
            bot=case.bot or file.bot or next(iter(self._shared.config.bots), ""),
            state="skipped" if case.skip else "stale" if stale else "passed" if enough else "failed",
            tags=(*file.tags, *case.tags),
            passed=passed,
            needed=needed,
            tries=tries,
            why=case.skip,
        )
        if told is not None:
            told(report)
        return report

    async def _guarded(self, case: Case, number: int) -> TryReport:
        shared = self._shared
        if not case.writes:
            async with shared.turn:
                return await self._try(case, number, shared.instance, shared.stage, shared.platforms)
        async with shared.alone:
            stage = Stage()
            stage.writes = True
            async with open_stage(shared.environment, shared.config, stage) as (instance, platforms):
                return await self._try(case, number, instance, stage, platforms)

    async def _try(
        self, case: Case, number: int, instance: Instance, stage: Stage, platforms: StagePlatforms
    ) -> TryReport:
        started = time.perf_counter()
        file, options, index = self._suite.file, self._shared.options, self._suite.file.cases.index(case)
        room = f"{self._suite.path.stem}-{index + 1}-{number}"
        one = Try(
            case=case.name,
            number=number,
            room=room,
            mocks={**file.tools, **case.tools},
            cassette=self._cassette,
            mode=options.mode if self._cassette is not None else "",
            writes=case.writes,
            only_mocks=options.only_mocks,
        )
        stage.enter(one)
        try:
            sender = await self._sender(case, room, instance)
            bot = case.bot or file.bot
            performer = Performer(instance, stage, platforms, one, case, bot=bot, sender=sender, judge=self._judge)
            seen = await performer.run()
            found, verdicts = await self._judged(case, index, seen, stage, one)
        finally:
            stage.leave(one)
        return TryReport(
            ok=not found and not one.stale,
            seconds=round(time.perf_counter() - started, 4),
            differences=tuple(found),
            verdicts=tuple(verdicts),
            seen=seen,
            usage=_sum(one.models),
            model_ms=round(sum(use.latency_ms for use in one.models), 3),
            beside=_sum(one.beside),
            stale=tuple(dict.fromkeys(one.stale)),
        )

    async def _judged(
        self, case: Case, index: int, seen: Seen, stage: Stage, one: Try
    ) -> tuple[list[Difference], list[JudgedAnswer]]:
        async def judge(wanted: Judged, turn: TurnSeen) -> JudgedAnswer:
            clock = self._shared.instance.clock
            return await judge_answer(stage, one, clock, wanted, model=self._judge, answer=turn.reply, about=turn.said)

        try:
            return await differences(self._suite, index, case, seen, judge)
        except BotkitError as error:
            at = self._suite.place("cases", index)
            return [Difference(what="judged", wanted="a verdict", came=str(error), at=at)], []

    async def _sender(self, case: Case, room: str, instance: Instance) -> str:
        """Who talks: somebody of bots.yaml, or a stranger nobody met, with roles."""
        file = self._suite.file
        person = case.person or (file.person if case.roles is None else None)
        if person is not None:
            return person
        roles = case.roles if case.roles is not None else file.roles
        known = await instance.store.people.resolve(SANDBOX, User(id=room, name=VISITOR))
        await instance.store.people.grant(known.id, (*roles, STRANGER))
        return room


async def _route(
    instance: Instance, stage: Stage, routing: Routing, cassette: Cassette | None, options: Options
) -> RoutingResult:
    mode = options.mode if cassette is not None else ""
    room = f"{routing.path.stem}-routing"
    one = Try(case=routing.team, number=1, room=room, mocks={}, cassette=cassette, mode=mode)
    stage.enter(one)
    try:
        report = await TeamOperations(instance).evaluate(team=routing.team, cases=routing.cases, trace_id=one.key)
    finally:
        stage.leave(one)
    ok = report.accuracy >= routing.at_least
    return RoutingResult(file=routing.shown, ok=ok, at_least=routing.at_least, report=report)


def _sum(uses: Sequence[ModelUse]) -> Usage:
    total = Usage()
    for one in uses:
        total += one.usage
    return total
