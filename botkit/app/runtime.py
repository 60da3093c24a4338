"""Building an instance: every object made once, joined, started and stopped in order.

environment → bots.yaml → database → secrets → gateway → model → agent → channels → engine
"""

from __future__ import annotations

__all__ = ["open_instance"]

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from dotenv import dotenv_values

from botkit.agents.kept_answers import KeptAnswers
from botkit.agents.loop import AgentLoop
from botkit.agents.models import Models
from botkit.agents.speech import SpeechModels
from botkit.agents.team_router import TeamRouter
from botkit.app.approval_mail import ApprovalMail, DecisionLinks
from botkit.app.budgets import BudgetDesk, Warned
from botkit.app.channels import ChannelManager, Platforms
from botkit.app.channels.host import HostServices, channel_keys
from botkit.app.configs import ConfigBook
from botkit.app.control.path import socket_path
from botkit.app.control.server import ControlServer
from botkit.app.conversing import conversed
from botkit.app.delivery import Deliveries
from botkit.app.documents import SentDocuments
from botkit.app.embedding import EmbeddingDesk
from botkit.app.environment import Environment
from botkit.app.gateway_settings import gateway_settings
from botkit.app.home import Home
from botkit.app.http.metrics import MeteredCallLog, MeteredJournal, Metrics
from botkit.app.http.shared_files import FileLinks
from botkit.app.identity_desk import Codes
from botkit.app.instance import Instance
from botkit.app.knowledge import Library
from botkit.app.knowledge_watch import KnowledgeWatch
from botkit.app.model_gate import ModelGate
from botkit.app.names import SANDBOX, Mode
from botkit.app.operations import Operations
from botkit.app.outreach import InstanceOutreach
from botkit.app.own_tools import InstanceTools
from botkit.app.run_files import RunFiles
from botkit.app.staging import NoDeliveries, Staging
from botkit.app.tasks import TaskOwner
from botkit.app.tracing import Spans, set_up_tracing
from botkit.app.vault import ProcessVault
from botkit.app.workflow_actions import InstanceActions
from botkit.app.workflow_running import InstanceWorkflows
from botkit.app.workflows import load_project
from botkit.core.clock import Clock, SystemClock
from botkit.core.config import Config
from botkit.core.errors import ConfigError
from botkit.core.events import Conversation, Event
from botkit.core.journal import Journal, Write
from botkit.core.live import LiveHub
from botkit.core.models import Model
from botkit.core.notebook import Notebook
from botkit.core.recall import Recalled
from botkit.core.stores import FileStore, PairingStore, People, Records
from botkit.core.tools import Principal, Tool
from botkit.engine import COMMANDS, TRANSLATED_COMMANDS, Engine
from botkit.engine.by_mail import MAIL
from botkit.gateway.access.desk import AccessDesk
from botkit.gateway.approvals import CallDesk
from botkit.gateway.connect import Connections
from botkit.gateway.fleet import Fleet
from botkit.gateway.keys import find_keys
from botkit.gateway.payloads import PayloadBook, PayloadRecorder
from botkit.gateway.pipeline import Gateway
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.remote.oauth import OAuth
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.settings import ServerSettings
from botkit.store.open import Store, open_store

_SERVERS_READY_S = 15.0
"""How long a start waits for tool servers that never told their tools, so that the first message finds them."""


