"""One tool call as a conversation with its server: sent, heard of, asked about, answered.

Whatever ends it, the server is told, its slot is given back, and it is known whether a request is still out there with
an effect nobody saw.
"""

from __future__ import annotations

__all__ = ["Asked", "Conversation", "ConversationEvent", "Final", "News"]

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import ToolTimeout, ToolUnavailable
from botkit.core.tools import Tool, ToolCall
from botkit.gateway.methods import readdressed
from botkit.gateway.parking import PARK_KEY, Park, Parking, Ticket, answer_of, binding, give_answer, read_ticket
from botkit.gateway.session import MISSING_CAPABILITY, Question, Session, lacking, question, questions_of, requests_of
from botkit.gateway.upstream import Lease, Upstream
from botkit.gateway.wire import METHOD_NOT_FOUND, Answer, Exchange, Failure, Inbound, NeverSent, Notice, RpcError

_ROUNDS_LIMIT = 10
"""How often a server may ask to be called again without a question."""
_ROUND_DELAY_S = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class News:
    """`notifications/progress`, or a log message that was asked for."""

    params: Mapping[str, Any]
    method: str = "notifications/progress"


@dataclass(frozen=True, slots=True)
class Asked:
    """The tool asks the person something; the conversation continues with another call."""

    question: Question
    state: str
    requests: dict[str, Any] = field(default_factory=dict[str, Any])
    """For an MCP client: everything asked, as MCP requests by key."""


@dataclass(frozen=True, slots=True)
class Final:
    """The server's result, as it sent it."""

    result: dict[str, Any]


ConversationEvent = News | Asked | Final


