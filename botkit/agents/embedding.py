"""Vectors of texts through LiteLLM: one attempt, checked and priced.

Source: https://docs.litellm.ai/docs/embedding/supported_embedding
"""

# LiteLLM's annotations are loose: what it answers comes through as Unknown or Any
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["embed_once", "embedding_identity"]

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.agents.library_call import call_library
from botkit.agents.litellm_model import LiteLLMProvider, Target
from botkit.core.embeddings import EmbeddingReply, EmbeddingRequest
from botkit.core.errors import ModelRefused
from botkit.core.models import Usage
from botkit.core.tokens import estimate_tokens

_INPUT_TYPES: Mapping[str, tuple[str, str]] = {
    "cohere": ("search_document", "search_query"),
    "bedrock": ("search_document", "search_query"),
    "voyage": ("document", "query"),
    "nvidia_nim": ("passage", "query"),
}
"""How providers call a document and a query, where they tell them apart."""


def embedding_identity(model: str, api_base: str, params: Mapping[str, Any]) -> str:
    """The model with whatever changes its vectors, such as `dimensions`."""
    given = json.dumps([api_base, dict(params)], sort_keys=True, default=str)
    return f"{model}#{hashlib.sha256(given.encode()).hexdigest()[:12]}"


async def embed_once(
    provider: LiteLLMProvider, target: Target, request: EmbeddingRequest, *, timeout_s: float
) -> EmbeddingReply:
    """Ask once.

    Raises:
        ModelError: translated; also for an answer that is not one vector for each text.
    """
    kinds = _INPUT_TYPES.get(target.provider)
    defaults: dict[str, Any] = {}
    if kinds is not None:
        defaults["input_type"] = kinds[request.purpose == "query"]
    elif target.provider == "openai" or target.api_base:
        defaults["encoding_format"] = "float"
    answer = await call_library(
        provider, target, "aembedding", {"input": list(request.texts)}, limit_s=timeout_s, defaults=defaults
    )
    vectors = _vectors(answer, len(request.texts), target)
    return EmbeddingReply(
        vectors=vectors, usage=_usage(answer, request, target, await provider.load()), model=target.name
    )


def _vectors(answer: Any, wanted: int, target: Target) -> tuple[Sequence[float], ...]:
    rows = sorted(answer.data or (), key=lambda one: int(_of(one, "index") or 0))
    vectors = tuple(_of(one, "embedding") for one in rows)
    sound = (
        len(vectors) == wanted
        and all(isinstance(one, list) and one for one in vectors)
        and len({len(one) for one in vectors}) == 1
        and all(isinstance(number, int | float) and math.isfinite(number) for one in vectors for number in one)
    )
    if not sound:
        raise ModelRefused(
            f"{target.name} did not answer with one vector for each text. Is it an embedding model?", model=target.name
        )
    return vectors


def _of(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else getattr(row, name, None)


def _usage(answer: Any, request: EmbeddingRequest, target: Target, litellm: Any) -> Usage:
    told = getattr(getattr(answer, "usage", None), "prompt_tokens", None)
    tokens = int(told) if told else sum(map(estimate_tokens, request.texts))
    if target.prices is not None:
        cost = tokens * target.prices[0]
    else:
        try:
            cost = litellm.cost_per_token(model=target.name, prompt_tokens=tokens, call_type="aembedding")[0] * 1e6
        except Exception:  # the price list does not know it
            cost = 0.0
    return Usage(input_tokens=tokens, cost_micros=round(cost), estimated=not told)
