"""OpenAI chat completions: what the API accepts, refuses and sends.

The rules are the ones that break agent loops in practice: every tool call answered, names and
schemas well formed, no options without what they belong to.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

__all__ = ["OpenAIWire"]

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from botkit.testing.llm_servers.contents import data_url_problem, encoded_problem
from botkit.testing.llm_servers.script import Reply, Usage, pieces
from botkit.testing.llm_servers.wire import Json, Refusal, Request, count_usage, first_problem, json_frame

_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_CREATED = 1_767_225_600
_KINDS = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "insufficient_permissions",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: Literal["text", "image_url", "input_audio", "file", "refusal"]
    image_url: Json | None = None
    input_audio: Json | None = None
    file: Json | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the file of this part."""
        match self.type:
            case "image_url":
                return data_url_problem(str((self.image_url or {}).get("url", "")))
            case "input_audio":
                audio = self.input_audio or {}
                if audio.get("format") not in ("wav", "mp3"):
                    return f"Invalid value: '{audio.get('format')}'. Supported values are: 'wav' and 'mp3'."
                return encoded_problem(f"audio/{audio['format']}", str(audio.get("data", "")))
            case "file":
                return data_url_problem(str((self.file or {}).get("file_data", "")))
            case _:
                return ""


class _Function(_Strict):
    name: str
    arguments: str


class _ToolCall(_Strict):
    id: str
    type: Literal["function"]
    function: _Function


class _System(_Strict):
    role: Literal["system", "developer"]
    content: str | list[_Part]
    name: str | None = None


class _User(_Strict):
    role: Literal["user"]
    content: str | list[_Part]
    name: str | None = None


class _Assistant(_Strict):
    role: Literal["assistant"]
    content: str | list[_Part] | None = None
    refusal: str | None = None
    name: str | None = None
    audio: Any = None
    function_call: Any = None
    tool_calls: list[_ToolCall] | None = None


class _Tool(_Strict):
    role: Literal["tool"]
    content: str | list[_Part]
    tool_call_id: str


_Message = Annotated[_System | _User | _Assistant | _Tool, Field(discriminator="role")]


class _FunctionSpec(_Strict):
    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class _ToolSpec(_Strict):
    type: Literal["function"]
    function: _FunctionSpec


class _StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: bool | None = None


class _Body(_Strict):
    model: str
    messages: list[_Message]
    tools: list[_ToolSpec] | None = None
    tool_choice: Literal["none", "auto", "required"] | Json | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    response_format: Json | None = None
    logit_bias: Json | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    store: bool | None = None


class OpenAIWire:
    """`POST /chat/completions`."""

    name = "openai"

    def check(self, request: Request) -> Refusal | None:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return Refusal(401, "You didn't provide an API key in an Authorization header using Bearer auth.")
        request.streamed = request.body.get("stream") is True
        try:
            body = _Body.model_validate(request.body)
        except ValidationError as error:
            path, kind, message = first_problem(error)
            if kind == "extra_forbidden" and "." not in path:
                return Refusal(400, f"Unrecognized request argument supplied: {path}")
            return Refusal(400, f"Invalid value for '{path}': {message}")
        request.model = body.model
        problem = _options(body) or _tools(body.tools) or _messages(body.messages)
        return Refusal(400, problem) if problem else None

    def render(self, reply: Reply, request: Request) -> Json:
        message: Json = {"role": "assistant", "content": reply.text or None, "refusal": None, "annotations": []}
        if reply.calls:
            message["tool_calls"] = [
                {
                    "id": call.id or f"call_{request.number}_{number}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments_json},
                }
                for number, call in enumerate(reply.calls)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        return {
            **_envelope(request, "chat.completion"),
            "choices": [choice],
            "usage": _usage(count_usage(reply, request)),
        }

    def render_frames(self, reply: Reply, request: Request) -> Sequence[bytes]:
        deltas: list[Json] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"content": piece} for piece in pieces(reply.text, reply.piece_chars)]
        for number, call in enumerate(reply.calls):
            head = {"name": call.name, "arguments": ""}
            deltas.append(
                {
                    "tool_calls": [
                        {
                            "index": number,
                            "id": call.id or f"call_{request.number}_{number}",
                            "type": "function",
                            "function": head,
                        }
                    ]
                }
            )
            deltas += [
                {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
                for piece in pieces(call.arguments_json, reply.piece_chars)
            ]
        options: Json = request.body.get("stream_options") or {}
        wants_usage = options.get("include_usage") is True
        envelope = _envelope(request, "chat.completion.chunk") | ({"usage": None} if wants_usage else {})
        frames = [json_frame({**envelope, "choices": [_chunk_choice(delta, None)]}) for delta in deltas]
        frames.append(json_frame({**envelope, "choices": [_chunk_choice({}, reply.finish_reason)]}))
        if wants_usage:
            usage = _usage(count_usage(reply, request))
            frames.append(json_frame({**envelope, "choices": [], "usage": usage}))
        return [*frames, b"data: [DONE]\n\n"]

    def render_error(self, status: int, message: str, retry_after_s: float | None) -> Json:
        kind = _KINDS.get(status, "server_error")
        text = message or ("Rate limit reached for requests" if status == 429 else "The server had an error.")
        code = "invalid_api_key" if status == 401 else "rate_limit_exceeded" if status == 429 else None
        return {"error": {"message": text, "type": kind, "param": None, "code": code}}

    def render_error_frame(self, message: str) -> bytes:
        return json_frame({"error": {"message": message, "type": "server_error", "param": None, "code": None}})


def _envelope(request: Request, kind: str) -> Json:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": _CREATED,
        "model": request.model,
        "system_fingerprint": "fp_fake",
        "service_tier": "default",
    }


