"""`models:`, the language models bots may use, under names of your own."""

from __future__ import annotations

__all__ = ["ModelSpec", "Price"]

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from botkit.core.config.models.base import Float, Int, Json, Model, ModelName, OneOrMany, SecretRef, Url, problem


class Price(Model, frozen=True):
    """What a model costs, where the built-in price list does not know it or is wrong."""

    input_per_million: Float = Field(ge=0)
    """Price of a million input tokens, in `settings.currency`."""
    output_per_million: Float = Field(ge=0)
    """Price of a million output tokens, in `settings.currency`."""
    cached_input_per_million: Float | None = Field(default=None, ge=0)
    """Price of a million input tokens read from the provider's cache; as `input_per_million` when absent."""


def _check_provider_name(value: str) -> str:
    if "/" not in value or value.startswith("/") or value.endswith("/") or any(c.isspace() for c in value):
        raise problem("write the model as provider/name, such as openai/gpt-5-mini or demo/offline")
    return value


class ModelSpec(Model, frozen=True):
    """One model and how to call it. A bare `provider/name` is short for `{model: provider/name}`."""

    model: Annotated[str, AfterValidator(_check_provider_name)]
    """LiteLLM's name, `provider/name`. `demo/offline` answers without a key or a network."""
    api_base: Url | None = None
    """Address of the provider's API, for a proxy or a server of your own."""
    api_key: SecretRef | None = None
    """The key, as `{secret: NAME}`. Without it LiteLLM's usual variable is used, such as OPENAI_API_KEY."""
    temperature: Float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; the provider's default when absent."""
    max_output_tokens: Int | None = Field(default=None, ge=1, le=1_000_000)
    """Most tokens in one answer; a bot's own limit still applies."""
    timeout_s: Float | None = Field(default=None, gt=0, le=3600)
    """Seconds one model call may take; a bot's own limit still applies."""
    fallbacks: OneOrMany[ModelName] = ()
    """Models tried in this order when this one fails: aliases or LiteLLM names."""
    params: Mapping[str, Json] = {}
    """Anything else LiteLLM understands, handed on unchanged."""
    price: Price | None = None
    """Replaces the built-in price list for this model."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value
