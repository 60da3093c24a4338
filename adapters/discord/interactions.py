"""Interactions: pressed buttons and slash commands want an answer within three seconds and take more for a quarter of
an hour.

Each is stored first and answered at once with "received" (a button) or "thinking" (a command). What the bot then says
to a command takes the place of "thinking"; if it says nothing, that line is taken away again. The button of a form is
answered by its dialog, when that is there in time.

Source: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

__all__ = ["Interactions", "first_answer", "handle_of", "verify_signature"]

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, cast

import msgspec
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.discord.api import DiscordApi, Refused, Upload
from adapters.discord.components import FORM
from botkit.sdk import AdapterError, BadSignature, BotkitError, ChatGone, Clock, Conversation

_log = structlog.get_logger("botkit.discord")

Raw = Mapping[str, Any]

TOKEN_S = 890.0
"""An interaction's token works for fifteen minutes."""
ANSWER_WAIT_S = 8.0
"""A command nobody answers by then had nothing to say: "thinking" is taken away."""
STALE_S = 300.0
"""A signed request older than this, or so far in the future, is somebody's repetition."""
TIMEOUT_S = 2.5
FORM_WAIT_S = 2.0
"""How long a press on the button of a form waits for its dialog; Discord waits for three seconds."""
EPHEMERAL = 1 << 6
_PING, _COMMAND, _PRESS = 1, 2, 3
_PONG, _DEFERRED_MESSAGE, _DEFERRED_UPDATE = 1, 5, 6
_KEPT = 2000
_SETTLE_S = 3.0
_NOT_ANSWERED = 10015
"""What Discord says of an interaction whose first answer it has not read yet, and of one that is over."""
_OVER = frozenset({10008, 10015, 10062, 40060, 50027})
"""It was answered already, or it is too late to."""


def verify_signature(public_key: str, headers: Raw, body: bytes, now_s: float) -> None:
    """Check that a request comes from Discord and is fresh.

    Args:
        public_key: hex, of the application; empty refuses everything.
        headers: with lower-case names.
        now_s: seconds since 1970.

    Raises:
        BadSignature: absent, malformed, wrong or stale.
    """
    timestamp = str(headers.get("x-signature-timestamp", ""))
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        signature = bytes.fromhex(str(headers.get("x-signature-ed25519", "")))
        key.verify(signature, timestamp.encode("utf-8", "surrogateescape") + body)
        age_s = abs(now_s - int(timestamp))
    except (InvalidSignature, ValueError):
        raise BadSignature("the signature of the interaction is wrong or missing") from None
    if age_s > STALE_S:
        raise BadSignature("the interaction was signed too long ago: is the clock of this machine right?")


def handle_of(interaction: Raw) -> str:
    """What `acknowledge` needs of an interaction."""
    return f"{interaction['id']}:{interaction['token']}"


def first_answer(interaction: Raw) -> dict[str, Any]:
    """What Discord hears at once. In a server, the answer to a command is shown to its author alone."""
    kind = interaction.get("type")
    if kind == _PING:
        return {"type": _PONG}
    if kind == _COMMAND:
        return {"type": _DEFERRED_MESSAGE, "data": {"flags": EPHEMERAL if interaction.get("guild_id") else 0}}
    return {"type": _DEFERRED_UPDATE}


class _Command(msgspec.Struct, frozen=True):
    """A command that waits for what the bot says."""

    token: str
    room: str
    is_dm: bool
    until: float
    """On the monotonic clock."""


class _Opening(msgspec.Struct, frozen=True):
    """A press on the button of a form that waits for its dialog."""

    token: str
    body: asyncio.Future[dict[str, Any]] | None
    """The first answer, where the HTTP response carries it."""


def opens_form(interaction: Raw) -> bool:
    """Whether it is a press on the button of a form."""
    data = cast("Raw", interaction.get("data") or {})
    return interaction.get("type") == _PRESS and str(data.get("custom_id", "")).startswith(FORM)


