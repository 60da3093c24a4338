"""Calls of LiteLLM that answer in one piece: vectors, transcriptions, speech. Answers of models stream and go their
own way (`litellm_model`)."""

# LiteLLM's annotations are loose
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

__all__ = ["call_library"]

import asyncio
from collections.abc import Mapping
from typing import Any

from botkit.agents.litellm_model import LiteLLMProvider, Target, translate
from botkit.agents.model_pools import POOL_TIMEOUT_S, use_pool
from botkit.core.errors import ModelUnavailable


async def call_library(
    provider: LiteLLMProvider,
    target: Target,
    function: str,
    call: Mapping[str, Any],
    *,
    limit_s: float,
    defaults: Mapping[str, Any] | None = None,
) -> Any:
    """Call one function of LiteLLM once, by the target's key and over that key's connections.

    Args:
        call: what it is called with; stronger than the target's own parameters.
        defaults: weaker than these.

    Raises:
        ModelError: translated.
    """
    litellm = await provider.load()
    arguments: dict[str, Any] = {
        **(defaults or {}),
        **target.params,
        **call,
        "model": target.name,
        "timeout": POOL_TIMEOUT_S,
        "num_retries": 0,
        "max_retries": 0,
    }
    if target.api_base:
        arguments["api_base"] = target.api_base
    if target.api_key:
        arguments["api_key"] = target.api_key
    use_pool(target.api_key)
    try:
        async with asyncio.timeout(limit_s):
            return await getattr(litellm, function)(**arguments)
    except TimeoutError as error:
        raise ModelUnavailable(
            f"{target.name} did not answer within {limit_s:g} seconds.", model=target.name
        ) from error
    except Exception as error:
        raise translate(error, target) from error
