"""The JSON interface behind the page, below `/api/sandbox/`.

Every error is `{"error": {"code", "message"}}`; the message is a sentence to show.
"""

from __future__ import annotations

__all__ = ["MESSAGE_LIMIT_BYTES", "SANDBOX", "Endpoints"]

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
import structlog
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from botkit.console.guard import error_response, http_status, read_json
from botkit.console.hub import Hub
from botkit.console.runs import run_page
from botkit.console.stream import NO_ROOM, events
from botkit.console.views import TurnView, turns
from botkit.core.clock import Clock
from botkit.core.console import ConsoleApi, TraceView, WaitView
from botkit.core.data import Data
from botkit.core.errors import BotkitError, LimitReached
from botkit.core.events import Attachment, Conversation
from botkit.core.ids import split_key
from botkit.core.stores import RunSummary

_log = structlog.get_logger("botkit.console")

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

SANDBOX = "sandbox"
MESSAGE_LIMIT_BYTES = 64 * 1024
"""Of the text of one message, in UTF-8."""

FILES_LIMIT = 10
"""Files of one message."""
FILE_LIMIT_BYTES = 20 * 1024 * 1024
"""Of one file; `settings.file_limit_bytes` may be less."""

_HISTORY_LIMIT = 200
_OPEN_LIMIT = 20
_ROOM_LIMIT = 128
_NAME_CHARS = 200

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=_ROOM_LIMIT)]
Short: TypeAlias = Annotated[str, Meta(max_length=_ROOM_LIMIT)]


class _Message(Data):
    room: Name
    bot: Name
    person: Name
    text: str
    message_id: Short = ""
    files: Annotated[tuple[Attachment, ...], Meta(max_length=FILES_LIMIT)] = ()


class _Press(Data):
    room: Name
    bot: Name
    person: Name
    value: Name
    message_id: Short = ""


class _Stop(Data):
    room: Name
    bot: Name
    person: Name


class _Decision(Data):
    wait_id: Annotated[str, Meta(min_length=1, max_length=512)]
    approved: bool
    comment: Annotated[str, Meta(max_length=2000)] = ""


class _Resolution(Data):
    wait_id: Annotated[str, Meta(min_length=1, max_length=512)]
    action: Literal["retry", "result", "fail"]
    text: Annotated[str, Meta(max_length=20_000)] = ""


class _Answer(Data):
    wait_id: Annotated[str, Meta(min_length=1, max_length=512)]
    fields: Annotated[dict[str, str | bool | float | list[str]], Meta(max_length=100)]


class ChatInfo(Data, omit_defaults=False):
    """A chat that was held on the page or in the terminal, for the list of chats."""

    room: str
    bot: str
    person: str
    title: str
    at: int
    """Microseconds, UTC, of the newest turn."""
    state: str = ""
    """Of the newest turn that has not ended."""


class Chat(Data, omit_defaults=False):
    """Everything needed to show a chat again."""

    room: str
    conversation: str
    turns: tuple[TurnView, ...]
    waits: tuple[WaitView, ...]


