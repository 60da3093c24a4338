"""Google Gemini `generateContent`: what the API accepts, refuses and sends.

Google parses JSON into protocol buffers, so unknown names are errors at any depth, also inside a
tool's schema: that is where agents that pass MCP schemas through unchanged fail.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

__all__ = ["GeminiWire"]

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from botkit.testing.llm_servers.contents import encoded_problem
from botkit.testing.llm_servers.script import Call, Reply, pieces
from botkit.testing.llm_servers.wire import Json, Refusal, Request, count_usage, first_problem, json_frame

_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
_PATH = re.compile(r"^/v1(beta)?/models/(?P<model>[^/:]+):(?P<method>generateContent|streamGenerateContent)$")
_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SIGNATURE = b"signed-by-fake"
_SKIP_SIGNATURE = b"skip_thought_signature_validator"
"""The value Google documents for calls that another model made."""


class _Proto(BaseModel):
    """A protocol buffer message: camelCase or snake_case names, nothing unknown."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class _Schema(_Proto):
    type: str | None = None
    format: str | None = None
    title: str | None = None
    description: str | None = None
    nullable: bool | None = None
    default: Any = None
    example: Any = None
    enum: list[str] | None = None
    items: _Schema | None = None
    properties: dict[str, _Schema] | None = None
    property_ordering: list[str] | None = None
    required: list[str] | None = None
    any_of: list[_Schema] | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


class _Declaration(_Proto):
    name: str
    description: str = ""
    behavior: str | None = None
    parameters: _Schema | None = None
    parameters_json_schema: Json | None = None
    response: _Schema | None = None
    response_json_schema: Json | None = None


class _Tool(_Proto):
    function_declarations: list[_Declaration] | None = None
    google_search: Json | None = None
    url_context: Json | None = None
    code_execution: Json | None = None


class _CallingConfig(_Proto):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"] | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(_Proto):
    function_calling_config: _CallingConfig | None = None


class _FunctionCall(_Proto):
    id: str | None = None
    name: str
    args: Json | None = None


class _FunctionResponse(_Proto):
    id: str | None = None
    name: str
    response: Json
    parts: list[Json] | None = None


class _Part(_Proto):
    text: str | None = None
    inline_data: Json | None = None
    file_data: Json | None = None
    function_call: _FunctionCall | None = None
    function_response: _FunctionResponse | None = None
    thought: bool | None = None
    thought_signature: str | None = None

    @property
    def filled(self) -> int:
        data = (self.text, self.inline_data, self.file_data, self.function_call, self.function_response)
        return sum(value is not None for value in data)


class _Content(_Proto):
    role: str | None = None
    parts: list[_Part] = Field(default_factory=list[_Part])

    @property
    def calls(self) -> list[_Part]:
        return [part for part in self.parts if part.function_call is not None]

    @property
    def responses(self) -> list[_FunctionResponse]:
        return [part.function_response for part in self.parts if part.function_response is not None]


class _GenerationConfig(_Proto):
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_mime_type: str | None = None
    response_schema: _Schema | None = None
    response_json_schema: Json | None = None
    response_modalities: list[str] | None = None
    seed: int | None = None
    thinking_config: Json | None = None


class _Body(_Proto):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _GenerationConfig | None = None
    safety_settings: list[Json] | None = None
    cached_content: str | None = None


class GeminiWire:
    """`POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`."""

    name = "gemini"

    def check(self, request: Request) -> Refusal | None:
        path = _PATH.match(request.path)
        if path is None:
            return Refusal(404, f"models{request.path} is not found for API version v1beta.")
        request.model, request.streamed = path["model"], path["method"].startswith("stream")
        if not (request.headers.get("x-goog-api-key") or request.query.get("key")):
            return Refusal(403, "Method doesn't allow unregistered callers (callers without established identity).")
        if request.streamed and request.query.get("alt") != "sse":
            return Refusal(400, "This server streams server-sent events only: add alt=sse.")
        try:
            body = _Body.model_validate(request.body)
        except ValidationError as error:
            where, kind, message = first_problem(error)
            if kind == "extra_forbidden":
                parent, _, name = where.rpartition(".")
                return Refusal(
                    400, f"Invalid JSON payload received. Unknown name \"{name}\" at '{parent}': Cannot find field."
                )
            return Refusal(400, f"* GenerateContentRequest.{where}: {message}")
        problem = _tools(body) or _contents(body.contents, request.model) or _turns(body.contents, request.model)
        return Refusal(400, problem) if problem else None

    def render(self, reply: Reply, request: Request) -> Json:
        parts = [{"text": reply.text}] if reply.text else []
        parts += _call_parts(reply.calls, request)
        return _response(reply, request, parts, last=True)

    def render_frames(self, reply: Reply, request: Request) -> Sequence[bytes]:
        groups = [[{"text": piece}] for piece in pieces(reply.text, reply.piece_chars)]
        groups += [[part] for part in _call_parts(reply.calls, request)]
        groups = groups or [[]]
        return [
            json_frame(_response(reply, request, parts, last=number == len(groups)))
            for number, parts in enumerate(groups, 1)
        ]

    def render_error(self, status: int, message: str, retry_after_s: float | None) -> Json:
        text = message or ("Resource has been exhausted (e.g. check quota)." if status == 429 else "Internal error.")
        error: Json = {"code": status, "message": text, "status": _STATUS.get(status, "UNKNOWN")}
        if retry_after_s is not None:
            error["details"] = [
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after_s:g}s"}
            ]
        return {"error": error}

    def render_error_frame(self, message: str) -> bytes:
        return json_frame(self.render_error(503, message, None))


def _thinks(model: str) -> bool:
    """Whether the model signs its calls and wants the signatures back."""
    return model.startswith("gemini-3")


