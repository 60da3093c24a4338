"""The outbox: every part delivered in order, each chat at its own pace, none twice where that can be known.

A part is `pending`, then `sending` (committed before the request leaves), then `sent`. A process that dies
while a part is `sending` leaves it `unknown`: with `idempotent_send: native` it is simply sent again under
the same id, with `lookup` the platform is asked, else the channel's policy decides — `hold` shows it to the
operator, `resend` sends it again and counts that.
"""

from __future__ import annotations

__all__ = ["Outbox", "OutboxPolicy", "Senders"]

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.errors import AdapterError, ChannelFatal, SendUnknown, StoreError
from botkit.core.events import Conversation
from botkit.core.journal import Committed, Journal, SetPart, Write
from botkit.core.live import Live, LiveEvent
from botkit.core.messages import Part, PartState, Receipt
from botkit.runs.patience import patiently
from botkit.sdk.adapter import Adapter

_log = structlog.get_logger("botkit.outbox")

OutboxPolicy = Literal["hold", "resend"]

_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_REPORTS_KEPT = 10_000
_MAX_ATTEMPTS = 200
_COMMIT_S = 2.0


class Senders(Protocol):
    """Where to find the adapter of a channel."""

    def adapter(self, channel: str) -> Adapter | None:
        """The running adapter, or None while the channel is off or starting: its parts keep."""
        ...

    def policy(self, channel: str) -> OutboxPolicy: ...


