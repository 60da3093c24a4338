"""An instance in memory that fills `ConsoleApi`: scripted bots, the real `LiveHub`, runs and waits as journaled.

Words of the message pick the script (`refund` needs an approval, `fail` fails, `/…` is a command), so a test
reads like the conversation it drives. A script stops where `holding` says so until `release`: that is how a
browser sees an answer half written without anybody sleeping.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from botkit.core.console import (
    BotInfo,
    ChannelInfo,
    ChatEntry,
    Overview,
    PersonInfo,
    Sent,
    ServerInfo,
    TraceView,
    WaitView,
)
from botkit.core.errors import BotkitError, Conflict, NotFound
from botkit.core.events import Attachment, Conversation
from botkit.core.journal import ModelCall, OpenRun, Run, Step, Wait
from botkit.core.live import LiveEvent, LiveHub
from botkit.core.messages import Part
from botkit.core.models import ModelReply, RequestedCall, Usage
from botkit.core.stores import RunSummary, Trace
from botkit.core.tools import CallRecord, NeedsApproval, Result

ANSWER = """Your order **ORD-1042** is on its way.

| Item | Quantity | Price |
|---|--:|--:|
| Walnut desk | 1 | $420.00 |
| Desk lamp | 2 | $78.00 |

It left the warehouse on *17 November*:

1. Packed in Leipzig
2. Handed to the carrier
   - parcel `DE-7781`
   - parcel `DE-7782`

```python
for parcel in order.parcels:
    print(parcel.id, parcel.state)
```

You can follow it at https://example.org/track/DE-7781."""

HELP = "I am **Concierge**. Just write to me, or use a command:\n\n/help – List these commands\n/reset – Begin anew"
LOOKUP = RequestedCall(id="c1", name="orders__lookup", arguments='{"order_id":"ORD-1042"}')
FOUND = '{"order_id":"ORD-1042","state":"shipped","total":"$576.00"}'
USAGE = Usage(input_tokens=1180, output_tokens=164, cached_tokens=512, cost_micros=2140)
BREAKDOWN = {
    "systemPrompt": 220,
    "toolDefinitions": 610,
    "conversationHistory": 96,
    "currentMessage": 24,
    "toolResults": 230,
    "llmOutput": 164,
    "total": 1344,
}


def overview(**changes: Any) -> Overview:
    base = Overview(
        version="0.1.0",
        mode="dev",
        revision="9f3ab27c41d0",
        bots=(
            BotInfo(
                name="concierge",
                title="Concierge",
                description="Answers questions about orders, keeps notes, and arranges refunds with approval.",
                model="demo/offline",
                workspace="office",
                examples=(
                    "Where is my order ORD-1042?",
                    "Refund ORD-1042, the lamp is broken",
                    "Note that the Berlin team moves on Monday",
                    "/help",
                ),
                offline=True,
            ),
            BotInfo(name="helpdesk", title="Helpdesk", description="First line for IT questions.", model="fast"),
        ),
        people=(
            PersonInfo(name="ada", title="Ada Lovelace", roles=("admin",)),
            PersonInfo(name="grace", title="Grace Hopper", roles=("member",)),
        ),
        channels=(
            ChannelInfo(name="sandbox", platform="sandbox", state="ok"),
            ChannelInfo(
                name="support_tg",
                platform="telegram",
                state="degraded",
                detail="Telegram answers slowly; messages wait and go out on their own.",
                parts_pending=3,
            ),
        ),
        servers=(
            ServerInfo(name="orders", state="ready", tools=("orders__lookup", "orders__refund")),
            ServerInfo(name="notes", state="failing", detail="It stopped 3 times in a minute; `botkit logs` says why."),
        ),
    )
    return msgspec.structs.replace(base, **changes)