@asynccontextmanager
async def open_instance(
    environment: Environment,
    *,
    mode: Mode,
    actor: str = "operator",
    clock: Clock | None = None,
    platforms: Platforms | None = None,
    spans: Spans | None = None,
    staging: Staging | None = None,
) -> AsyncGenerator[Instance]:
    """Everything that `mode` asks for, running; stopped in order when the block ends.

    Args:
        actor: who starts it, for the record of the revision that begins to run.
        spans: where traces go; as the environment says when None.
        staging: what it is only tried with; then no traces leave either.

    Raises:
        ConfigError: bots.yaml is wrong and nothing ran before.
        StoreError: the database cannot be used, or another process owns it.
        SecretError: the master key does not open the stored secrets.
    """
    clock = clock or SystemClock()
    _read_env_file(environment)
    home = Home(environment.home)
    read = staging.config if staging is not None else None
    if read is None:
        read = await asyncio.to_thread(_preview, environment, must_load=mode != "command" and not home.exists)
    home.create()
    url = environment.database_url.get_secret_value() if environment.database_url else None
    synchronous = read.settings.synchronous if read is not None else "full"
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(home.path, url, clock=clock, synchronous=synchronous))
        for row in staging.catalog if staging is not None else ():
            await store.catalog.save(row)
        configs = ConfigBook(environment.config, store.revisions, clock, store.catalog)
        if mode == "command":
            await configs.peek(read=read)
        else:
            await configs.start(actor=actor, read=read)
        tasks = await stack.enter_async_context(TaskOwner())
        traced = mode != "command" and spans is None and staging is None
        tracing = set_up_tracing(os.environ) if traced else None
        if tracing is not None:
            spans = tracing[0]
            stack.push_async_callback(asyncio.to_thread, tracing[1])  # what is still to be sent is sent
        given = _Given(environment, home, mode, clock, tasks, store, configs, spans, staging)
        instance = _join(given, platforms or Platforms())
        await stack.enter_async_context(_resting(instance) if mode == "command" else _running(instance))
        yield instance


@dataclass(frozen=True, slots=True)
class _Given:
    """What the rest is built from."""

    environment: Environment
    home: Home
    mode: Mode
    clock: Clock
    tasks: TaskOwner
    store: Store
    configs: ConfigBook
    spans: Spans | None
    staging: Staging | None


@dataclass(frozen=True, slots=True)
class _EngineStore:
    """The stores as the engine gets them: with a journal that counts."""

    journal: Journal
    people: People
    pairing: PairingStore
    records: Records
    files: FileStore


