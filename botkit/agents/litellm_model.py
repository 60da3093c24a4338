"""One attempt at one model through LiteLLM: streamed, priced, its errors translated.

LiteLLM is imported on first use, in a thread, because that takes seconds. Its look-ups on the network are
switched off before. Keys are arguments of the call; they are never put into the environment or a message.

Source: https://docs.litellm.ai/docs/completion/stream and https://docs.litellm.ai/docs/exception_mapping
"""

# LiteLLM's annotations are loose: stream chunks and errors come through as Unknown or Any
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["LiteLLMProvider", "Target", "translate"]

import asyncio
import hashlib
import importlib
import os
import re
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal, cast

from botkit.agents.tokens import estimate_json_tokens, estimate_tokens
from botkit.core.data import encode
from botkit.core.errors import ModelError, ModelRateLimited, ModelRefused, ModelUnavailable
from botkit.core.models import ModelDelta, ModelReply, ModelRequest, RequestedCall, Usage

Finish = Literal["stop", "tool_calls", "length", "filtered", "cut"]

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "filtered",
}
_SIGNATURE_MARK = "__thought__"
"""LiteLLM carries Gemini's thought signatures inside the ids of tool calls."""
_SIGNED_PROVIDERS = ("gemini", "vertex_ai", "vertex_ai_beta")
_ID_LIMIT = 40
"""Longest tool call id that OpenAI accepts."""
_IMPORTED_BY_THE_FIRST_CALL = (
    "litellm.responses.mcp.chat_completions_handler",
    "litellm.litellm_core_utils.default_encoding",
)
_MESSAGE_CHARS = 300
_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window)|maximum context|prompt is too long|input is too long|too many tokens|"
    r"input token count.{0,40}exceeds|request too large",
    re.IGNORECASE,
)
_RETRY_DELAY = re.compile(r"retryDelay\W{1,8}(\d+(?:\.\d+)?)s")
_OVERLOADED = 529
_POOL_TIMEOUT_S = 3600.0
"""The same for all calls: LiteLLM keeps a connection pool for each value. The time of a call is ours to watch."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model and how to reach it."""

    name: str
    """LiteLLM's name, `provider/name`."""
    api_base: str = ""
    api_key: str = field(default="", repr=False)
    """Empty: LiteLLM's usual environment variable is used."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prices: tuple[float, float, float] | None = None
    """Per million input, output and cached input tokens; None: LiteLLM's price list."""

    @property
    def provider(self) -> str:
        return self.name.partition("/")[0]


class LiteLLMProvider:
    """Makes calls. Holds no state but the imported module."""

    def __init__(self) -> None:
        self._module: ModuleType | None = None
        self._loading: asyncio.Task[ModuleType] | None = None

    async def load(self) -> Any:
        """Import LiteLLM in a thread, once. Call it early where a real model is configured."""
        if self._module is None:
            if self._loading is None or self._loading.cancelled():
                self._loading = asyncio.create_task(asyncio.to_thread(_import), name="import-litellm")
            self._module = await asyncio.shield(self._loading)
        return self._module

    async def stream(
        self, target: Target, request: ModelRequest, *, timeout_s: float
    ) -> AsyncIterator[ModelDelta | ModelReply]:
        """Yield the text as it comes and the whole reply last. Closing the iterator closes the connection.

        Args:
            timeout_s: for the whole answer.

        Raises:
            ModelError: translated; a stream that ends without the provider's end mark is `ModelUnavailable`.
        """
        litellm = await self.load()
        collected = _Collected()
        stream: Any = None  # a `CustomStreamWrapper`
        deadline = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                stream = await litellm.acompletion(**_arguments(target, request), **_shape(litellm, target, request))
            chunks = aiter(stream)
            while True:
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                text = collected.take(chunk)
                if text:
                    yield ModelDelta(text=text)
            complete = _was_finished(stream)
        except TimeoutError as error:
            usage = _estimate(request, collected)
            message = f"{target.name} did not answer within {timeout_s:g} seconds."
            raise ModelUnavailable(message, model=target.name, usage=usage) from error
        except Exception as error:
            translated = translate(error, target)
            translated.facts["usage"] = _estimate(request, collected)
            raise translated from error
        finally:
            if stream is not None:
                await stream.aclose()
        if not complete:
            # LiteLLM calls such an ending `stop`, but the provider never said that it was done
            raise ModelUnavailable(
                f"The answer of {target.name} was cut off.",
                model=target.name,
                usage=_estimate(request, collected),
            )
        yield collected.reply(target, request, litellm)

    async def aclose(self) -> None:
        """Close pooled connections."""
        if self._module is not None:
            from litellm.llms.custom_httpx.async_client_cleanup import (
                close_litellm_async_clients,
            )

            await close_litellm_async_clients()