def _call_parts(calls: Sequence[Call], request: Request) -> list[Json]:
    parts: list[Json] = []
    for number, call in enumerate(calls):
        part: Json = {"functionCall": {"name": call.name, "args": json.loads(call.arguments_json or "{}")}}
        if _thinks(request.model):
            part["functionCall"]["id"] = call.id or f"fc_{request.number}_{number}"
            if number == 0:
                part["thoughtSignature"] = base64.b64encode(_SIGNATURE).decode()
        parts.append(part)
    return parts


def _response(reply: Reply, request: Request, parts: list[Json], *, last: bool) -> Json:
    usage = count_usage(reply, request)
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    metadata: Json = {"promptTokenCount": usage.input_tokens, "totalTokenCount": usage.input_tokens}
    if usage.cached_tokens:
        metadata["cachedContentTokenCount"] = usage.cached_tokens
    if last:
        candidate["finishReason"] = _FINISH[reply.finish_reason]
        metadata["candidatesTokenCount"] = usage.output_tokens
        metadata["totalTokenCount"] += usage.output_tokens
    if not parts:
        del candidate["content"]["parts"]
    return {
        "candidates": [candidate],
        "usageMetadata": metadata,
        "modelVersion": request.model,
        "responseId": "resp_fake",
    }


def _tools(body: _Body) -> str:
    declarations = [item for tool in body.tools or () for item in tool.function_declarations or ()]
    config = body.tool_config.function_calling_config if body.tool_config else None
    if config is not None and config.mode is not None and not declarations:
        return "Function calling config is set without function_declarations."
    names: set[str] = set()
    for number, declaration in enumerate(declarations):
        where = f"* GenerateContentRequest.tools[0].function_declarations[{number}]"
        if not _NAME.match(declaration.name):
            return (
                f"{where}.name: Invalid function name. Must start with a letter or an underscore. Must be "
                "alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum "
                "length of 64."
            )
        if declaration.name in names:
            return f"Duplicate function declaration found: {declaration.name}"
        names.add(declaration.name)
        if declaration.parameters is not None:
            if (declaration.parameters.type or "").upper() != "OBJECT":
                return f"{where}.parameters.type: must be OBJECT."
            problem = _schema(declaration.parameters, f"{where}.parameters")
            if problem:
                return problem
    return ""


def _schema(schema: _Schema, where: str) -> str:
    kind = (schema.type or "").upper()
    if not kind and not schema.any_of:
        return f"{where}.type: must be specified."
    if schema.enum and kind != "STRING":
        return f"{where}.enum: only allowed for STRING type"
    if kind == "ARRAY" and schema.items is None:
        return f"{where}.items: missing field."
    if kind == "OBJECT" and schema.properties == {}:
        return f"{where}.properties: should be non-empty for OBJECT type"
    missing = [name for name in schema.required or () if name not in (schema.properties or {})]
    if missing:
        return f"{where}.required[0]: property is not defined"
    children = [(f"{where}.properties[{name}]", child) for name, child in (schema.properties or {}).items()]
    children += [(f"{where}.any_of[{number}]", child) for number, child in enumerate(schema.any_of or ())]
    if schema.items is not None:
        children.append((f"{where}.items", schema.items))
    return next((problem for path, child in children if (problem := _schema(child, path))), "")


def _contents(contents: Sequence[_Content], model: str) -> str:
    if not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    for number, content in enumerate(contents):
        where = f"* GenerateContentRequest.contents[{number}].parts"
        if content.role not in ("user", "model", None):
            return "Please use a valid role: user, model."
        if not content.parts:
            return f"{where}: contents.parts must not be empty."
        for index, part in enumerate(content.parts):
            if part.filled != 1:
                return f"{where}[{index}].data: required oneof field 'data' must have one initialized field"
            if part.inline_data is not None:
                mime = str(part.inline_data.get("mimeType") or part.inline_data.get("mime_type"))
                problem = encoded_problem(mime, str(part.inline_data.get("data")))
                if problem:
                    return f"{where}[{index}].inline_data: {problem}"
            holder = part.function_call or part.function_response
            if holder is not None and holder.id is not None and not _thinks(model):
                return f"Invalid JSON payload received. Unknown name \"id\" at 'contents[{number}].parts[{index}]'"
    return ""


def _turns(contents: Sequence[_Content], model: str) -> str:
    asked: list[_Part] = []
    before = ""
    for number, content in enumerate(contents):
        if content.calls and before != "user":
            return (
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        if content.responses and not asked:
            return "Please ensure that function response turn comes immediately after a function call turn."
        if asked and len(content.responses) != len(asked):
            return (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        names = sorted(part.function_call.name for part in asked if part.function_call is not None)
        if asked and sorted(response.name for response in content.responses) != names:
            return f"contents[{number}]: function response names do not match the function call turn."
        asked, before = content.calls, content.role or "user"
    if asked:
        return "Please ensure that function call turn is followed by a function response turn."
    return _signatures(contents) if _thinks(model) else ""


def _signatures(contents: Sequence[_Content]) -> str:
    """The first call of each step since the person last wrote carries the signature it came with."""
    written = [n for n, content in enumerate(contents) if content.role != "model" and not content.responses]
    for number, content in enumerate(contents):
        if number < (written[-1] if written else 0) or not content.calls:
            continue
        first = content.calls[0]
        name = first.function_call.name if first.function_call else ""
        if first.thought_signature is None:
            return (
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                f"work correctly. Additional data, function call `default_api:{name}`, position {number}."
            )
        if base64.b64decode(first.thought_signature) not in (_SIGNATURE, _SKIP_SIGNATURE):
            return "Corrupted thought signature."
    return ""