class Outbox:
    """Delivers pending parts; one task per conversation that has any.

    Args:
        spawn: starts a task that somebody owns.
        moved: told when the platform delivered to another room than it was asked to, because that is where the
            conversation went.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        live: Live,
        senders: Senders,
        spawn: Callable[..., asyncio.Task[None]],
        moved: Callable[[Part, Conversation], Awaitable[None]] | None = None,
    ):
        self._moved = moved
        self._journal = journal
        self._clock = clock
        self._live = live
        self._senders = senders
        self._spawn = spawn
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._parked: dict[str, set[str]] = {}
        self._held: set[str] = set()
        """Channels and conversations in which what a crash left unknown comes before anything newer."""
        self._marking: set[str] = set()
        """Where a commit marks a part as being sent, and it has not left yet."""
        self._watched: dict[str, asyncio.Future[str]] = {}
        self._reports: OrderedDict[str, str] = OrderedDict()
        """Part → the platform's message id, or nothing where it refused: reports that came before the answer."""
        self._closed = False

    def kick(self, conversation: str) -> None:
        """Deliver what is pending in a conversation; call after every commit that emitted parts."""
        if self._closed:
            return
        if conversation in self._tasks:
            self._again.add(conversation)
            return
        self._tasks[conversation] = self._spawn(self._deliver(conversation))

    async def commit(self, conversation: str, commit: Callable[[str], Awaitable[Committed]]) -> Committed:
        """Make a commit that may emit parts to a conversation, and deliver them.

        When nobody is delivering there, the first part is marked as being sent in that very commit: one unit of
        work less in every turn. A caller that is cancelled leaves commit and delivery to go on.

        Args:
            commit: makes it, with its argument as `send` of `Journal.commit`.

        Raises:
            What `commit` raises.
        """
        channel = Conversation.from_key(conversation).channel
        if self._closed or conversation in self._tasks or self._sender(channel, conversation) is None:
            committed = await commit("")
            self.kick(conversation)
            return committed
        told: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._marking.add(conversation)
        self._tasks[conversation] = self._spawn(self._deliver(conversation, commit, told))
        return await told

    def watch(self, part_id: str) -> asyncio.Future[str]:
        """The platform's message id of a part, once it was sent by this process."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watched[part_id] = future
        return future

    def unwatch(self, part_id: str) -> None:
        future = self._watched.pop(part_id, None)
        if future is not None:
            future.cancel()

    async def channel_started(self, channel: str, unknown: Sequence[Part]) -> None:
        """The channel's adapter runs again: settle what a crash left unknown, deliver what was parked.

        Args:
            unknown: the channel's parts in that state, of this process and of those before it.
        """
        left: dict[str, list[Part]] = {}
        for part in unknown:
            left.setdefault(part.conversation.key, []).append(part)
        self._held.update(left)
        self._kick_parked(channel)
        try:
            for conversation, parts in left.items():
                await self.resolve_unknown(parts)
                self._held.discard(conversation)
                self.kick(conversation)
        finally:
            self._held.difference_update(left)
            self._kick_parked(channel)

    @contextmanager
    def holding(self, channel: str) -> Generator[None]:
        """Send nothing on a channel while it is looked up what a crash left unknown there."""
        self._held.add(channel)
        try:
            yield
        finally:
            self._held.discard(channel)
            self._kick_parked(channel)

    def _kick_parked(self, channel: str) -> None:
        for conversation in self._parked.pop(channel, ()):
            self.kick(conversation)

    def _sender(self, channel: str, conversation: str) -> Adapter | None:
        """Who may send there now."""
        if channel in self._held or conversation in self._held:
            return None
        return self._senders.adapter(channel)

    async def resolve_unknown(self, parts: Sequence[Part]) -> None:
        """Settle parts whose process died while sending them. Safe to repeat, also with an old list."""
        for part in parts:
            adapter = self._senders.adapter(part.conversation.channel)
            if adapter is None:
                continue  # stays `unknown` and is listed; settled when the channel starts
            settled = await self._settled(adapter, part, "the process ended while the message was being sent")
            if settled.state != "unknown":
                # By now it may be on its way again: only what still is unknown changes.
                await self._record(msgspec.structs.replace(settled, if_state=("unknown",)))
                self.kick(part.conversation.key)

    def arrived(self, part_id: str, message_id: str) -> None:
        """The platform reports a message whose send is not answered yet."""
        self._reports[part_id] = message_id
        while len(self._reports) > _REPORTS_KEPT:
            self._reports.popitem(last=False)

    def refused(self, part_id: str) -> None:
        """The platform reports that it will not deliver a message it took."""
        self.arrived(part_id, "")

    async def drain(self, timeout_s: float) -> None:
        """Stop after the parts being sent now; what is pending stays in the journal."""
        self._closed = True
        tasks = tuple(self._tasks.values())
        if not tasks:
            return
        deadline = asyncio.ensure_future(self._clock.sleep(timeout_s))
        everything = asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait((everything, deadline), return_when=asyncio.FIRST_COMPLETED)
        deadline.cancel()
        # What was marked as being sent and has not left yet is put back, or nobody could tell it from a lost one.
        if marking := [self._tasks[conversation] for conversation in self._marking]:
            await asyncio.wait(marking, timeout=_COMMIT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def busy(self) -> int:
        """Conversations being delivered to right now."""
        return len(self._tasks)

    async def _deliver(
        self,
        conversation: str,
        commit: Callable[[str], Awaitable[Committed]] | None = None,
        told: asyncio.Future[Committed] | None = None,
    ) -> None:
        part: Part | None = None
        try:
            if commit is not None and told is not None:
                part = await _tell(told, commit(conversation))
            if commit is None or part is not None:
                await self._deliver_all(conversation, Conversation.from_key(conversation).channel, part)
        except StoreError as error:
            _log.error("outbox_stopped", conversation=conversation, code=error.code, detail=str(error))
        except Exception:
            _log.exception("outbox_failed", conversation=conversation)
        finally:
            self._marking.discard(conversation)
            self._tasks.pop(conversation, None)
            if conversation in self._again:
                self._again.discard(conversation)
                self.kick(conversation)

    async def _deliver_all(self, conversation: str, channel: str, begun: Part | None) -> None:
        """Send part after part; each commit records what became of one and begins the next.

        Args:
            begun: a part that is marked as being sent already.
        """
        done: SetPart | None = None
        while True:
            adapter = self._sender(channel, conversation)
            if adapter is None or self._closed:
                if adapter is None:  # before anything is awaited: whoever may send meanwhile finds it
                    self._park(channel, conversation)
                if begun is not None:  # nothing has left yet
                    done = self._state(begun, "pending")
                if done is not None:
                    await self._record(done)
                return
            part, begun = begun, None
            if part is None:
                self._again.discard(conversation)
                part = await self._next(conversation, done)
            if part is None:
                if conversation not in self._again:
                    return
                done = None
                continue
            self._marking.discard(conversation)
            attempt = await self._attempt(adapter, _aimed(adapter, part))
            done = attempt.done
            if attempt.pause_s or attempt.parked:
                await self._record(done)
                done = None
            if attempt.parked:
                self._park(channel, conversation)
                return
            if attempt.pause_s:
                await self._clock.sleep(attempt.pause_s)

    async def _next(self, conversation: str, done: SetPart | None) -> Part | None:
        return await patiently(self._clock, lambda: self._journal.send_next(conversation, done=done))

    async def _record(self, *writes: Write) -> None:
        await patiently(self._clock, lambda: self._journal.commit(None, writes))

    async def _attempt(self, adapter: Adapter, part: Part) -> _Attempt:
        """Send one part once."""
        try:
            receipt = await _send(adapter, part)
        except ChannelFatal as error:
            return _Attempt(self._state(part, "pending", error=str(error)), parked=True)
        except SendUnknown as error:
            return _Attempt(await self._settled(adapter, part, str(error)))
        except AdapterError as error:
            if error.retryable and part.attempts < _MAX_ATTEMPTS:
                return _Attempt(self._state(part, "pending", error=str(error)), pause_s=_pause_s(error, part.attempts))
            return _Attempt(self._failed(part, error))
        except Exception:  # an adapter's bug must not stop the chat
            _log.exception("adapter_send_failed", part=part.id, channel=part.conversation.channel)
            return _Attempt(self._failed(part, AdapterError("the adapter failed; see the log")))
        await self._follow(part, receipt.conversation)
        if self._reports.pop(part.id, None) == "":
            error = AdapterError("the platform took it and reported later that it was not delivered")
            return _Attempt(self._failed(part, error))
        return _Attempt(self._sent(part, receipt))

    async def _follow(self, part: Part, place: Conversation | None) -> None:
        """Pass on that a chat has moved. The part has arrived, so nothing here may make it look as if it had not."""
        if place is None or place.key == part.conversation.key:
            return
        _log.warning("chat_moved", old=part.conversation.key, new=place.key)
        if self._moved is not None:
            try:
                await self._moved(part, place)
            except StoreError as error:
                _log.error("chat_move_not_stored", conversation=part.conversation.key, detail=str(error))

    async def _settled(self, adapter: Adapter, part: Part, reason: str) -> SetPart:
        """Find out whether a part arrived, or apply the policy."""
        if message_id := self._reports.get(part.id):
            return self._sent(part, Receipt(message_id=message_id))
        how = adapter.capabilities(part.conversation).idempotent_send
        if part.message_id or how == "native":  # editing to the same text is safe to repeat
            return self._state(part, "pending", error=reason)
        if how == "lookup":
            try:
                receipt = await adapter.find(part)
            except AdapterError as error:
                return self._state(part, "unknown", error=f"{reason}; looking it up failed: {error}")
            return self._sent(part, receipt) if receipt is not None else self._state(part, "pending", error=reason)
        if self._senders.policy(part.conversation.channel) == "resend":
            _log.warning("part_resent", part=part.id, channel=part.conversation.channel, reason=reason)
            return self._state(part, "pending", error=f"resent: {reason}")
        _log.warning("part_unknown", part=part.id, channel=part.conversation.channel, reason=reason)
        return self._state(part, "unknown", error=reason)

    def _sent(self, part: Part, receipt: Receipt) -> SetPart:
        watcher = self._watched.get(part.id)
        if watcher is not None and not watcher.done():
            watcher.set_result(receipt.message_id)
        self._live.publish(
            LiveEvent(
                kind="part",
                conversation=part.conversation.key,
                run_id=part.run_id,
                text=part.text,
                data={"part_id": part.id, "message_id": receipt.message_id, **_rich(part)},
            )
        )
        return self._state(part, "sent", message_id=receipt.message_id)

    def _failed(self, part: Part, error: AdapterError) -> SetPart:
        _log.error("part_failed", part=part.id, channel=part.conversation.channel, code=error.code, detail=str(error))
        return self._state(part, "failed", error=f"{error.code}: {error}")

    def _state(self, part: Part, state: PartState, *, message_id: str = "", error: str = "") -> SetPart:
        # A final text committed while first words were on their way stays pending, whatever became of those;
        # unless nobody knows what became of them.
        return SetPart(
            part_id=part.id,
            state=state,
            at=self._clock.micros(),
            message_id=message_id,
            error=error,
            if_state=() if state == "unknown" else ("sending", "unknown"),
        )

    def _park(self, channel: str, conversation: str) -> None:
        self._parked.setdefault(channel, set()).add(conversation)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What became of sending a part once."""

    done: SetPart
    pause_s: float = 0.0
    """Seconds to wait before anything else is sent to this chat."""
    parked: bool = False
    """The channel needs a person first."""