def _was_finished(stream: Any) -> bool:
    """Whether the provider said that its answer is complete.

    For Gemini, LiteLLM reports an end with every piece; there, a rest of JSON that never became whole tells.
    """
    said_so = stream.received_finish_reason is not None or stream.intermittent_finish_reason is not None
    return said_so and not getattr(stream.completion_stream, "accumulated_json", "")


def _import() -> ModuleType:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches its price list at import
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it reads a .env file of its own choice
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' deprecations are not the operator's business
        import litellm

        for name in _IMPORTED_BY_THE_FIRST_CALL:
            with suppress(ImportError):  # another release may keep it elsewhere; the first call is slower then
                importlib.import_module(name)
    # pydantic remarks on LiteLLM's types when a call first needs them
    warnings.filterwarnings("ignore", message="Items? .* on TypedDict class", category=UserWarning)
    module = cast("Any", litellm)
    module.telemetry = False
    module.suppress_debug_info = True  # no advertisements on stdout when a call fails
    module.drop_params = True  # a temperature that a model does not take is left out instead of refused
    module.modify_params = True  # repairs what providers differ in: empty contents, thinking without blocks
    return litellm


def _shape(litellm: Any, target: Target, request: ModelRequest) -> dict[str, Any]:
    """Holds a provider to the answer's schema, where it can be; the prompt says it in any case."""
    if request.response_schema is None or not litellm.supports_response_schema(model=target.name):
        return {}
    shape = {"name": "answer", "schema": request.response_schema}
    return {"response_format": {"type": "json_schema", "json_schema": shape}}


def _arguments(target: Target, request: ModelRequest) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        **target.params,
        **request.params,
        "model": target.name,
        "messages": _portable(request.messages, target.provider),
        "max_tokens": request.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "timeout": _POOL_TIMEOUT_S,
        "num_retries": 0,
        "max_retries": 0,
    }
    if request.tools:
        arguments["tools"] = list(request.tools)
        arguments["tool_choice"] = request.tool_choice
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if target.api_base:
        arguments["api_base"] = target.api_base
    if target.api_key:
        arguments["api_key"] = target.api_key
    return arguments


def _portable(messages: Sequence[dict[str, Any]], provider: str) -> list[dict[str, Any]]:
    """Tool call ids that this provider accepts, also when another one made them (after a fallback)."""
    if provider in _SIGNED_PROVIDERS:
        return list(messages)
    return [_portable_message(message) for message in messages]


def _portable_message(message: dict[str, Any]) -> dict[str, Any]:
    if "tool_call_id" in message:
        return {**message, "tool_call_id": _short_id(message["tool_call_id"])}
    calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
    if calls:
        return {**message, "tool_calls": [{**call, "id": _short_id(call["id"])} for call in calls]}
    return message


def _short_id(call_id: str) -> str:
    bare = call_id.partition(_SIGNATURE_MARK)[0]
    if len(bare) <= _ID_LIMIT and re.fullmatch(r"[\w-]+", bare):
        return bare
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


# ── reading the stream ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Collected:
    """What the chunks of one stream add up to."""

    text: str = ""
    calls: list[_PartialCall] = field(default_factory=list[_PartialCall])
    by_index: dict[int, _PartialCall] = field(default_factory=dict[int, _PartialCall])
    finish: str = ""
    model: str = ""
    usage: Usage | None = None

    def take(self, chunk: Any) -> str:
        """Add one chunk; returns the new text."""
        self.model = str(getattr(chunk, "model", "") or self.model)
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.usage = _read_usage(usage)
        text = ""
        for choice in getattr(chunk, "choices", None) or ():
            self.finish = str(choice.finish_reason or self.finish)
            delta = choice.delta
            text += str(getattr(delta, "content", None) or "")
            for piece in getattr(delta, "tool_calls", None) or ():
                self._take_call(piece)
        self.text += text
        return text

    def _take_call(self, piece: Any) -> None:
        """Join deltas of one call by index; a new id under an old index is a new call (some servers number
        every call 0)."""
        index = piece.index if isinstance(piece.index, int) else len(self.calls) - (not piece.id)
        call = self.by_index.get(index)
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = self.by_index[index] = _PartialCall()
            self.calls.append(call)
        call.id = call.id or str(piece.id or "")
        function = piece.function
        call.name = call.name or str(getattr(function, "name", None) or "")
        arguments = getattr(function, "arguments", None)
        if arguments:
            call.arguments += arguments if isinstance(arguments, str) else encode(arguments).decode()

    def reply(self, target: Target, request: ModelRequest, litellm: Any) -> ModelReply:
        usage = self.usage or _estimate(request, self)
        cost = _cost_micros(target, usage, litellm)
        calls = tuple(
            RequestedCall(id=call.id or f"call_{number}", name=call.name, arguments=call.arguments or "{}")
            for number, call in enumerate(self.calls)
            if call.name
        )
        finish = _FINISH.get(self.finish, "stop")
        return ModelReply(
            text=self.text,
            calls=calls,
            usage=Usage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cached_tokens=usage.cached_tokens,
                cost_micros=cost,
                estimated=usage.estimated,
            ),
            model=target.name,
            finish="tool_calls" if calls and finish == "stop" else finish,
        )


