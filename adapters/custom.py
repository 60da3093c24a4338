"""Any front end of your own: one signed request in, the bot's answer as JSON out.

    POST /api/bots/webhook/custom/{channel}
    {"text": "where is A-1002?", "user_id": "42", "channel_id": "help", "user_name": "Ada", "message_id": "m1"}

    {"response": "…", "status": "completed", "tool_calls": [{"toolName", "arguments", "result", "latencyMs",
     "success"}], "tokens": {"input", "output"}, "cost_cents": 0, "latency_ms": 812, "run_id": "…", …}

Requests carry the channel's secret as `Authorization: Bearer …`, or `X-Timestamp` and `X-Signature-256: sha256=…`, the
HMAC-SHA256 of `{timestamp}.{body}`. A repeated `message_id` is the same message, and gets the same answer.
"""

from __future__ import annotations

__all__ = ["Custom"]

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast
from uuid import uuid4

import msgspec

from botkit.sdk import (
    WHOLE,
    Action,
    Adapter,
    BadSignature,
    Capabilities,
    ChannelFatal,
    Conversation,
    Event,
    Health,
    HttpRequest,
    HttpResponse,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    User,
    form_fields,
    plain_text,
    rich_json,
)

TEXT_LIMIT = 100_000
BODY_LIMIT_BYTES = 1024 * 1024
_NAME_LIMIT = 200
_WINDOW_S = 300
_CAPABILITIES = msgspec.structs.replace(
    WHOLE,
    text_limit=TEXT_LIMIT,
    idempotent_send="native",
    commands=True,
)
_PATIENT = ("running", "waiting")


