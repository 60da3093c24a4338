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
import importlib
import os
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal, cast

import msgspec

from botkit.agents.model_errors import translate
from botkit.agents.model_pools import POOL_TIMEOUT_S, separate_pools, use_pool
from botkit.agents.model_request import arguments_of
from botkit.agents.model_target import Target
from botkit.agents.price_list import facts_of
from botkit.agents.tokens import estimate_json_tokens, estimate_tokens
from botkit.core.data import encode
from botkit.core.errors import ModelUnavailable
from botkit.core.models import ModelDelta, ModelReply, ModelRequest, RequestedCall, Usage

Finish = Literal["stop", "tool_calls", "length", "filtered", "cut"]

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "filtered",
}
_IMPORTED_BY_THE_FIRST_CALL = (
    "litellm.responses.mcp.chat_completions_handler",
    "litellm.litellm_core_utils.default_encoding",
)


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
                schema = request.response_schema is not None and litellm.supports_response_schema(model=target.name)
                arguments = arguments_of(target, request, holds_schema=bool(schema))
                use_pool(target.api_key)
                stream = await litellm.acompletion(**arguments, timeout=POOL_TIMEOUT_S)
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
            usage = _priced(target, _estimate(request, collected), None, litellm)
            message = f"{target.name} did not answer within {timeout_s:g} seconds."
            raise ModelUnavailable(message, model=target.name, usage=usage) from error
        except Exception as error:
            translated = translate(error, target)
            translated.facts["usage"] = _priced(target, _estimate(request, collected), None, litellm)
            raise translated from error
        finally:
            if stream is not None:
                await stream.aclose()
        if not complete:
            # LiteLLM calls such an ending `stop`, but the provider never said that it was done
            raise ModelUnavailable(
                f"The answer of {target.name} was cut off.",
                model=target.name,
                usage=_priced(target, _estimate(request, collected), None, litellm),
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
    separate_pools(module)
    module.telemetry = False
    module.suppress_debug_info = True  # no advertisements on stdout when a call fails
    module.drop_params = True  # a temperature that a model does not take is left out instead of refused
    module.modify_params = True  # repairs what providers differ in: empty contents, thinking without blocks
    module.DEFAULT_MAX_RETRIES = 0  # for vectors it takes our 0 for "not given"; waiting and trying again is ours
    return litellm


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
    billed: Any = None
    """LiteLLM's record of the usage, which its price list is applied to."""

    def take(self, chunk: Any) -> str:
        """Add one chunk; returns the new text."""
        self.model = str(getattr(chunk, "model", "") or self.model)
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.usage, self.billed = _read_usage(usage), usage
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
        calls = tuple(
            RequestedCall(id=call.id or f"call_{number}", name=call.name, arguments=call.arguments or "{}")
            for number, call in enumerate(self.calls)
            if call.name
        )
        finish = _FINISH.get(self.finish, "stop")
        return ModelReply(
            text=self.text,
            calls=calls,
            usage=_priced(target, usage, self.billed, litellm),
            model=target.name,
            finish="tool_calls" if calls and finish == "stop" else finish,
        )


def _read_usage(usage: Any) -> Usage:
    details = getattr(usage, "prompt_tokens_details", None)
    written = getattr(details, "cache_creation_tokens", None) or getattr(usage, "cache_creation_input_tokens", None)
    return Usage(
        input_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
        output_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
        cached_tokens=int(getattr(details, "cached_tokens", 0) or 0),
        cache_write_tokens=int(written or 0),
    )


def _estimate(request: ModelRequest, collected: _Collected) -> Usage:
    """For a provider that sent no usage, or a stream that was cut before it."""
    read = sum(map(estimate_json_tokens, request.messages)) + sum(map(estimate_json_tokens, request.tools))
    written = estimate_tokens(collected.text) + sum(estimate_tokens(call.arguments) for call in collected.calls)
    return Usage(input_tokens=read, output_tokens=written, estimated=True)


def _priced(target: Target, usage: Usage, billed: Any, litellm: Any) -> Usage:
    """The usage with what it costs. A model that nobody priced is marked, and costs 0 for want of a better figure."""
    if target.prices is not None:
        into, out, cached, kept = target.prices
        fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        read = fresh * into + usage.cached_tokens * cached + usage.cache_write_tokens * kept
        return msgspec.structs.replace(usage, cost_micros=round(read + usage.output_tokens * out))
    counted = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    try:
        prompt, completion = litellm.cost_per_token(
            model=target.name, **({"usage_object": billed} if billed is not None else counted)
        )
    except Exception:  # the price list does not know it
        return msgspec.structs.replace(usage, unpriced=True)
    cost = round((prompt + completion) * 1_000_000)
    # of some models it does not know LiteLLM says that they cost nothing
    return msgspec.structs.replace(usage, cost_micros=cost, unpriced=not cost and not facts_of(target.name).priced)