def _read_usage(usage: Any) -> Usage:
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        input_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
        output_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
        cached_tokens=int(getattr(details, "cached_tokens", 0) or 0),
    )


def _estimate(request: ModelRequest, collected: _Collected) -> Usage:
    """For a provider that sent no usage, or a stream that was cut before it."""
    read = sum(map(estimate_json_tokens, request.messages)) + sum(map(estimate_json_tokens, request.tools))
    written = estimate_tokens(collected.text) + sum(estimate_tokens(call.arguments) for call in collected.calls)
    return Usage(input_tokens=read, output_tokens=written, estimated=True)


def _cost_micros(target: Target, usage: Usage, litellm: Any) -> int:
    """Millionths of the currency. A model that nobody priced costs 0."""
    if target.prices is not None:
        into, out, cached = target.prices
        fresh = usage.input_tokens - usage.cached_tokens
        return round(fresh * into + usage.cached_tokens * cached + usage.output_tokens * out)
    try:
        prompt, completion = litellm.cost_per_token(
            model=target.name,
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            cache_read_input_tokens=usage.cached_tokens,
        )
    except Exception:  # the price list does not know it
        return 0
    return round((prompt + completion) * 1_000_000)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────


def translate(error: Exception, target: Target) -> ModelError:
    """An error of LiteLLM, or of what is below it, as one of ours. Never contains the key."""
    original = getattr(error, "original_exception", None)
    cause = original if isinstance(original, Exception) else error
    status = getattr(cause, "status_code", None)
    detail = _detail(cause, target)
    kind = type(cause).__name__
    retry_after_s = _retry_after_s(cause, error)
    if status == 429 or kind == "RateLimitError":
        return ModelRateLimited(
            f"{target.name} is rate limited: {detail}", retry_after_s=retry_after_s, model=target.name
        )
    if kind == "ContextWindowExceededError" or (_is_refusal(status) and _TOO_LONG.search(detail)):
        return ModelRefused(
            f"The conversation is too long for {target.name}: {detail}", model=target.name, too_long=True
        )
    if status in (401, 403):
        return ModelRefused(
            f"{target.name} refused the key. Check `models` in bots.yaml and its secret, or the provider's "
            f"environment variable: {detail}",
            model=target.name,
        )
    if status == 404:
        return ModelRefused(f"The provider does not know {target.name}: {detail}", model=target.name)
    if _is_refusal(status) and kind not in ("Timeout", "APIConnectionError", "APITimeoutError"):
        return ModelRefused(f"{target.name} refused the request: {detail}", model=target.name)
    if status == _OVERLOADED:
        return ModelRateLimited(
            f"{target.name} is overloaded: {detail}", retry_after_s=retry_after_s, model=target.name
        )
    return ModelUnavailable(f"{target.name} did not answer: {detail}", retry_after_s=retry_after_s, model=target.name)


def _is_refusal(status: object) -> bool:
    return isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429)


def _detail(error: Exception, target: Target) -> str:
    """The provider's words, short and without the key."""
    text = str(getattr(error, "message", None) or error)
    if target.api_key:
        text = text.replace(target.api_key, "[key]")
    text = re.sub(r"\b(?:sk|key|AIza)[-_]?[\w-]{12,}", "[key]", text)
    text = " ".join(text.split())
    return f"{text[:_MESSAGE_CHARS]}…" if len(text) > _MESSAGE_CHARS else text


def _retry_after_s(*errors: Exception) -> float | None:
    """Seconds the provider asked to wait: the header, or Google's `RetryInfo` in the body."""
    for error in errors:
        response = getattr(error, "response", None)
        for headers in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
            value = headers.get("retry-after") if headers else None
            try:
                return max(0.0, float(value)) if value else None
            except ValueError:
                continue  # an HTTP date: rare, and our own backoff is good enough
        named = _RETRY_DELAY.search(str(error))
        if named:
            return float(named[1])
    return None
