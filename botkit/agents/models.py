"""The models of bots.yaml: aliases, keys, prices, retries, fallbacks. Fills the model port."""

from __future__ import annotations

__all__ = ["KeyLookup", "Models", "RetryPolicy", "is_priced", "key_name"]

import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import msgspec

from botkit.agents.embedding import embed_once, embedding_identity
from botkit.agents.litellm_model import LiteLLMProvider, Target
from botkit.agents.media import MediaFiller, ReadFile, takes_by_table
from botkit.agents.model_request import needs_marks
from botkit.agents.price_list import facts_of
from botkit.core.clock import Clock
from botkit.core.config.models.llm import ModelSpec, find_model
from botkit.core.embeddings import EmbeddingReply, EmbeddingRequest
from botkit.core.errors import ModelError, ModelRefused, ModelUnavailable, SecretError
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest, Usage

if TYPE_CHECKING:
    from botkit.agents.demo import DemoModel

KeyLookup = Callable[[str, str], Awaitable[str | None]]
"""The value of a secret by its name and the workspace it is for: the workspace's own, else the instance's, else None.
Raises `SecretError` for one that does not open."""

T = TypeVar("T")
OneCall = Callable[[LiteLLMProvider, ModelSpec, Target, float], Awaitable[T]]
"""One attempt at one model, within so many seconds. Raises `ModelError`."""

