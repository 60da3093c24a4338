"""Anthropic messages: what the API accepts, refuses and sends.

Source: https://docs.anthropic.com/en/api/messages and its "Messages streaming" page.
"""

from __future__ import annotations

__all__ = ["AnthropicWire"]

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from botkit.testing.llm_servers.contents import encoded_problem
from botkit.testing.llm_servers.script import Call, Reply, Usage, pieces
from botkit.testing.llm_servers.wire import Json, Refusal, Request, count_usage, first_problem, json_frame

_TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_IMAGE_LIMIT_BYTES = 5 * 1024**2
_MOST_MARKS = 4
_SCHEMA_BETA = "structured-outputs-"
_TOOL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
_STOP = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Text(_Strict):
    type: Literal["text"]
    text: str
    cache_control: Json | None = None
    citations: Any = None


class _Thinking(_Strict):
    type: Literal["thinking"]
    thinking: str
    signature: str


class _Image(_Strict):
    type: Literal["image", "document"]
    source: Json
    cache_control: Json | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the file."""
        if self.source.get("type") != "base64":
            return ""
        mime, data = str(self.source.get("media_type")), str(self.source.get("data"))
        if self.type == "document":
            return encoded_problem(mime, data) if mime == "application/pdf" else f"Unsupported document: {mime}"
        if not mime.startswith("image/"):
            return f"source.base64.media_type: Input should be an image, not {mime}"
        return encoded_problem(mime, data, limit_bytes=_IMAGE_LIMIT_BYTES)


class _ToolUse(_Strict):
    type: Literal["tool_use"]
    id: str
    name: str
    input: Json
    cache_control: Json | None = None


class _ToolResult(_Strict):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[_Text | _Image] | None = None
    is_error: bool | None = None
    cache_control: Json | None = None


_Block = Annotated[_Text | _Thinking | _Image | _ToolUse | _ToolResult, Field(discriminator="type")]


class _Message(_Strict):
    role: Literal["user", "assistant"]
    content: str | list[_Block]

    def ids(self, kind: type[_ToolUse | _ToolResult]) -> list[str]:
        """Ids of the tool uses or tool results in this message, in order."""
        if isinstance(self.content, str):
            return []
        found = [block for block in self.content if isinstance(block, kind)]
        return [block.id if isinstance(block, _ToolUse) else block.tool_use_id for block in found]


class _ToolSpec(_Strict):
    name: str
    description: str | None = None
    input_schema: Json
    type: Literal["custom"] | None = None
    cache_control: Json | None = None
    strict: bool | None = None


class _ToolChoice(_Strict):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _OutputFormat(_Strict):
    """Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs"""

    type: Literal["json_schema"]
    json_schema: Json = Field(alias="schema")


class _Body(_Strict):
    model: str
    max_tokens: int = Field(ge=1)
    messages: list[_Message] = Field(min_length=1)
    system: str | list[_Text] | None = None
    tools: list[_ToolSpec] | None = None
    tool_choice: _ToolChoice | None = None
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: Json | None = None
    thinking: Json | None = None
    service_tier: str | None = None
    output_format: _OutputFormat | None = None


class AnthropicWire:
    """`POST /v1/messages`."""

    name = "anthropic"

    def check(self, request: Request) -> Refusal | None:
        bearer = request.headers.get("authorization", "").startswith("Bearer ")
        if not (request.headers.get("x-api-key") or bearer):  # newer clients of theirs send the key as a bearer
            return Refusal(401, "x-api-key header is required")
        if not request.headers.get("anthropic-version"):
            return Refusal(400, "anthropic-version: header is required")
        request.streamed = request.body.get("stream") is True
        try:
            body = _Body.model_validate(request.body)
        except ValidationError as error:
            path, kind, message = first_problem(error)
            kinds = {"missing": "Field required", "extra_forbidden": "Extra inputs are not permitted"}
            return Refusal(400, f"{path}: {kinds.get(kind, message)}")
        request.model = body.model
        if body.output_format is not None and _SCHEMA_BETA not in request.headers.get("anthropic-beta", ""):
            return Refusal(400, "output_format: Extra inputs are not permitted")
        problem = (
            _schema(body) or _tools(body) or _contents(body.messages) or _turns(body.messages) or _marks(request.body)
        )
        return Refusal(400, problem) if problem else None

    def render(self, reply: Reply, request: Request) -> Json:
        usage = count_usage(reply, request)
        content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
        for number, call in enumerate(reply.calls):
            content.append({**_use(number, call, request), "input": json.loads(call.arguments_json or "{}")})
        message = _message(request, usage)
        message["content"] = content
        message["stop_reason"] = _STOP[reply.finish_reason]
        message["usage"]["output_tokens"] = usage.output_tokens
        return message

    def render_frames(self, reply: Reply, request: Request) -> Sequence[bytes]:
        usage = count_usage(reply, request)
        start = _message(request, usage)
        frames = [_event({"type": "message_start", "message": start})]
        index = 0
        if reply.text:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(reply.text, reply.piece_chars)]
            frames += _block(index, {"type": "text", "text": ""}, deltas)
            index += 1
        for number, call in enumerate(reply.calls):
            parts = ["", *pieces(call.arguments_json, reply.piece_chars)]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
            frames += _block(index, {**_use(number, call, request), "input": {}}, deltas)
            index += 1
        end = {"stop_reason": _STOP[reply.finish_reason], "stop_sequence": None}
        frames.append(_event({"type": "message_delta", "delta": end, "usage": {"output_tokens": usage.output_tokens}}))
        return [*frames, _event({"type": "message_stop"})]

    def render_error(self, status: int, message: str, retry_after_s: float | None) -> Json:
        kind = _KINDS.get(status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": message or kind.replace("_", " ").capitalize()},
            "request_id": "req_fake",
        }

    def render_error_frame(self, message: str) -> bytes:
        return _event({"type": "error", "error": {"type": "overloaded_error", "message": message}})


def _event(data: Json) -> bytes:
    return json_frame(data, event=data["type"])


def _message(request: Request, usage: Usage) -> Json:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
            "cache_creation_input_tokens": usage.cache_write_tokens,
            "cache_read_input_tokens": usage.cached_tokens,
            "output_tokens": 1,
        },
    }


def _use(number: int, call: Call, request: Request) -> Json:
    return {"type": "tool_use", "id": call.id or f"toolu_{request.number}_{number}", "name": call.name}


def _block(index: int, block: Json, deltas: Sequence[Json]) -> list[bytes]:
    return [
        _event({"type": "content_block_start", "index": index, "content_block": block}),
        _event({"type": "ping"}),
        *(_event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        _event({"type": "content_block_stop", "index": index}),
    ]


def _tools(body: _Body) -> str:
    names: set[str] = set()
    for number, tool in enumerate(body.tools or ()):
        if not _TOOL_NAME.match(tool.name):
            return f"tools.{number}.custom.name: String should match pattern '{_TOOL_NAME.pattern}'"
        if tool.name in names:
            return "tools: Tool names must be unique."
        names.add(tool.name)
        if "type" not in tool.input_schema:
            return f"tools.{number}.custom.input_schema.type: Field required"
        if tool.input_schema["type"] != "object":
            return f"tools.{number}.custom.input_schema.type: Input should be 'object'"
    if body.tool_choice is not None and not body.tools:
        return "tool_choice: may only be specified while providing `tools`."
    if not body.tools and any(m.ids(_ToolUse) or m.ids(_ToolResult) for m in body.messages):
        return "Requests which have `tool_use` or `tool_result` blocks in `messages` must define any tools."
    return ""


def _schema(body: _Body) -> str:
    """Objects of a schema the answer is held to name all their properties."""
    if body.output_format is None or all(map(_is_closed, _objects(body.output_format.json_schema))):
        return ""
    return "output_format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"


def _is_closed(schema: Json) -> bool:
    return schema.get("additionalProperties") is False


def _objects(schema: Any) -> list[Json]:
    found: list[Json] = []
    if isinstance(schema, dict):
        fields = cast("Json", schema)
        found = [fields] if fields.get("type") == "object" else []
        return found + [one for value in fields.values() for one in _objects(value)]
    if isinstance(schema, list):
        return [one for value in cast("list[Any]", schema) for one in _objects(value)]
    return found


def _marks(body: Json) -> str:
    """Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching"""
    number = json.dumps(body).count('"cache_control": {')
    if number > _MOST_MARKS:
        return f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {number}."
    return ""


def _contents(messages: Sequence[_Message]) -> str:
    for number, message in enumerate(messages):
        if not message.content:
            return (
                f"messages.{number}: all messages must have non-empty content except for the optional final "
                "assistant message"
            )
        if isinstance(message.content, str):
            continue
        if any(isinstance(block, _Text) and not block.text.strip() for block in message.content):
            return "messages: text content blocks must be non-empty"
        for place, block in enumerate(message.content):
            if isinstance(block, _Image) and block.problem:
                return f"messages.{number}.content.{place}.{block.type}: {block.problem}"
        kinds = [type(block) for block in message.content]
        if _ToolResult in kinds and _Text in kinds[: len(kinds) - kinds[::-1].index(_ToolResult)]:
            return f"messages.{number}: `tool_result` blocks must come before any other content in a user message"
        if any(not _TOOL_ID.match(use) for use in message.ids(_ToolUse)):
            return f"messages.{number}.content.0.tool_use.id: String should match pattern '{_TOOL_ID.pattern}'"
    last = messages[-1]
    if last.role == "assistant" and isinstance(last.content, str) and last.content != last.content.rstrip():
        return "messages: final assistant content cannot end with trailing whitespace"
    return ""


def _turns(messages: Sequence[_Message]) -> str:
    """Roles alternate, starting with the user; each tool use is answered in the very next message."""
    if messages[0].role != "user":
        return 'messages: first message must use the "user" role'
    asked: list[str] = []
    role = ""
    for number, message in enumerate(messages):
        if message.role == role:
            return (
                'messages: roles must alternate between "user" and "assistant", '
                f'but found multiple "{role}" roles in a row'
            )
        role = message.role
        answers = message.ids(_ToolResult)
        strangers = [answer for answer in answers if answer not in asked]
        if strangers:
            return (
                f"messages.{number}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(strangers)}. Each `tool_result` block must have a corresponding `tool_use` block in "
                "the previous message."
            )
        missing = [use for use in asked if use not in answers]
        if missing:
            return (
                f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        asked = message.ids(_ToolUse)
    if asked:
        return (
            f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks: {', '.join(asked)}"
        )
    return ""
