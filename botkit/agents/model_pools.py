"""A connection pool for each key of a model provider.

LiteLLM keeps its HTTP clients in one cache, most of them by provider alone, and one more for whoever names none. With
the key of the call in the name of an entry, and that one made of entries too, calls for different workspaces never
share a connection. A client nobody uses any more is closed by LiteLLM, an hour after it was made.
"""

# LiteLLM's annotations are loose
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

__all__ = ["POOL_TIMEOUT_S", "separate_pools", "use_pool"]

import hashlib
from contextvars import ContextVar
from typing import Any

POOL_TIMEOUT_S = 3600.0
"""Much longer than any call, whose time is watched elsewhere. The same for all: LiteLLM keeps a connection pool for
each value."""
_pool: ContextVar[str] = ContextVar("botkit_model_pool", default="")


def use_pool(api_key: str) -> None:
    """From here on, calls of this task use the connections of this key. To be said before every call."""
    _pool.set(hashlib.sha256(api_key.encode()).hexdigest() if api_key else "")


def separate_pools(litellm: Any) -> None:
    """Make LiteLLM keep its clients apart. Repeating is safe."""
    from litellm.caching.llm_caching_handler import LLMClientCache
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, get_async_httpx_client

    class ClientsByKey(LLMClientCache):
        def update_cache_key_with_event_loop(self, key: Any) -> str:
            return f"{super().update_cache_key_with_event_loop(key)}-{_pool.get()}"

    class ClientByKey(AsyncHTTPHandler):
        """Whatever it is asked for is that of the client of the key in use."""

        def __init__(self) -> None:
            return

        def __getattr__(self, name: str) -> Any:
            return getattr(get_async_httpx_client("botkit", {"timeout": POOL_TIMEOUT_S}), name)

        async def close(self) -> None:
            return

        def __del__(self) -> None:
            return

    if type(litellm.in_memory_llm_clients_cache).__name__ != ClientsByKey.__name__:
        litellm.in_memory_llm_clients_cache = ClientsByKey()
        litellm.module_level_aclient = ClientByKey()