class Interactions:
    """Those of one channel that may still be answered. What is lost in a restart is answered in the channel."""

    def __init__(self, api: DiscordApi, clock: Clock, application_id: str, channel: str):
        self._api = api
        self._clock = clock
        self._application_id = application_id
        self._channel = channel
        self._commands: OrderedDict[str, _Command] = OrderedDict()
        self._opening: dict[str, _Opening] = {}
        self._answering: OrderedDict[str, asyncio.Task[None] | None] = OrderedDict()
        self._said: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for opening in self._opening.values():
            if opening.body is not None:
                opening.body.set_result({"type": _DEFERRED_UPDATE})
        self._opening.clear()

    # --- the first answer -------------------------------------------------------------------------------

    def received(self, interaction: Raw, conversation: Conversation, *, answered: bool = False) -> None:
        """It is stored: answer in the background, unless the HTTP response does (`answered`)."""
        number, token = str(interaction["id"]), str(interaction["token"])
        if number in self._answering:
            return
        if interaction.get("type") == _COMMAND:
            until = self._clock.monotonic() + TOKEN_S
            _keep(self._commands, number, _Command(token, conversation.key, conversation.kind == "dm", until))
            self._spawn(self._tidy(number))
        if opens_form(interaction):
            body = asyncio.get_running_loop().create_future() if answered else None
            self._opening[number] = _Opening(token, body)
            self._spawn(self._give_up(number))
            _keep(self._answering, number, None)
            return
        task = None if answered else self._spawn(self._answer(number, token, first_answer(interaction)))
        _keep(self._answering, number, task)

    async def _answer(self, number: str, token: str, body: dict[str, Any]) -> None:
        path = "/interactions/{interaction_id}/{interaction_token}/callback"
        await self._quietly("POST", path, body=body, interaction_id=number, interaction_token=token)

    # --- dialogs ----------------------------------------------------------------------------------------

    async def open(self, handle: str, dialog: dict[str, Any]) -> bool:
        """Answer a press on the button of a form with its dialog; False when it is too late for that."""
        number, _, token = handle.partition(":")
        opening = self._opening.pop(number, None)
        if opening is None:
            if number in self._answering or not token:
                return False  # answered already, or the process was another when it was pressed
            _keep(self._answering, number, None)
        elif opening.body is not None:
            opening.body.set_result(dialog)
            return True
        path = "/interactions/{interaction_id}/{interaction_token}/callback"
        if await self._quietly("POST", path, body=dialog, interaction_id=number, interaction_token=token):
            return True
        self._answering.pop(number, None)
        return False

    async def awaited(self, interaction: Raw) -> dict[str, Any]:
        """The first answer to an interaction that came by HTTP, once it is known."""
        opening = self._opening.get(str(interaction.get("id", "")))
        return await asyncio.shield(opening.body) if opening and opening.body else first_answer(interaction)

    async def _give_up(self, number: str) -> None:
        await self._clock.sleep(FORM_WAIT_S)
        self._settle(number)

    def _settle(self, number: str) -> None:
        """No dialog comes: the press was received, that is all."""
        opening = self._opening.pop(number, None)
        if opening is None:
            return
        body: dict[str, Any] = {"type": _DEFERRED_UPDATE}
        if opening.body is not None:
            opening.body.set_result(body)
        else:
            self._answering[number] = self._spawn(self._answer(number, opening.token, body))

    async def _tidy(self, number: str) -> None:
        await self._clock.sleep(ANSWER_WAIT_S)
        command = self._commands.pop(number, None)
        if command is not None:
            path = "/webhooks/{application_id}/{webhook_token}/messages/@original"
            await self._quietly(
                "DELETE", path, application_id=self._application_id, webhook_token=command.token, safe=True
            )

    async def said(self, handle: str, text: str) -> None:
        """Tell whoever pressed a button what came of it; once, and to them alone."""
        number, _, token = handle.partition(":")
        if not token or handle in self._said:
            return
        _keep(self._said, handle, None)
        self._settle(number)
        if number not in self._answering:
            _keep(self._answering, number, self._spawn(self._answer(number, token, {"type": _DEFERRED_UPDATE})))
        first = self._answering[number]
        if first is not None:
            await asyncio.wait((first,))
        if text:
            body: dict[str, Any] = {"content": text[:2000], "flags": EPHEMERAL, "allowed_mentions": {"parse": []}}
            path = "/webhooks/{application_id}/{webhook_token}"
            await self._quietly("POST", path, body=body, application_id=self._application_id, webhook_token=token)

    # --- what the bot says to a command -----------------------------------------------------------------

    def waiting(self, conversation: Conversation, reply_to: str) -> str:
        """The id of the command a message answers: the one it names, or the oldest in a direct chat. Else empty."""
        now = self._clock.monotonic()
        for number, command in self._commands.items():
            here = command.room == conversation.key and now < command.until
            if here and (number == reply_to or (command.is_dm and not reply_to)):
                return number
        return ""

    async def reply(self, number: str, body: dict[str, Any], uploads: Sequence[Upload]) -> str:
        """Put a message in the place of "thinking"; returns its id, or empty when it is too late for that.

        Repeating it does no harm. Raises what `DiscordApi.call` raises.
        """
        command = self._commands[number]
        first = self._answering.get(number)
        if first is not None:
            await asyncio.wait((first,))
        kept = {key: value for key, value in body.items() if key not in {"message_reference", "nonce", "enforce_nonce"}}
        try:
            sent = await self._api.call(
                "PATCH",
                "/webhooks/{application_id}/{webhook_token}/messages/@original",
                body=kept,
                uploads=uploads,
                safe=True,
                application_id=self._application_id,
                webhook_token=command.token,
            )
        except (Refused, ChatGone) as error:
            if isinstance(error, Refused) and error.number not in _OVER:
                raise
            age_s = self._clock.monotonic() - (command.until - TOKEN_S)
            if isinstance(error, Refused) and error.number == _NOT_ANSWERED and age_s < _SETTLE_S:
                raise _too_early() from None
            self._commands.pop(number, None)
            return ""
        self._commands.pop(number, None)
        return str(sent["id"])

    # --- shared pieces ----------------------------------------------------------------------------------

    async def _quietly(self, method: str, path: str, **arguments: Any) -> bool:
        try:
            await self._api.call(method, path, timeout_s=TIMEOUT_S, **arguments)
        except BotkitError as error:
            _log.debug("discord_interaction_failed", channel=self._channel, code=error.code, detail=str(error))
            return False
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _keep(table: OrderedDict[str, Any], key: str, value: Any) -> None:
    table[key] = value
    while len(table) > _KEPT:
        table.popitem(last=False)


def _too_early() -> AdapterError:
    error = AdapterError("Discord has not read our first answer to the command yet")
    error.retryable = True
    error.retry_after_s = 0.3
    return error