class Endpoints:
    """One method per path; each takes the request and answers with JSON, or with the event stream."""

    def __init__(self, api: ConsoleApi, hub: Hub, clock: Clock):
        self._api = api
        self._hub = hub
        self._clock = clock

    async def overview(self, request: Request) -> Response:
        return _json(await self._api.overview())

    async def stream(self, request: Request) -> Response:
        room = request.query_params.get("room", "") or NO_ROOM
        if len(room) > _ROOM_LIMIT:
            return error_response(400, "bad_request", f"A room's name has at most {_ROOM_LIMIT} characters.")
        # the header on the browser's own reconnects, the parameter on those of the page
        last = request.headers.get("last-event-id") or request.query_params.get("last", "")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(events(self._hub, room, last), media_type="text/event-stream", headers=headers)

    async def send(self, request: Request) -> Response:
        body = await read_json(request, _Message)
        if isinstance(body, Response):
            return body
        if not body.text and not body.files:
            return error_response(400, "bad_request", "The request does not fit: write something, or attach a file.")
        size = len(body.text.encode())
        if size > MESSAGE_LIMIT_BYTES:
            raise LimitReached(
                f"The message is {_kib(size)} long; at most {_kib(MESSAGE_LIMIT_BYTES)} can be sent at once. "
                "Send it in pieces.",
                limit="message_bytes",
                value=MESSAGE_LIMIT_BYTES,
            )
        sent = await self._api.send(
            body.room,
            bot=body.bot,
            person=body.person,
            text=body.text,
            message_id=body.message_id,
            files=body.files,
        )
        return _json(sent, status=202)

    async def attach(self, request: Request) -> Response:
        """A file of the next message: its bytes as they are, its name in `?name=`."""
        name = PurePosixPath(request.query_params.get("name", "").replace("\\", "/")).name[:_NAME_CHARS]
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > FILE_LIMIT_BYTES:
                most = f"at most {FILE_LIMIT_BYTES // 1024**2} MiB can be attached"
                raise LimitReached(f"{name or 'The file'} is too large: {most}.", limit="file", value=FILE_LIMIT_BYTES)
        if not name or not data:
            return error_response(400, "bad_request", "The file is empty, or has no name.")
        return _json(await self._api.attach(name, bytes(data)), status=201)

    async def press(self, request: Request) -> Response:
        body = await read_json(request, _Press)
        if isinstance(body, Response):
            return body
        sent = await self._api.press(
            body.room, bot=body.bot, person=body.person, value=body.value, message_id=body.message_id
        )
        return _json(sent, status=202)

    async def stop(self, request: Request) -> Response:
        body = await read_json(request, _Stop)
        if isinstance(body, Response):
            return body
        await self._api.stop(body.room, bot=body.bot, person=body.person)
        return _json({}, status=202)

    async def chats(self, request: Request) -> Response:
        runs = await self._api.runs(limit=_HISTORY_LIMIT)
        return _json({"chats": _chats(runs)})

    async def chat(self, request: Request) -> Response:
        room: str = request.path_params["room"]
        conversation = Conversation(channel=SANDBOX, room=room).key
        entries = await self._api.history(room, limit=_HISTORY_LIMIT)
        runs = [summary.run for summary in await self._api.runs(conversation=conversation, limit=_HISTORY_LIMIT)]
        open_runs = [run for run in runs if run.state in ("running", "waiting")][:_OPEN_LIMIT]
        traces: Mapping[str, TraceView] = {run.id: await self._api.trace(run.id) for run in open_runs}
        waits = tuple(wait for wait in await self._api.waits() if wait.conversation == conversation)
        shown = Chat(room=room, conversation=conversation, turns=tuple(turns(entries, runs, traces)), waits=waits)
        return _json(shown)

    async def waits(self, request: Request) -> Response:
        return _json({"waits": tuple(await self._api.waits())})

    async def decide(self, request: Request) -> Response:
        body = await read_json(request, _Decision)
        if isinstance(body, Response):
            return body
        try:
            decided = await self._api.decide(body.wait_id, approved=body.approved, comment=body.comment)
        finally:
            self._hub.refresh()
        return _json(decided)

    async def answer(self, request: Request) -> Response:
        body = await read_json(request, _Answer)
        if isinstance(body, Response):
            return body
        try:
            answered = await self._api.answer(body.wait_id, fields=body.fields)
        finally:
            self._hub.refresh()
        return _json(answered)

    async def resolve(self, request: Request) -> Response:
        body = await read_json(request, _Resolution)
        if isinstance(body, Response):
            return body
        try:
            resolved = await self._api.resolve(body.wait_id, action=body.action, text=body.text)
        finally:
            self._hub.refresh()
        return _json(resolved)

    async def run(self, request: Request) -> Response:
        view = await self._api.trace(request.path_params["run_id"])
        return _json(run_page(view, now_us=self._clock.micros()))

    async def cancel(self, request: Request) -> Response:
        body = await read_json(request, dict[str, object])
        if isinstance(body, Response):
            return body
        await self._api.cancel(request.path_params["run_id"])
        self._hub.refresh()
        return _json({})


def answering(endpoint: Endpoint) -> Endpoint:
    """Turn what an endpoint raises into the JSON that reports it."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BotkitError as error:
            return error_response(http_status(error), error.code, str(error))
        except Exception:
            _log.exception("console_request_failed", path=request.url.path)
            return error_response(500, "internal", "Something went wrong on the server; its log says what.")

    return answer


def _json(value: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f} KiB"


def _chats(runs: Sequence[RunSummary]) -> list[ChatInfo]:
    """The rooms of the sandbox channel among these runs, newest first."""
    found: dict[str, ChatInfo] = {}
    for summary in runs:
        run = summary.run
        if run.channel != SANDBOX:
            continue
        room = split_key(run.conversation)[1]
        newer = found.get(room)
        open_state = run.state if run.state in ("running", "waiting") else ""
        found[room] = ChatInfo(
            room=room,
            bot=newer.bot if newer else run.bot,
            person=newer.person if newer else str(run.input.get("sender_id") or run.person_id),
            title=summary.text or (newer.title if newer else ""),
            at=newer.at if newer else run.updated_at or run.started_at,
            state=(newer.state if newer else "") or open_state,
        )
    return list(found.values())
