"""Calls that wait for a person's answer.

A modern server forgets the call and gives us a state to bring back; everything needed to go on travels in the text we
hand out. A handshake server keeps its call open and waits on this very connection, so that call is *parked* here, for a
while. Either way the text is bound to the call it belongs to: another tool, other arguments or another person cannot
use it.

The text is not secret and not sealed: it stays inside botkit, in the run's step. A door to the outside must seal it.
"""

from __future__ import annotations

__all__ = ["PARK_KEY", "PARK_S", "Park", "Parking", "Ticket", "answer_of", "binding", "give_answer", "read_ticket"]

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from botkit.core.clock import Clock
from botkit.core.data import Data, decode, encode
from botkit.core.errors import InvalidArguments
from botkit.core.ids import short_token
from botkit.core.tools import ToolCall
from botkit.gateway.session import Question
from botkit.gateway.wire import Exchange, Inbound

PARK_S = 1800.0
"""How long a server is left waiting for an answer."""
PARK_KEY = "input"
"""The key under which an MCP client answers a parked call."""
_PARKS_LIMIT = 1000
_PARKS_LIMIT_EACH = 50
"""Of one person or member."""


class Ticket(Data):
    """What `NeedsInput.state` says."""

    bound: str
    """`binding` of the call."""
    park: str = ""
    """Handshake era: which parked call."""
    question: str = ""
    """Handshake era: digest of the question, to answer it again should the call have to start anew."""
    state: str | None = None
    """Modern era: the server's own state."""
    answered: dict[str, Any] = {}
    open: tuple[Question, ...] = ()
    """Modern era: questions not yet answered; the first was asked."""
    asked: dict[str, Any] = {}
    """Handshake era, for an MCP client: the server's request, to put it again if the client's answer lacks it."""

    def text(self) -> str:
        return base64.urlsafe_b64encode(encode(self)).decode()


def binding(call: ToolCall) -> str:
    """What a ticket is good for: this tool, these arguments, this person."""
    fields: list[Any] = [call.workspace, call.tool, call.arguments, call.principal.kind, call.principal.id]
    if call.method != "tools/call":
        fields.append(call.method)
    return hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).hexdigest()


def read_ticket(call: ToolCall) -> Ticket:
    """The ticket of a repeated call.

    Raises:
        InvalidArguments: it is damaged, or belongs to another call.
    """
    try:
        ticket = decode(base64.urlsafe_b64decode(call.state), Ticket)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidArguments("The state of this answer is damaged; call the tool again without it.") from error
    if ticket.bound != binding(call):
        raise InvalidArguments("This answer belongs to another call; call the tool again without it.")
    return ticket


def answer_of(call: ToolCall) -> dict[str, Any]:
    """The person's answer as MCP's `ElicitResult`. A plain object of fields means that they accepted."""
    answers = call.answers
    if answers is None:
        return {"action": "cancel"}
    if answers.get("action") in ("accept", "decline", "cancel") and set(answers) <= {"action", "content"}:
        return answers
    return {"action": "accept", "content": answers}


def give_answer(call: ToolCall, inbound: Inbound) -> None:
    """Answer the server's question with what the call brings: a person's answer, or an MCP client's."""
    client = call.client
    if client is None:
        inbound.respond(answer_of(call))
    elif isinstance(refusal := client.refusals.get(PARK_KEY), dict):
        refusal = cast("dict[str, Any]", refusal)
        code = refusal.get("code")
        inbound.refuse(code if isinstance(code, int) else -32603, str(refusal.get("message") or "refused")[:1000])
    else:
        answer: Any = client.responses.get(PARK_KEY)
        inbound.respond(cast("dict[str, Any]", answer) if isinstance(answer, dict) else {"action": "cancel"})


@dataclass(eq=False)
class Park:
    """A call in flight whose server waits for a person."""

    exchange: Exchange
    inbound: Inbound
    release: Callable[[], Awaitable[object]]
    """Tells the upstream that the call is over."""
    owner: str = ""
    """On whose behalf it was called."""

    async def leave(self, reason: str) -> None:
        """Nobody will answer: tell the server and give up the call."""
        self.inbound.respond({"action": "cancel"})
        self.exchange.abandon(reason)
        await self.release()


class Parking:
    """Parked calls of this process."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._parks: dict[str, Park] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._parks)

    async def put(self, park: Park) -> str:
        """Keep a call for a while. Returns its id. When too many wait, its owner's oldest is given up first."""
        own = [key for key, one in self._parks.items() if one.owner == park.owner]
        if len(own) >= _PARKS_LIMIT_EACH or len(self._parks) >= _PARKS_LIMIT:
            oldest = self.take(own[0] if own else next(iter(self._parks)))
            if oldest is not None:
                await oldest.leave("too many calls wait for answers")
        park_id = short_token()
        self._parks[park_id] = park
        self._timers[park_id] = asyncio.create_task(self._expire(park_id), name="parked call")
        return park_id

    def take(self, park_id: str) -> Park | None:
        """Take a call back, if it is still here and its server still waits."""
        park = self._parks.pop(park_id, None)
        timer = self._timers.pop(park_id, None)
        if timer is not None:
            timer.cancel()
        return park

    async def stop(self) -> None:
        for park_id in list(self._parks):
            park = self.take(park_id)
            if park is not None:
                await park.leave("botkit is stopping")

    async def _expire(self, park_id: str) -> None:
        await self._clock.sleep(PARK_S)
        park = self._parks.pop(park_id, None)
        self._timers.pop(park_id, None)
        if park is not None:
            await park.leave("nobody answered in time")