_DEMO = "demo/"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one model is asked before the next one is."""

    attempts: int = 3
    first_wait_s: float = 0.5
    """Doubled after every attempt, with a jitter of a quarter."""
    longest_wait_s: float = 20.0
    """A provider that asks for more is left for the next model."""


class Models:
    """Answers with whichever configured model is meant.

    Args:
        specs: `models:` of the revision that runs now; asked at each call, so a reload takes effect at once.
        key: reads a secret when a call is made.
        read_file: the bytes of a file that a message refers to.
    """

    def __init__(
        self,
        specs: Callable[[], Mapping[str, ModelSpec]],
        key: KeyLookup,
        clock: Clock,
        *,
        retry: RetryPolicy | None = None,
        provider: LiteLLMProvider | None = None,
        read_file: ReadFile | None = None,
    ):
        self._specs = specs
        self._key = key
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self._provider = provider or LiteLLMProvider()
        self._media = MediaFiller(read_file)

    @cached_property
    def _demo(self) -> DemoModel:
        from botkit.agents.demo import DemoModel

        return DemoModel()

    def spec(self, name: str) -> ModelSpec:
        """An alias, a tier, or a LiteLLM name used as it is."""
        return find_model(self._specs(), name) or ModelSpec(model=name)

    def escalation(self, model: str) -> Escalation | None:
        """Which model is asked where the answer of this one is not good enough, if any."""
        found = self.spec(model).escalate
        if found is None:
            return None
        return Escalation(
            to=found.to,
            on=tuple(found.on),
            confidence=float(found.confidence),
            tool_failures=found.tool_failures,
            most=found.most,
        )

    def window_tokens(self, model: str) -> int:
        """The smallest window of a model and its fallbacks that is known.

        The demo model as a last resort does not narrow the memory of a real one.
        """
        chain = self._chain(model)
        if _is_demo(chain[0]):
            return self._demo.window_tokens(model)
        windows = [facts_of(spec.model).window_tokens for spec in chain if not _is_demo(spec)]
        return min((window for window in windows if window), default=0)

    def prices(self, model: str) -> tuple[float, float]:
        """Micros for an input and for an output token: of the dearest of a model and its fallbacks."""
        found = [_dearest(spec) for spec in self._chain(model)]
        return max(into for into, _ in found), max(out for _, out in found)

    def unpriced(self, model: str) -> bool:
        """Whether nobody knows what the model costs, or one of its fallbacks."""
        return any(not is_priced(spec) for spec in self._chain(model))

    async def preload(self) -> None:
        """Import the model library now if any configured model needs it."""
        if any(not _is_demo(spec) for spec in self._specs().values()):
            await self._provider.load()

    async def aclose(self) -> None:
        await self._provider.aclose()

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        """Ask the model, again after failures that may pass, then its fallbacks.

        Raises:
            ModelError: of the first model, when none answered.
        """
        if not all(map(_is_demo, self._chain(request.model))):
            await self._provider.load()  # may take seconds the first time, which are not the model's
        started = self._clock.monotonic()
        deadline = started + request.timeout_s
        errors: list[ModelError] = []
        spent = Usage()
        shown = False
        for spec in self._chain(request.model):
            for number in range(self._retry.attempts):
                if shown:
                    yield ModelDelta(reset=True)
                    shown = False
                attempt = self._attempt(spec, request, deadline)
                try:
                    async for item in attempt:
                        if isinstance(item, ModelDelta):
                            shown = True
                            yield item
                        else:
                            yield msgspec.structs.replace(
                                item,
                                usage=spent + item.usage,
                                attempts=len(errors) + 1,
                                latency_ms=(self._clock.monotonic() - started) * 1000,
                            )
                            return
                except ModelError as error:
                    errors.append(error)
                    used = error.facts.get("usage")
                    spent += used if isinstance(used, Usage) and used.output_tokens else Usage()
                    wait_s = self._wait_s(error, number, deadline)
                    if wait_s is None:
                        break
                    await self._clock.sleep(wait_s)
                finally:
                    await attempt.aclose()
        raise _summary(errors, spent)

    def identity(self, model: str) -> str:
        """See `Embedder`."""
        spec = self.spec(model)
        return embedding_identity(spec.model, str(spec.api_base or ""), spec.params)

    async def embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        """The vectors of texts, asked for again after failures that may pass. See `Embedder`."""
        spec = self.spec(request.model)
        if _is_demo(spec):
            raise ModelRefused(f"{spec.model} makes no vectors; name an embedding model", model=spec.model)
        await self._provider.load()
        started = self._clock.monotonic()
        deadline = started + request.timeout_s
        target = await self._target(spec, request.workspace)
        for number in range(self._retry.attempts):
            timeout_s = max(0.1, min(deadline - self._clock.monotonic(), spec.timeout_s or request.timeout_s))
            try:
                reply = await embed_once(self._provider, target, request, timeout_s=timeout_s)
            except ModelError as error:
                wait_s = self._wait_s(error, number, deadline)
                if wait_s is None:
                    raise
                await self._clock.sleep(wait_s)
            else:
                took_ms = (self._clock.monotonic() - started) * 1000
                return msgspec.structs.replace(reply, attempts=number + 1, latency_ms=took_ms)
        raise RuntimeError("the last attempt waits for no other")

    def chain(self, name: str) -> list[ModelSpec]:
        """A model and its fallbacks, in the order in which they are asked."""
        return self._chain(name)

    async def tried(self, name: str, call: OneCall[T], *, timeout_s: float, workspace: str = "") -> tuple[T, int]:
        """What a call that answers at once returned, and the number of attempts: as `stream` tries them.

        Raises:
            ModelError: of the first model, when none answered.
        """
        deadline = self._clock.monotonic() + timeout_s
        errors: list[ModelError] = []
        for spec in self._chain(name):
            for number in range(self._retry.attempts):
                left_s = deadline - self._clock.monotonic()
                try:
                    target = await self._target(spec, workspace)
                    seconds = max(0.1, min(left_s, spec.timeout_s or left_s))
                    answer = await call(self._provider, spec, target, seconds)
                except ModelError as error:
                    errors.append(error)
                    wait_s = self._wait_s(error, number, deadline)
                    if wait_s is None:
                        break
                    await self._clock.sleep(wait_s)
                else:
                    return answer, len(errors) + 1
        raise _summary(errors, Usage())

    def _chain(self, name: str) -> list[ModelSpec]:
        """The model and its fallbacks; fallbacks of fallbacks are not followed."""
        first = self.spec(name)
        return [first, *(self.spec(other) for other in first.fallbacks if other != name)]

    async def _attempt(self, spec: ModelSpec, request: ModelRequest, deadline: float):
        takes = takes_by_table(spec.model) if spec.reads is None else frozenset(spec.reads)
        filled, seen = await self._media.fill(request, spec.model, () if _is_demo(spec) else takes)
        fitted = _fit(spec, filled)
        if _is_demo(spec):
            async for item in self._demo.stream(fitted):
                yield item if isinstance(item, ModelDelta) else _as_if_paid(spec, item)
            return
        left_s = deadline - self._clock.monotonic()
        timeout_s = max(0.1, min(left_s, spec.timeout_s or left_s))
        target = await self._target(spec, request.workspace)
        async for item in self._provider.stream(target, fitted, timeout_s=timeout_s):
            yield item if isinstance(item, ModelDelta) or not seen else msgspec.structs.replace(item, seen=seen)

    async def _target(self, spec: ModelSpec, workspace: str) -> Target:
        price = spec.price
        prices = None
        if price is not None:
            into = float(price.input_per_million)
            cached, kept = (
                into if one is None else float(one)
                for one in (price.cached_input_per_million, price.cache_write_per_million)
            )
            prices = (into, float(price.output_per_million), cached, kept)
        return Target(
            name=spec.model,
            api_base=str(spec.api_base or ""),
            api_key=await self._key_of(spec, workspace),
            params=dict(spec.params),
            prices=prices,
            prompt_cache=spec.prompt_cache,
        )

    async def _key_of(self, spec: ModelSpec, workspace: str) -> str:
        """The key of this call, looked up anew: another one is used from the next call on."""
        name = key_name(spec)
        if not name:
            return ""
        try:
            found = await self._key(name, workspace)
        except SecretError as error:  # a fallback with a key of its own may still answer
            raise ModelRefused(f"{spec.model} cannot be called: {error}", model=spec.model) from error
        if found is None and spec.api_key is not None:
            raise ModelRefused(
                f"{spec.model} cannot be called: the secret {name} is not set. Store it with "
                f"`botkit secrets set {name}`.",
                model=spec.model,
            )
        return found or ""

    def _wait_s(self, error: ModelError, number: int, deadline: float) -> float | None:
        """Seconds until the same model is asked again; None: it is not."""
        if not error.retryable or number + 1 >= self._retry.attempts:
            return None
        wait_s = error.retry_after_s
        if wait_s is None:
            wait_s = self._retry.first_wait_s * 2**number * (1 + random.uniform(-0.25, 0.25))
        if wait_s > self._retry.longest_wait_s or self._clock.monotonic() + wait_s >= deadline:
            return None
        return wait_s


def key_name(spec: ModelSpec) -> str:
    """Under which name the key of a model is looked up; empty: it needs none of ours.

    A server of one's own is given no key that nobody named for it.
    """
    if spec.api_key is not None:
        return spec.api_key.secret
    if _is_demo(spec) or spec.api_base is not None:
        return ""
    return f"{re.sub(r'[^A-Z0-9]', '_', spec.model.partition('/')[0].upper())}_API_KEY"


def is_priced(spec: ModelSpec) -> bool:
    """Whether anybody knows what it costs."""
    return spec.price is not None or _is_demo(spec) or facts_of(spec.model).priced


def _as_if_paid(spec: ModelSpec, reply: ModelReply) -> ModelReply:
    """The demo model costs nothing, unless somebody who tries budgets says otherwise."""
    if spec.price is None:
        return reply
    into, out = _prices(spec)
    cost = round(reply.usage.input_tokens * into + reply.usage.output_tokens * out)
    return msgspec.structs.replace(reply, usage=msgspec.structs.replace(reply.usage, cost_micros=cost))


def _prices(spec: ModelSpec) -> tuple[float, float]:
    if spec.price is not None:
        return float(spec.price.input_per_million), float(spec.price.output_per_million)
    return (0.0, 0.0) if _is_demo(spec) else facts_of(spec.model).prices


def _dearest(spec: ModelSpec) -> tuple[float, float]:
    """As `_prices`; where input may be put into the provider's cache, at the price of that."""
    into, out = _prices(spec)
    if not needs_marks(Target(name=spec.model, prompt_cache=spec.prompt_cache)):
        return into, out
    own = spec.price.cache_write_per_million if spec.price is not None else facts_of(spec.model).cache_write_price
    return max(into, float(own or 0)), out


def _is_demo(spec: ModelSpec) -> bool:
    return spec.model.startswith(_DEMO)


def _fit(spec: ModelSpec, request: ModelRequest) -> ModelRequest:
    """The request under the limits and defaults of the model."""
    temperature = request.temperature if request.temperature is not None else spec.temperature
    most = min(request.max_output_tokens, spec.max_output_tokens or request.max_output_tokens)
    return msgspec.structs.replace(request, model=spec.model, temperature=temperature, max_output_tokens=most)


def _summary(errors: list[ModelError], spent: Usage) -> ModelError:
    """The first model's error, naming what else was tried. `facts["usage"]` is what all attempts used."""
    if not errors:
        return ModelUnavailable("No model is configured.")
    first = errors[0]
    name = first.facts.get("model")
    others = dict.fromkeys(str(error.facts.get("model")) for error in errors if error.facts.get("model") != name)
    also = f"; {', '.join(others)} failed too" if others else ""
    tried = f" ({len(errors)} attempts{also})" if len(errors) > 1 else ""
    return type(first)(f"{first}{tried}", retry_after_s=first.retry_after_s, **{**first.facts, "usage": spent})