class FakeConsole:
    """Implements `ConsoleApi`."""

    def __init__(self) -> None:
        self.hub = LiveHub()
        self.now = time.time_ns() // 1000
        self.state = overview()
        self.files: dict[str, bytes] = {}
        self.attached: list[Attachment] = []
        self.sent: list[tuple[str, str, str, str]] = []
        self.stopped: list[str] = []
        self.cancelled: list[str] = []
        self.decisions: list[tuple[str, bool, str]] = []
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.resolutions: list[tuple[str, str, str]] = []
        self.fault: BotkitError | Exception | None = None
        """Raised by the next reads and sends."""
        self.reads = 0
        """How often anything was read."""
        self.holding: set[str] = set()
        self.runs_by_id: dict[str, Run] = {}
        self.traces: dict[str, Trace] = {}
        self.entries: dict[str, list[ChatEntry]] = {}
        self.open_waits: dict[str, WaitView] = {}
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._seen: dict[str, Sent] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Event | None = None

    # ── what a test does ─────────────────────────────────────────────────────────────────────────────────

    def tick(self, ms: float = 1) -> int:
        self.now += int(ms * 1000)
        return self.now

    def release(self, name: str) -> None:
        """Let scripts pass a place they hold at."""
        self.holding.discard(name)
        self._gates.setdefault(name, asyncio.Event()).set()

    def shut_down(self) -> None:
        """End every `watch`, as at SIGTERM."""
        self.closing.set()

    def reopen(self) -> None:
        """The process runs again; what was said is still there."""
        self._closing = None

    @property
    def closing(self) -> asyncio.Event:
        if self._closing is None:
            self._closing = asyncio.Event()
        return self._closing

    def publish(self, room: str, event: Any, about: str = "", said: str = "", /, **data: Any) -> None:
        """One live event: its kind, run id and text, and its data."""
        key = Conversation(channel="sandbox", room=room).key
        self.hub.publish(LiveEvent(kind=event, conversation=key, run_id=about, text=said, data=data))

    # ── ConsoleApi ───────────────────────────────────────────────────────────────────────────────────────

    async def overview(self) -> Overview:
        self._fail()
        return self.state

    async def attach(self, name: str, data: bytes) -> Attachment:
        self._fail()
        self.files[name] = data
        return Attachment(kind="file", name=name, mime="text/plain", size_bytes=len(data), remote=f"file_{name}")

    async def send(
        self,
        room: str,
        *,
        bot: str,
        person: str,
        text: str,
        message_id: str = "",
        files: Sequence[Attachment] = (),
    ) -> Sent:
        self._fail()
        self.attached += files
        if bot not in {one.name for one in self.state.bots}:
            raise NotFound(f"There is no bot {bot!r} in bots.yaml.")
        if message_id in self._seen:
            return msgspec.structs.replace(self._seen[message_id], new=False)
        self.sent.append((room, bot, person, text))
        sent = Sent(conversation=Conversation(channel="sandbox", room=room).key, message_id=message_id)
        self._seen[message_id] = sent
        self._spawn(self._turn(room, bot, person, text, message_id))
        return sent

    async def press(self, room: str, *, bot: str, person: str, value: str, message_id: str = "") -> Sent:
        self.sent.append((room, bot, person, f"press:{value}"))
        return Sent(conversation=room, message_id=message_id)

    @asynccontextmanager
    async def watch(self, room: str) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        key = Conversation(channel="sandbox", room=room).key
        async with self.hub.watch(key) as queue:
            yield self._until_closed(queue)

    async def _until_closed(self, queue: asyncio.Queue[LiveEvent]) -> AsyncGenerator[LiveEvent]:
        closing = asyncio.ensure_future(self.closing.wait())
        try:
            while True:
                event = asyncio.ensure_future(queue.get())
                await asyncio.wait((event, closing), return_when=asyncio.FIRST_COMPLETED)
                if not event.done():
                    event.cancel()
                    return
                yield event.result()
        finally:
            closing.cancel()

    async def history(self, room: str, *, limit: int = 100) -> Sequence[ChatEntry]:
        self._fail()
        return self.entries.get(room, [])[-limit:]

    async def stop(self, room: str, *, bot: str, person: str) -> None:
        self.stopped.append(room)
        if room in self._stops:
            self._stops[room].set()

    async def runs(
        self, *, bot: str = "", state: str = "", conversation: str = "", limit: int = 50, before: str = ""
    ) -> Sequence[RunSummary]:
        self._fail()
        found = [
            RunSummary(run=run, steps=len(self.traces[run.id].run.steps), text=str(run.input.get("text", ""))[:120])
            for run in sorted(self.runs_by_id.values(), key=lambda run: run.id, reverse=True)
            if bot in ("", run.bot) and state in ("", run.state) and conversation in ("", run.conversation)
        ]
        return [row for row in found if not before or row.run.id < before][:limit]

    async def trace(self, run_id: str) -> TraceView:
        self._fail()
        trace = self.traces.get(run_id)
        if trace is None:
            raise NotFound(f"There is no run {run_id}; `botkit runs list` shows those there are.")
        run = trace.run.run
        return TraceView(
            trace=trace,
            person=run.person_id,
            latency_ms=(run.ended_at - run.started_at) / 1000 if run.ended_at else 0.0,
            cost_cents=run.usage.cost_micros / 10_000,
        )

    async def waits(self) -> Sequence[WaitView]:
        self._fail()
        return list(self.open_waits.values())

    async def decide(self, wait_id: str, *, approved: bool, comment: str = "") -> WaitView:
        view = self.open_waits.pop(wait_id, None)
        if view is None:
            raise Conflict("This was already approved.")
        self.decisions.append((wait_id, approved, comment))
        if wait_id in self._waiting:
            self._waiting[wait_id].set_result(approved)
        return view

    async def answer(self, wait_id: str, *, fields: Mapping[str, Any]) -> WaitView:
        view = self.open_waits.pop(wait_id, None)
        if view is None:
            raise Conflict("This was already answered.")
        self.answers.append((wait_id, dict(fields)))
        return view

    async def resolve(self, wait_id: str, *, action: Literal["retry", "result", "fail"], text: str = "") -> WaitView:
        view = self.open_waits.pop(wait_id, None)
        if view is None:
            raise Conflict("This step was resolved already.")
        self.resolutions.append((wait_id, action, text))
        return view

    async def cancel(self, run_id: str) -> None:
        self.cancelled.append(run_id)
        self._set_run(run_id, state="cancelled", waiting_for="", ended_at=self.tick())

    # ── scripts ──────────────────────────────────────────────────────────────────────────────────────────

    def _fail(self) -> None:
        self.reads += 1
        if self.fault is not None:
            raise self.fault

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, name: str) -> None:
        if name in self.holding:
            await self._gates.setdefault(name, asyncio.Event()).wait()

    def _set_run(self, run_id: str, **changes: Any) -> Run:
        run = msgspec.structs.replace(self.runs_by_id[run_id], **changes)
        self.runs_by_id[run_id] = run
        opened = msgspec.structs.replace(self.traces[run_id].run, run=run)
        self.traces[run_id] = msgspec.structs.replace(self.traces[run_id], run=opened)
        return run

    def _add(self, run_id: str, **changes: Any) -> None:
        """Add steps, waits (to the run) or calls, models, parts (to its trace)."""
        trace = self.traces[run_id]
        opened = trace.run
        for name, value in changes.items():
            if name == "step":
                opened = msgspec.structs.replace(opened, steps={**opened.steps, value.key: value})
            elif name == "wait":
                rest = tuple(wait for wait in opened.waits if wait.id != value.id)
                opened = msgspec.structs.replace(opened, waits=(*rest, value))
            else:
                trace = msgspec.structs.replace(trace, **{name: (*getattr(trace, name), value)})
        self.traces[run_id] = msgspec.structs.replace(trace, run=opened)

    def add_run(self, run: Run, *, steps: Sequence[Step] = (), waits: Sequence[Wait] = (), **trace: Any) -> None:
        """Put a run into the journal."""
        self.runs_by_id[run.id] = run
        opened = OpenRun(run=run, steps={step.key: step for step in steps}, waits=tuple(waits))
        self.traces[run.id] = Trace(run=opened, **trace)

    async def _turn(self, room: str, bot: str, person: str, text: str, message_id: str) -> None:
        if text.startswith("/"):
            about = f"evt_{len(self.sent)}"
            said = self.entries.setdefault(room, [])
            said.append(ChatEntry(role="user", text=text, at=self.tick(), run_id=about, message_id=message_id))
            said.append(ChatEntry(role="assistant", text=HELP, at=self.tick(), run_id=about, message_id=about))
            self.publish(room, "part", "", HELP, part_id=f"{about}.0")
            return
        run = self._begin(room, bot, person, text, message_id)
        stop = self._stops[room] = asyncio.Event()
        if "refund" in text.lower():
            await self._refund(room, run)
        elif "<" in text:
            await self._answer(room, run.id, f"You wrote: {text}", stop)
        elif "fail" in text.lower():
            error = {"code": "model_unavailable", "message": "The model did not answer; try another one in bots.yaml."}
            self._end(room, run.id, "failed", "Sorry, I could not answer this (model_unavailable).", error=error)
        else:
            await self._ask_model(room, run.id, (LOOKUP,))
            await self._call(room, run.id, "turn/0/tool/0", "c1", "orders__lookup", {"order_id": "ORD-1042"})
            await self._answer(room, run.id, ANSWER, stop)

    def _begin(self, room: str, bot: str, person: str, text: str, message_id: str) -> Run:
        key = Conversation(channel="sandbox", room=room).key
        received = self.now
        run = Run(
            id=f"run_{len(self.runs_by_id):032x}",
            lane=key,
            conversation=key,
            channel="sandbox",
            bot=bot,
            person_id=person,
            session_id=f"ses_{room}",
            trace_id=f"trc_{len(self.runs_by_id):032x}",
            input={
                "text": text,
                "message_id": message_id,
                "sender_id": person,
                "sender_name": person.title(),
                "now": received,
            },
            started_at=self.tick(3),
            updated_at=self.now,
        )
        self.add_run(run, events=({"received_at": received, "kind": "message"},))
        self.entries.setdefault(room, []).append(
            ChatEntry(role="user", text=text, at=run.started_at, name=person.title(), run_id=run.id)
        )
        self.publish(room, "accepted", event_id="evt_1")
        self.publish(room, "status", run.id, trace_id=run.trace_id, message_id=message_id)
        return run

    async def _ask_model(
        self, room: str, run_id: str, calls: tuple[RequestedCall, ...] = (), *, text: str = ""
    ) -> None:
        rounds = sum(1 for step in self.traces[run_id].run.steps.values() if step.name == "model")
        key = f"turn/{rounds}/model"
        await self._hold("model")
        started = self.now
        reply = ModelReply(text=text, calls=calls, usage=USAGE, model="demo/offline", latency_ms=420)
        ended = self.tick(420)
        result = msgspec.Raw(msgspec.json.encode(reply))
        self._add(
            run_id, step=Step(run_id=run_id, key=key, name="model", result=result, started_at=started, ended_at=ended)
        )
        call = ModelCall(
            id=f"mc_{rounds}", at=ended, run_id=run_id, step=key, model="demo/offline", usage=USAGE, latency_ms=420
        )
        self._add(run_id, models=call)
        usage = msgspec.to_builtins(USAGE)
        self.publish(room, "model", run_id, model="demo/offline", usage=usage, latency_ms=420, step=key)

    async def _call(self, room: str, run_id: str, key: str, call_id: str, tool: str, arguments: dict[str, Any]) -> None:
        self.publish(room, "tool_call", run_id, call_id=call_id, tool=tool, arguments=arguments)
        await self._hold("tool")
        started = self.now
        content = {"content": [{"type": "text", "text": FOUND}]}
        ended = self.tick(38)
        record = CallRecord(id=f"call_{call_id}", at=started, workspace="office", tool=tool, step=key, duration_ms=38)
        result = msgspec.Raw(msgspec.json.encode(Result(content=content, record=record)))
        self._add(
            run_id,
            step=Step(run_id=run_id, key=key, name=tool, result=result, started_at=started, ended_at=ended),
            calls=record,
        )
        self.publish(room, "tool_result", run_id, call_id=call_id, tool=tool, ok=True, text=FOUND, duration_ms=38)

    async def _answer(self, room: str, run_id: str, text: str, stop: asyncio.Event) -> None:
        half = len(text) // 2
        for index, at in enumerate(range(0, len(text), 24)):
            if index and at >= half > at - 24:
                hold = asyncio.ensure_future(self._hold("answer"))
                halt = asyncio.ensure_future(stop.wait())
                await asyncio.wait((hold, halt), return_when=asyncio.FIRST_COMPLETED)
                hold.cancel()
                halt.cancel()
                if stop.is_set():
                    self._end(room, run_id, "cancelled", f"{text[:at]}\n\n_Stopped._")
                    return
            self.publish(room, "delta", run_id, text[at : at + 24])
        await self._ask_model(room, run_id, text=text)
        self._end(room, run_id, "completed", text)

    async def _refund(self, room: str, run: Run) -> None:
        arguments = {"order_id": "ORD-1042", "amount": 78, "reason": "The lamp arrived broken"}
        call = RequestedCall(id="c1", name="orders__refund", arguments=msgspec.json.encode(arguments).decode())
        await self._ask_model(room, run.id, (call,))
        self.publish(room, "tool_call", run.id, call_id="c1", tool="orders__refund", arguments=arguments)
        wait = self._ask_person(room, run, arguments)
        self.publish(
            room, "done", run.id, state="waiting", status="waiting", run_id=run.id, waiting_for="approval", calls=[]
        )
        approved = await self._waiting[wait.id]
        decided = msgspec.structs.replace(
            wait,
            state="answered",
            answer={"approved": approved},
            decided_by="operator",
            decided_at=self.tick(5_400_000),
        )
        self._add(run.id, wait=decided)
        self._set_run(run.id, state="running", waiting_for="")
        self.publish(room, "status", run.id, trace_id=run.trace_id)
        self.publish(room, "tool_call", run.id, call_id="c1", tool="orders__refund", arguments=arguments)
        verdict = "Approved" if approved else "Rejected"
        part_id = f"{wait.id}/{verdict.lower()}.0"
        self.publish(room, "part", run.id, f"**{verdict}** by operator: `orders__refund`", part_id=part_id)
        if approved:
            await self._call(room, run.id, "turn/0/tool/0/1", "c1", "orders__refund", arguments)
            await self._answer(room, run.id, "The refund of **$78.00** is on its way.", asyncio.Event())
        else:
            text = "A person declined this call, so it was not run."
            self.publish(
                room, "tool_result", run.id, call_id="c1", tool="orders__refund", ok=False, text=text, duration_ms=0
            )
            await self._answer(room, run.id, "I may not refund this order.", asyncio.Event())

    def _ask_person(self, room: str, run: Run, arguments: dict[str, Any]) -> Wait:
        key = "turn/0/tool/0"
        record = CallRecord(
            id="call_c1", at=self.now, workspace="office", tool="orders__refund", step=key, status="waiting"
        )
        asked = NeedsApproval(
            tool="orders__refund",
            server="orders",
            arguments=arguments,
            digest="d1",
            reason="Refunds move money.",
            record=record,
        )
        raw = msgspec.Raw(msgspec.json.encode(asked))
        self._add(
            run.id,
            step=Step(
                run_id=run.id, key=key, name="orders__refund", result=raw, started_at=self.now, ended_at=self.tick(4)
            ),
            calls=record,
        )
        payload = {
            "tool": "orders__refund",
            "server": "orders",
            "arguments": arguments,
            "reason": "Refunds move money.",
        }
        wait = Wait(
            id=f"{run.id}/{key}/wait/0", run_id=run.id, lane=run.lane, key=f"{key}/wait/0", kind="approval",
            conversation=run.conversation, person_id=run.person_id, payload=payload, token="a-secret-token",
            created_at=self.now, expires_at=self.now + 3_600_000_000,
        )  # fmt: skip
        self._add(run.id, wait=wait)
        self._set_run(run.id, state="waiting", waiting_for="approval")
        self._waiting[wait.id] = asyncio.get_running_loop().create_future()
        self.add_wait(wait, bot=run.bot)
        self.publish(room, "part", run.id, "**Approval needed** for `orders__refund`", part_id=f"{wait.id}.0")
        self.publish(room, "wait", run.id, wait_id=wait.id, kind="approval", token=wait.token, payload=payload)
        return wait

    def add_wait(self, wait: Wait, *, bot: str = "concierge", person: str = "") -> None:
        """Let a wait be listed as open."""
        self.open_waits[wait.id] = WaitView(
            id=wait.id, kind=wait.kind, run_id=wait.run_id, bot=bot, conversation=wait.conversation,
            person=person or wait.person_id, title=f"Call {wait.payload.get('tool')}?",
            tool=str(wait.payload.get("tool") or wait.payload.get("name") or ""),
            arguments=wait.payload.get("arguments") or {}, reason=str(wait.payload.get("reason", "")),
            part_id=f"{wait.id}.0", created_at=wait.created_at, expires_at=wait.expires_at,
        )  # fmt: skip

    def _end(self, room: str, run_id: str, state: Any, text: str, *, error: dict[str, Any] | None = None) -> None:
        trace = self.traces[run_id]
        usage = sum((call.usage for call in trace.models), Usage())
        calls = [
            {"toolName": record.tool, "arguments": {"order_id": "ORD-1042"}, "result": '{"state":"shipped"}',
             "latencyMs": record.duration_ms, "success": record.status == "ok"}
            for record in trace.calls
            if record.status != "waiting"
        ]  # fmt: skip
        output = {
            "text": text,
            "model": "demo/offline",
            "iterations": len(calls),
            "breakdown": BREAKDOWN,
            "calls": calls,
        }
        run = self._set_run(
            run_id, state=state, waiting_for="", ended_at=self.tick(2), output=output, error=error, usage=usage
        )
        self._add(
            run_id,
            parts=Part(
                id=f"{run_id}.0",
                run_id=run_id,
                conversation=Conversation(channel="sandbox", room=room),
                payload={"text": text},
                text=text,
                state="sent",
                created_at=self.now,
            ),
        )
        self.entries[room].append(
            ChatEntry(role="assistant", text=text, at=self.now, run_id=run_id, seq=len(self.entries[room]))
        )
        self.publish(
            room, "done", run_id, state=state, status=state, run_id=run_id, trace_id=run.trace_id, text=text,
            calls=calls, usage=msgspec.to_builtins(usage), breakdown=BREAKDOWN,
            latency_ms=(run.ended_at - run.started_at) / 1000,
            cost_cents=usage.cost_micros / 10_000, iterations=len(calls), error=error, conversation_id=run.session_id,
        )  # fmt: skip
        self.publish(room, "part", run_id, text, part_id=f"{run_id}.0", message_id=f"{run_id}.0")
