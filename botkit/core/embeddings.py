"""The embedding port: texts as vectors, for searching by meaning."""

from __future__ import annotations

__all__ = ["Embedder", "EmbeddingReply", "EmbeddingRequest", "Purpose"]

from collections.abc import Sequence
from typing import Literal, Protocol

from botkit.core.data import Data
from botkit.core.models import Usage

Purpose = Literal["document", "query"]


class EmbeddingRequest(Data):
    model: str
    """Alias from bots.yaml `models`, or a LiteLLM name such as `openai/text-embedding-3-small`."""
    texts: tuple[str, ...]
    purpose: Purpose = "document"
    """Some models make other vectors of questions than of what answers them."""
    timeout_s: float = 60.0
    workspace: str = ""
    """On whose behalf, for its own key; empty: the instance's."""


class EmbeddingReply(Data):
    vectors: tuple[Sequence[float], ...]
    """One for each text, in order, all of the same length."""
    usage: Usage = Usage()
    model: str = ""
    latency_ms: float = 0.0
    attempts: int = 1


class Embedder(Protocol):
    def identity(self, model: str) -> str:
        """What the vectors of a model may be compared by: equal as long as they are the same for the same text."""
        ...

    async def embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        """The vectors of texts. Another model never stands in: its vectors could not be compared.

        Raises:
            ModelRateLimited, ModelUnavailable: after all retries.
            ModelRefused: bad key, or not a model for this.
        """
        ...