def _join(given: _Given, platforms: Platforms) -> Instance:
    """Make every object, start none."""
    environment, home, clock, store, configs = given.environment, given.home, given.clock, given.store, given.configs
    live, redactor, metrics = LiveHub(), SecretRedactor(environment.own_secrets()), Metrics()
    spans, staging = given.spans, given.staging

    def prices(model: str) -> tuple[float, float]:
        return models.prices(model)

    async def budget_low(low: Warned) -> None:
        await engine.warn_of_budget(low.balance, low.run_id)

    budgets = BudgetDesk(
        store.budgets,
        clock,
        config=lambda: configs.current,
        prices=prices,
        unpriced=lambda model: models.unpriced(model),
        spawn=given.tasks.spawn,
        warn=budget_low,
        count=metrics.count_budget,
    )
    call_log = MeteredCallLog(store.calls, metrics, budgets.before_call(spans.call if spans is not None else None))
    keys = staging.keys if staging is not None else find_keys(home.path, os.environ)
    payloads = PayloadBook(store.payloads, keys)
    sealed = staging.secrets if staging is not None else store.secrets
    vault = ProcessVault(sealed, keys, redactor, clock, payloads=payloads)
    notebook = Notebook(store.notes, clock, redactor, lambda: configs.current.settings.memory.redact)
    models = Models(lambda: configs.current.models, vault.for_workspace, clock, read_file=store.files.read)
    gate = ModelGate(models, lambda: configs.current.settings.max_parallel_model_calls)

    async def book(writes: Sequence[Write]) -> None:
        await metered.commit(None, writes)

    # on a stage knowledge is found by words alone: nothing is asked of a model that no case knows of
    embedding = EmbeddingDesk(gate, budgets, clock, book) if staging is None else None
    library = Library(home.path, configs, clock, embedding)
    fleet = Fleet(vault=vault, redactor=redactor, clock=clock, store=store.catalog, data_folder=home.path / "servers")

    async def wake(lane: str) -> None:
        await engine.lanes.wake(lane)

    async def name_of(member_id: str) -> str:
        member = await store.members.get(member_id)
        return member.name if member is not None else ""

    call_desk = CallDesk(
        store.call_approvals,
        clock,
        ttl_s=lambda: configs.current.settings.approvals.timeout_s,
        wake=wake,
        name_of=name_of,
    )
    access = AccessDesk(store.members, clock, workspaces=lambda: configs.current.workspaces)

    async def find_tool(workspace: str, principal: Principal, name: str) -> Tool | None:
        return await gateway.find_tool(workspace, principal, name)

    gateway = Gateway(
        fleet,
        redactor=redactor,
        clock=clock,
        limiter=store.limiter if store.shared else None,
        counters=store.counters,
        approvals=call_desk,
        call_log=call_log,
        relay_trace=spans is not None,
        files=RunFiles(store.records, store.files),
        recorder=PayloadRecorder(keys, redactor),
        own=InstanceTools(notebook, library, store.journal, find_tool),
        verified=lambda person_id: store.verifications.of(person_id, now=clock.micros()),
        spending=budgets,
        stand_in=staging.stand_in if staging is not None else None,
    )

    def base_url() -> str:
        return instance.base_url()

    def find_server(name: str) -> ServerSettings | None:
        return next((one for one in fleet.settings.servers if one.name == name), None)

    seal = Sealer(keys, lambda: clock.micros() / 1_000_000)
    delivering = NoDeliveries if staging is not None else Deliveries
    deliveries = delivering(lambda: configs.current.settings, vault, vault.instance, clock)
    codes = Codes(keys, seal, deliveries, store.verifications, store.limiter, clock, base_url)
    decision_links = DecisionLinks(seal, store.journal, lambda: configs.current, clock, base_url)
    oauth = fleet.pool.oauth = OAuth(vault, seal, redactor, clock, base_url)
    connections = Connections(vault, seal, oauth, clock, base_url, find_server)
    fleet.pool.not_connected = connections.not_connected
    kept = KeptAnswers(gate, store.answers, clock, spec=models.spec, key_scope=vault.scope_for)
    model: Model = staging.model(kept) if staging is not None else kept
    agent = AgentLoop(model, gateway, redactor=redactor, notebook=notebook)

    async def accept(event: Event) -> bool:
        return await engine.accept(event)

    async def started(channel: str) -> None:
        await engine.channel_started(channel)

    async def heard(channel: str, limit: int) -> list[Event]:
        rows = await store.records.inbox(channel=channel, limit=limit)
        return [msgspec.convert(row["event"], Event) for row in rows]

    async def converse(event: Event, timeout_s: float) -> Mapping[str, Any]:
        return await conversed(instance, event, timeout_s)

    async def recall(where: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        return await store.conversations.recall(where.channel, where.key, user_ids, limit=limit)

    async def keep_file(data: AsyncIterator[bytes], limit_bytes: int) -> tuple[str, int]:
        file_id, size_bytes, _ = await store.files.put(data, limit_bytes=limit_bytes)
        return file_id, size_bytes

    file_links = FileLinks(keys.known, environment.public_url, clock)
    channels = ChannelManager(
        platforms=platforms,
        services=HostServices(
            clock=clock,
            public_url=environment.public_url,
            commands=COMMANDS,
            translated_commands=TRANSLATED_COMMANDS,
            accept=accept,
            secret=vault.instance,
            read_file=store.files.read,
            heard=heard,
            converse=converse,
            link_file=file_links.make,
            signing_keys=lambda channel: channel_keys(keys.known(), channel),
            recall=recall,
            keep_file=keep_file,
        ),
        has_secret=vault.has,
        spawn=given.tasks.spawn,
        started=started,
        only={"chat": (SANDBOX,), "command": ()}.get(given.mode),
    )
    stopping, lost = asyncio.Event(), asyncio.Event()

    def fenced() -> None:
        lost.set()
        stopping.set()

    metered: Journal = MeteredJournal(  # pyright: ignore[reportAssignmentType] - passes on the rest
        store.journal, metrics, budgets.before(spans.saw if spans is not None else None)
    )
    router = TeamRouter(model)
    workflows = InstanceWorkflows(
        configs=configs,
        model=model,
        tools=gateway,
        agent=agent,
        redactor=redactor,
        messages=lambda: engine.messages,
        identity=codes,
        vault=vault,
        notes=notebook,
        knowledge=library,
        http=staging.http if staging is not None else None,
        outreach=InstanceOutreach(
            configs, store.people, store.outreach, channels, clock, changed=lambda: engine.timers_changed()
        ),
        actions=lambda mine: InstanceActions(
            configs,
            store.people,
            clock,
            redactor,
            plan=mine.plan,
            wake=lambda lane: engine.lanes.wake(lane),
            changed=lambda person: engine.person_changed(person),
        ),
    )
    engine = Engine(
        spending=budgets,
        codes=codes,
        mail=ApprovalMail(deliveries, decision_links),
        store=_EngineStore(metered, store.people, store.pairing, store.records, store.files),
        configs=configs,
        channels=channels,
        agent=agent,
        live=live,
        clock=clock,
        spawn=given.tasks.spawn,
        redactor=redactor,
        calls=call_desk,
        workflows=workflows,
        judge=agent.judge,
        speech=SpeechModels(models, clock, gate) if staging is None else None,
        documents=SentDocuments(),
        router=router,
        notebook=notebook,
        on_fenced=fenced,
    )

    async def connected(server: str, owner: str) -> None:
        await instance.audit(by=owner, via="link", action="accounts.connect", target=server)

    connections.on_connected = connected
    instance = Instance(
        mode=given.mode,
        environment=environment,
        home=home,
        clock=clock,
        tasks=given.tasks,
        store=store,
        configs=configs,
        keys=keys,
        vault=vault,
        payloads=payloads,
        redactor=redactor,
        gateway=gateway,
        access=access,
        call_desk=call_desk,
        live=live,
        models=models,
        agent=agent,
        router=router,
        engine=engine,
        channels=channels,
        metrics=metrics,
        call_log=call_log,
        file_links=file_links,
        stopping=stopping,
        lost=lost,
        connections=connections,
        budgets=budgets,
        codes=codes,
        deliveries=deliveries,
        decision_links=decision_links,
        notebook=notebook,
        library=library,
        workflows=workflows,
    )
    return instance


@asynccontextmanager
async def _resting(instance: Instance) -> AsyncGenerator[None]:
    """For one command: nothing runs. Decisions are committed, and acted on when botkit runs next."""
    await instance.engine.drain(0)
    await instance.channels.apply(instance.configs.current)
    try:
        yield
    finally:
        await instance.library.aclose()


@asynccontextmanager
async def _running(instance: Instance) -> AsyncGenerator[None]:
    """Start in order; at the end let turns finish, then stop in the reverse order."""
    config = instance.configs.current
    await instance.vault.learn()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(instance.models.aclose)
        stack.push_async_callback(instance.access.gate.note_uses)
        instance.tasks.spawn(instance.access.gate.keep_watch())
        instance.tasks.spawn(instance.access.gate.keep_notes())
        stack.push_async_callback(instance.gateway.stop)
        stack.push_async_callback(instance.workflows.aclose)
        await instance.gateway.start(gateway_settings(config))
        stack.push_async_callback(instance.channels.stop)
        await instance.channels.apply(config)
        await instance.channels.settled(SANDBOX)
        control = ControlServer(socket_path(instance.home.path), Operations.of(instance))
        await stack.enter_async_context(control.serving())
        await instance.gateway.ready(_SERVERS_READY_S)
        await instance.engine.start()
        await instance.engine.channel_started(MAIL)
        instance.tasks.spawn(instance.models.preload())
        watch = KnowledgeWatch(instance.library, instance.clock)
        stack.push_async_callback(instance.library.aclose)
        watching = instance.tasks.spawn(watch.run())
        stack.push_async_callback(_ended, watching)
        instance.configs.subscribe(lambda revision: _follow(instance, revision))
        instance.configs.subscribe(watch.follow)
        try:
            yield
        finally:
            await instance.wind_down()


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and see it end."""
    task.cancel()
    await asyncio.wait((task,))


async def _follow(instance: Instance, config: Config) -> None:
    """Make everything that runs follow a new revision; what did not change is not touched."""
    instance.gateway.apply(gateway_settings(config))
    instance.engine.reconfigured()
    await instance.channels.apply(config)
    instance.tasks.spawn(instance.models.preload())


def _preview(environment: Environment, *, must_load: bool) -> Config | None:
    """The file as it is; None where it is broken and an earlier revision may run instead."""
    try:
        return load_project(environment.config)
    except ConfigError:
        if must_load:
            raise
        return None


def _read_env_file(environment: Environment) -> None:
    """Variables of the project's `.env` that are not set, for libraries that look there (model keys)."""
    for name, value in dotenv_values(environment.project / ".env", interpolate=False).items():
        if value is not None:
            os.environ.setdefault(name, value)
