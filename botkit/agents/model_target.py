"""Which model is called, and how."""

from __future__ import annotations

__all__ = ["Target"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """A model and how to reach it."""

    name: str
    """LiteLLM's name, `provider/name`."""
    api_base: str = ""
    api_key: str = field(default="", repr=False)
    """Empty: LiteLLM finds its own, as in the profiles of a cloud provider."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prices: tuple[float, float, float, float] | None = None
    """Per million input, output, cached input and cache-filling tokens; None: LiteLLM's price list."""
    prompt_cache: bool = True
    """Mark what the provider may keep in its prompt cache."""

    @property
    def provider(self) -> str:
        return self.name.partition("/")[0]