def _chunk_choice(delta: Json, finish: str | None) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _options(body: _Body) -> str:
    if not body.messages:
        return "Invalid 'messages': empty array. Expected an array with minimum length 1."
    if body.stream_options is not None and not body.stream:
        return "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    if body.tools is None and body.tool_choice is not None:
        return "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
    if body.tools is None and body.parallel_tool_calls is not None:
        return "Invalid value for 'parallel_tool_calls': only allowed when 'tools' are specified."
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        return "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    if body.max_tokens is not None and re.match(r"o\d|gpt-5", body.model):
        return (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    return ""


def _tools(tools: list[_ToolSpec] | None) -> str:
    if tools is None:
        return ""
    if not tools:
        return "Invalid 'tools': empty array. Expected an array with minimum length 1."
    if len(tools) > 128:
        return f"Invalid 'tools': array too long. Expected an array with maximum length 128, got {len(tools)}."
    for number, tool in enumerate(tools):
        name, schema = tool.function.name, tool.function.parameters
        if not _NAME.match(name):
            return (
                f"Invalid 'tools[{number}].function.name': string does not match pattern. "
                f"Expected a string that matches the pattern '{_NAME.pattern}'."
            )
        if schema is not None and schema.get("type") != "object":
            return (
                f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', "
                f"got 'type: \"{schema.get('type')}\"'."
            )
    return ""


def _messages(messages: Sequence[_System | _User | _Assistant | _Tool]) -> str:
    open_ids: list[str] = []
    for number, message in enumerate(messages):
        for place, part in enumerate(message.content if isinstance(message.content, list) else ()):
            if part.problem:
                return f"Invalid 'messages[{number}].content[{place}]': {part.problem}"
        if isinstance(message, _Tool):
            if message.tool_call_id not in open_ids:
                return (
                    f"Invalid parameter: messages[{number}] with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'."
                )
            open_ids.remove(message.tool_call_id)
            continue
        if open_ids:
            break
        if isinstance(message, _Assistant):
            problem = _assistant(number, message)
            if problem:
                return problem
            open_ids = [call.id for call in message.tool_calls or ()]
    if open_ids:
        return (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}"
        )
    return ""


def _assistant(number: int, message: _Assistant) -> str:
    if message.tool_calls == []:
        return f"Invalid 'messages[{number}].tool_calls': empty array. Expected an array with minimum length 1."
    if message.content is None and not message.tool_calls and message.refusal is None:
        return f"Invalid value for 'content' of messages[{number}]: expected a string, got null."
    for call in message.tool_calls or ():
        if not _NAME.match(call.function.name):
            return f"Invalid 'messages[{number}].tool_calls[0].function.name': string does not match pattern."
        if len(call.id) > 40:
            return (
                f"Invalid 'messages[{number}].tool_calls[0].id': string too long. Expected a string with "
                f"maximum length 40, but got a string with length {len(call.id)} instead."
            )
    return ""