async def _tell(told: asyncio.Future[Committed], commit: Awaitable[Committed]) -> Part | None:
    """Make a commit and report it to whoever asked for it; the part to send."""
    try:
        committed = await commit
    except Exception as error:
        if not told.done():
            told.set_exception(error)
        return None
    except BaseException:
        told.cancel()
        raise
    if not told.done():
        told.set_result(committed)
    return committed.part


async def _send(adapter: Adapter, part: Part) -> Receipt:
    """Send a part, and see to it that it says what it says now.

    A part that was tried before may be on the platform with the first words of a stream, sent by a process that
    died before it heard so. A platform that knows the repeated message keeps those words, so they are edited.
    """
    can = adapter.capabilities(part.conversation)
    if part.attempts <= 1 or part.message_id or can.stream not in ("edit", "native") or can.idempotent_send == "none":
        return await adapter.send(part)
    found = await adapter.find(part) if can.idempotent_send == "lookup" else await adapter.send(part)
    if found is None:
        return await adapter.send(part)
    again = await adapter.send(msgspec.structs.replace(part, message_id=found.message_id))
    return msgspec.structs.replace(found, message_id=again.message_id or found.message_id)


def _aimed(adapter: Adapter, part: Part) -> Part:
    """A part that edits where the platform can, and is a message of its own where it cannot."""
    if part.edit_of and not adapter.capabilities(part.conversation).edit:
        return msgspec.structs.replace(part, edit_of="", message_id="")
    return part


def _pause_s(error: AdapterError, attempts: int) -> float:
    if error.retry_after_s:
        return error.retry_after_s
    return _BACKOFF_S[min(max(attempts - 1, 0), len(_BACKOFF_S) - 1)]


def _rich(part: Part) -> dict[str, Any]:
    """What a message has besides its text, where the adapter left it as it is for front ends of one's own."""
    rich = part.payload.get("rich")
    return {"rich": rich} if rich else {}
