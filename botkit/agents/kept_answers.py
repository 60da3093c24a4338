"""Answers to identical calls are given again, where `models.*.cache` says so.

Identical is what the answer follows from: the model with its address and settings, every message, tool and schema.
What keeps answers apart besides: the workspace, where its key comes from, and the person (`share: person`).
Only calls with temperature 0 in which no tool has run are looked up; only whole answers of the model itself, without
tool calls, are kept.
"""

from __future__ import annotations

__all__ = ["KeptAnswers", "may_be_kept"]

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

import msgspec
import structlog

from botkit.agents.models import key_name
from botkit.core.answers import AnswerStore, KeptAnswer
from botkit.core.clock import Clock
from botkit.core.config.models.llm import AnswerCache, ModelSpec
from botkit.core.errors import SecretError, StoreError
from botkit.core.models import Escalation, Model, ModelDelta, ModelReply, ModelRequest, Usage

_log = structlog.get_logger("botkit.agents")

_FORMAT = "botkit.answer.1"


class KeptAnswers:
    """Implements the model port before another one.

    Args:
        spec: of a model name in the revision that runs now.
        key_scope: where the key of a name and a workspace comes from.
    """

    def __init__(
        self,
        model: Model,
        store: AnswerStore,
        clock: Clock,
        *,
        spec: Callable[[str], ModelSpec],
        key_scope: Callable[[str, str], Awaitable[str]],
    ):
        self._model = model
        self._store = store
        self._clock = clock
        self._spec = spec
        self._key_scope = key_scope

    def window_tokens(self, model: str) -> int:
        return self._model.window_tokens(model)

    def escalation(self, model: str) -> Escalation | None:
        return self._model.escalation(model)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        spec = self._spec(request.model)
        rules = spec.cache
        key = await self._key(spec, rules, request) if rules is not None and may_be_kept(spec, request) else ""
        found = await self._found(key) if key else None
        if found is not None:
            if found.text:
                yield ModelDelta(text=found.text)
            yield found
            return
        stream = cast("AsyncGenerator[ModelDelta | ModelReply]", self._model.stream(request))
        async with aclosing(stream) as items:  # a stopped answer closes the provider's connection at once
            async for item in items:
                if isinstance(item, ModelReply) and key and rules is not None and _is_whole(spec, item):
                    await self._keep(key, rules, request, item)
                yield item

    async def _key(self, spec: ModelSpec, rules: AnswerCache, request: ModelRequest) -> str:
        """Empty where it cannot be told whose key the call uses."""
        name = key_name(spec)
        try:
            scope = await self._key_scope(name, request.workspace) if name else ""
        except SecretError:
            return ""
        follows_from = (
            _FORMAT,
            spec.model,
            str(spec.api_base or ""),
            dict(spec.params),
            spec.max_output_tokens,
            request.messages,
            request.tools,
            request.tool_choice,
            request.max_output_tokens,
            request.params,
            request.response_schema,
        )
        whose = (request.workspace, name, scope, rules.share, request.person_id if rules.share == "person" else "")
        return hashlib.sha256(msgspec.json.encode((follows_from, whose), order="deterministic")).hexdigest()

    async def _found(self, key: str) -> ModelReply | None:
        started = self._clock.monotonic()
        try:
            kept = await self._store.get(key, now=self._clock.micros())
        except StoreError as error:
            _log.warning("kept_answer_unread", code=error.code)
            return None
        if kept is None:
            return None
        took_ms = (self._clock.monotonic() - started) * 1000
        return msgspec.structs.replace(kept.reply, usage=Usage(), reused=True, latency_ms=took_ms, attempts=0)

    async def _keep(self, key: str, rules: AnswerCache, request: ModelRequest, reply: ModelReply) -> None:
        now = self._clock.micros()
        answer = KeptAnswer(
            key=key,
            reply=reply,
            model=request.model,
            workspace=request.workspace,
            person_id=request.person_id,
            trace_id=request.trace_id,
            at=now,
            expires_at=now + int(rules.ttl_s * 1_000_000),
        )
        try:
            await self._store.put(answer, most=rules.most)
        except StoreError as error:  # the answer is there all the same
            _log.warning("answer_not_kept", code=error.code)


def may_be_kept(spec: ModelSpec, request: ModelRequest) -> bool:
    """Whether the answer follows from the request alone."""
    temperature = request.temperature if request.temperature is not None else spec.temperature
    return temperature == 0 and not any(one.get("role") == "tool" or one.get("tool_calls") for one in request.messages)


def _is_whole(spec: ModelSpec, reply: ModelReply) -> bool:
    return reply.finish == "stop" and not reply.calls and bool(reply.text.strip()) and reply.model == spec.model