class Conversation:
    """Use `events` once. `in_flight` afterwards tells whether a request was sent and never answered.

    Args:
        find: the upstream to call; asked again when the first one was just replaced.
        meta: goes beside the arguments.
        timeout_s: for waiting until the server is ready and for its answer together.
    """

    def __init__(
        self,
        call: ToolCall,
        tool: Tool,
        find: Callable[[], Awaitable[Upstream]],
        parking: Parking,
        clock: Clock,
        *,
        meta: Mapping[str, Any],
        timeout_s: float,
    ):
        self.sent = False
        self.in_flight = False
        self._call = call
        self._tool = tool
        self._find = find
        self._parking = parking
        self._clock = clock
        self._meta = meta
        self._timeout_s = timeout_s
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._stack = AsyncExitStack()
        self._exchange: Exchange | None = None
        self._lease: Lease | None = None
        self._session: Session | None = None
        self._strays = 0
        self._timer: asyncio.TimerHandle | None = None
        self._prepared: tuple[str, dict[str, Any]] | None = None
        """An answer given before the call had to start anew: digest of the question, and the answer."""

    async def events(self) -> AsyncGenerator[ConversationEvent]:
        """Any number of `News`, then one `Asked` or `Final`. Closing it cancels the call.

        Raises:
            ToolUnavailable, SecretError: the server could not be reached, or ended.
            ToolTimeout: no answer in time.
            RpcError: the server answered with an error.
            InvalidArguments: `state` or `answers` do not belong to this call.
        """
        responses: dict[str, Any] | None = None
        state: str | None = None
        client = self._call.client
        if client is not None and client.responses:
            responses = client.responses
        if self._call.state:
            ticket = read_ticket(self._call)
            if ticket.open:
                responses = {**ticket.answered, ticket.open[0].key: answer_of(self._call)}
                state = ticket.state
                if len(ticket.open) > 1:
                    yield self._ask_next(ticket.open[1:], responses, state)
                    return
            elif client is not None and not ticket.park:
                state = ticket.state
            elif client is not None and PARK_KEY not in client.responses and PARK_KEY not in client.refusals:
                yield Asked(question(ticket.asked.get("params", {})), self._call.state, {PARK_KEY: ticket.asked})
                return
            else:
                responses = None
                self._return_to(ticket)
        try:
            for round_number in range(_ROUNDS_LIMIT):
                if self._exchange is None:
                    await self._send(responses, state)
                async for event in self._heard():
                    if not isinstance(event, Final):
                        yield event
                        if isinstance(event, Asked):
                            return
                        continue
                    if client is not None and (requests := requests_of(event.result)):
                        yield self._pass_on(requests, _text_or_none(event.result.get("requestState")))
                        return
                    questions = questions_of(event.result)
                    if questions is None:
                        yield event
                        return
                    state = _text_or_none(event.result.get("requestState"))
                    if questions:
                        yield self._ask_next(tuple(questions), {}, state)
                        return
                responses, self._exchange = None, None
                await self._within(self._clock.sleep(_ROUND_DELAY_S * (round_number + 1)))
            raise RpcError(0, f"The server asked to be called again {_ROUNDS_LIMIT} times and never answered.")
        finally:
            self._stop_clock()
            if self._exchange is not None:
                self._exchange.abandon("the call was cancelled")
            await self._stack.aclose()

    async def _send(self, responses: Mapping[str, Any] | None, state: str | None) -> None:
        if self._session is None:
            self._lease = await self._within(self._take_lease())
            self._session = self._lease.session
            self._strays = self._session.peer.strays
        call, client = self._call, self._call.client
        params = readdressed(call, self._tool.upstream_name)
        if client is None:
            self._exchange = self._session.request(call.method, params, self._meta, responses=responses, state=state)
        else:
            self._exchange = self._session.request(
                call.method,
                params,
                self._meta,
                responses=responses,
                state=state,
                capabilities=client.capabilities,
                log_level=client.log_level,
            )
        self.sent = self.in_flight = True
        self._watch_clock(self._exchange)

    async def _take_lease(self) -> Lease:
        upstream = await self._find()
        try:
            return await self._stack.enter_async_context(upstream.lease())
        except ToolUnavailable:
            if upstream.state != "stopped":
                raise
            # It was replaced (an edit, a rotated secret) just now; there is another.
            return await self._stack.enter_async_context((await self._find()).lease())

    def _watch_clock(self, exchange: Exchange) -> None:
        """Let the deadline arrive as an event: one timer for the whole call."""

        def expire() -> None:
            if not exchange.over:
                exchange.abandon("the call took too long")
                exchange.push(Failure(self._too_late()))

        self._stop_clock()
        self._timer = asyncio.get_running_loop().call_at(self._deadline, expire)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _heard(self) -> AsyncGenerator[ConversationEvent]:
        """What the server says about the request on its way, up to its answer or a question."""
        exchange = self._exchange
        while exchange is not None:
            event = await exchange.next()
            if isinstance(event, Notice):
                yield News(event.params, event.method)
            elif isinstance(event, Inbound):
                if self._cannot_ask(event):
                    continue
                asked = question(event.params)
                if self._prepared is not None and self._prepared[0] == _digest(asked):
                    event.respond(self._prepared[1])
                    self._prepared = None
                    continue
                yield await self._park(exchange, event, asked)
                return
            elif isinstance(event, Failure):
                self.in_flight = not isinstance(event.error, RpcError | NeverSent)
                self.sent = self.sent and not isinstance(event.error, NeverSent)
                raise event.error
            elif isinstance(event, Answer):  # pyright: ignore[reportUnnecessaryIsInstance]  # reads as the list of all cases
                self.in_flight = False
                yield Final(event.result)
                return

    async def _park(self, exchange: Exchange, inbound: Inbound, asked: Question) -> Asked:
        """Handshake era: leave the call open while the person thinks."""
        self._stop_clock()
        exchange.parked = True
        if self._lease is not None:
            self._lease.let_go()
        park_id = await self._parking.put(Park(exchange, inbound, self._stack.pop_all().aclose, self._owner))
        self._exchange = None
        request = {"method": inbound.method, "params": dict(inbound.params)} if self._call.client is not None else {}
        ticket = Ticket(bound=binding(self._call), park=park_id, question=_digest(asked), asked=request)
        return Asked(asked, ticket.text(), {PARK_KEY: request} if request else {})

    @property
    def _owner(self) -> str:
        principal = self._call.principal
        return f"{principal.kind}:{principal.id}"

    def _cannot_ask(self, inbound: Inbound) -> bool:
        """Refuse a question that whoever calls cannot be asked; the tool may know another way."""
        client = self._call.client
        request = {"method": inbound.method, "params": inbound.params}
        if client is None:
            if inbound.method == "elicitation/create":
                return False
        elif not lacking(client.capabilities, request):
            return False
        inbound.refuse(METHOD_NOT_FOUND, f"{inbound.method[:100]} is not offered by the client of this call")
        return True

    def _pass_on(self, requests: dict[str, Any], state: str | None) -> Asked:
        """Modern era: an MCP client is asked everything at once, in the server's own words.

        Raises:
            RpcError: it did not declare that it can be asked this.
        """
        client = self._call.client
        for request in requests.values():
            if client is not None and (missing := lacking(client.capabilities, request)):
                raise RpcError(
                    MISSING_CAPABILITY,
                    "The tool asks for something that the client does not offer.",
                    {"requiredCapabilities": missing},
                )
        text = Ticket(bound=binding(self._call), state=state).text() if state is not None else ""
        return Asked(Question(message="", schema={}), text, requests)

    def _return_to(self, ticket: Ticket) -> None:
        """Handshake era: give the answer to the call that waits for it."""
        park = self._parking.take(ticket.park)
        if park is not None:
            self.sent = self.in_flight = True
            self._stack.push_async_callback(park.release)
            self._exchange = park.exchange
            park.exchange.parked = False
            self._watch_clock(park.exchange)
            give_answer(self._call, park.inbound)
        elif self._tool.repeatable and self._call.client is None:
            self._prepared = (ticket.question, answer_of(self._call))
        else:
            self.sent = self.in_flight = True
            raise ToolUnavailable(
                f"The call of {self._tool.name} that waited for this answer is gone, because botkit or the server was "
                "restarted or the answer came too late. Whether it had an effect is unknown."
            )

    def _ask_next(self, questions: tuple[Question, ...], answered: dict[str, Any], state: str | None) -> Asked:
        """Modern era: people are asked one thing at a time."""
        ticket = Ticket(bound=binding(self._call), state=state, answered=answered, open=questions)
        return Asked(questions[0], ticket.text())

    async def _within(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await work
        except TimeoutError:
            raise self._too_late() from None

    def _too_late(self) -> ToolTimeout:
        waited = f"within {self._timeout_s:g} seconds"
        if not self.sent:
            return ToolTimeout(f"The server {self._tool.server} was not ready {waited}; nothing was sent.")
        message = f"{self._tool.name} did not answer {waited}."
        if self._session is not None and self._session.peer.strays > self._strays:
            message += " Its server answered requests that were never made; it mixes up ids."
        return ToolTimeout(f"{message} Whether it had an effect is unknown.")


def _digest(asked: Question) -> str:
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