class Custom(Adapter):
    """One front end of the operator's own. Configuration (`CustomChannel`): `secret`, `timeout_s`."""

    platform: ClassVar[str] = "custom"

    def __init__(self, channel: str, config: Any, host: Any):
        super().__init__(channel, config, host)
        self._secret = ""

    async def start(self) -> None:
        """Raises `ChannelFatal` for a secret that can be guessed."""
        secret = await self.host.secret(self.config.secret.secret)
        if len(secret) < 16:
            raise ChannelFatal("the secret has fewer than 16 characters: store a longer one, such as 32 random ones")
        self._secret = secret
        self.host.report(Health(state="ok", since=self.host.clock.micros()))

    async def stop(self) -> None:
        self._secret = ""
        self.host.report(Health(state="off", since=self.host.clock.micros()))

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        """The message of a checked request (see `_problem`)."""
        message_id = str(payload.get("message_id") or f"auto:{uuid4().hex}")
        user = str(payload["user_id"])
        place = Conversation(channel=self.channel, room=str(payload["channel_id"]), thread=user, kind="dm")
        pressed = str(payload.get("action") or "")
        text = str(payload.get("text") or "")
        name, _, rest = text[1:].partition(" ")
        command = name.lower() if text.startswith("/") and name.isidentifier() else ""
        return (
            Event(
                channel=self.channel,
                dedupe_key=message_id,
                kind="action" if pressed else "command" if command else "message",
                conversation=place,
                sender=User(id=user, name=str(payload.get("user_name") or "")),
                occurred_at=self.host.clock.now(),
                text=rest.lstrip() if command else text,
                command=command,
                addressed="command" if command else "dm",
                message_id=message_id,
                action=_action(payload, pressed) if pressed else None,
            ),
        )

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Verify, store, wait, answer: 200 with the answer, 202 while it is not there yet."""
        self.verify(request)
        if request.method != "POST":
            return _refused(405, "send the message by POST")
        if len(request.body) > BODY_LIMIT_BYTES:
            return _refused(413, f"a request has at most {BODY_LIMIT_BYTES // 1024} KiB")
        try:
            payload: object = json.loads(request.body)
        except (ValueError, RecursionError):
            return _refused(400, "the body is not JSON")
        problem = _problem(payload)
        if problem:
            return _refused(422, problem)
        (event,) = self.parse(cast("dict[str, Any]", payload))
        report = await self.host.converse(event, float(self.config.timeout_s))
        answer = {**report, "message_id": event.message_id}
        return _json(202 if report.get("status") in _PATIENT else 200, answer)

    def verify(self, request: HttpRequest) -> None:
        """Check the bearer token, or the signature and its age. Raises `BadSignature`."""
        if not self._secret:
            raise BadSignature("the channel is not running", channel=self.channel)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            if not hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), self._secret.encode()):
                raise BadSignature("the bearer token is wrong", channel=self.channel)
            return
        stamp = request.headers.get("x-timestamp", "")
        if not stamp.isdecimal() or abs(self.host.clock.micros() / 1e6 - int(stamp[:15])) > _WINDOW_S:
            raise BadSignature("send a bearer token, or a signature not older than 5 minutes", channel=self.channel)
        expected = hmac.new(self._secret.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        given = request.headers.get("x-signature-256", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"sha256={expected}".encode()):
            raise BadSignature("the signature is wrong", channel=self.channel)

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return _CAPABILITIES

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        """All of it in words, and `rich` as it is, for front ends that show more than text."""
        lines = [
            plain_text(msgspec.structs.replace(message, buttons=())),
            *(f"[{one.name or one.kind}]" for one in message.attachments),
        ]
        buttons = [{"label": b.label, "value": b.value, "url": b.url} for row in message.buttons for b in row]
        lines += [f"▸ {b['label']}: {b['url'] or b['value']}" for b in buttons]
        text = "\n".join(line for line in lines if line)[:TEXT_LIMIT]
        payload = {"text": text, "buttons": buttons, "rich": rich_json(message)}
        return (Rendered(payload=payload, text=text),) if text else ()

    async def send(self, part: Part) -> Receipt:
        """Always succeeds: whoever asked is answered in their request, also when they ask again."""
        return Receipt(message_id=part.message_id or part.id)


def _problem(payload: object) -> str:
    """What is wrong with a request; empty when nothing is."""
    if not isinstance(payload, dict):
        return "the body is not a JSON object"
    fields = cast("dict[str, Any]", payload)
    for name in ("user_id", "channel_id"):
        value = fields.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= _NAME_LIMIT or not _is_plain(value):
            return f"{name} is a text of 1 to {_NAME_LIMIT} characters"
    for name in ("text", "user_name", "message_id", "action"):
        value = fields.get(name, "")
        limit = TEXT_LIMIT if name == "text" else _NAME_LIMIT
        if not isinstance(value, str) or len(value) > limit or not _is_plain(value):
            return f"{name} is a text of at most {limit} characters"
    values, answers = fields.get("values", []), fields.get("fields", {})
    if not isinstance(values, list) or not all(_is_word(one) for one in cast("list[object]", values)):
        return f"values is a list of texts of at most {_NAME_LIMIT} characters"
    if not isinstance(answers, dict) or not all(
        _is_word(name) and _is_answer(value) for name, value in cast("dict[object, object]", answers).items()
    ):
        return "fields is an object of texts, numbers, flags and lists of texts"
    if (values or answers) and not fields.get("action"):
        return "values and fields belong to an action"
    if not (fields.get("text") or fields.get("action")):
        return "text is missing"
    return ""


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _NAME_LIMIT and _is_plain(value)


def _is_answer(value: object) -> bool:
    """One field of a form."""
    if isinstance(value, list):
        return all(_is_word(one) for one in cast("list[object]", value))
    if isinstance(value, str):
        return len(value) <= TEXT_LIMIT and _is_plain(value)
    return value is None or isinstance(value, bool | int | float)


def _action(payload: Mapping[str, Any], pressed: str) -> Action:
    """A pressed button, a choice, or a form that was sent."""
    values = tuple(str(value) for value in payload.get("values") or ())
    fields = form_fields(cast("dict[str, Any]", payload.get("fields") or {}))
    return Action(value=values[0] if values else pressed, values=values, fields=fields, sent="fields" in payload)


def _is_plain(text: str) -> bool:
    """Neither NUL nor halves of surrogate pairs, which no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _refused(status: int, message: str) -> HttpResponse:
    return _json(status, {"error": {"code": "request", "message": message}})


def _json(status: int, body: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(status=status, body=json.dumps(body).encode(), content_type="application/json")
