"""`models:`, the language models bots may use, under names of your own."""

from __future__ import annotations

__all__ = ["OFFLINE_MODEL", "TIERS", "AnswerCache", "Escalate", "ModelSpec", "Price", "find_model"]

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from botkit.core.config.models.base import Bool, Float, Int, Json, Model, ModelName, OneOrMany, SecretRef, Url, problem
from botkit.core.models import Signal

Reads = Literal["image", "audio", "document"]
OFFLINE_MODEL = "demo/offline"
"""Answers without a key or a network."""

TIERS: Mapping[str, tuple[str, ...]] = {
    "fast": ("standard", "default"),
    "standard": ("default",),
    "strong": ("standard", "default"),
}
"""Names that may be asked for without being in the file, and what stands in for each, the nearest first."""


class Price(Model, frozen=True):
    """What a model costs, where the built-in price list does not know it or is wrong."""

    input_per_million: Float = Field(default=0.0, ge=0)
    """Price of a million input tokens, in `settings.currency`."""
    output_per_million: Float = Field(default=0.0, ge=0)
    """Price of a million output tokens, in `settings.currency`."""
    cached_input_per_million: Float | None = Field(default=None, ge=0)
    """Price of a million input tokens read from the provider's cache; as `input_per_million` when absent."""
    cache_write_per_million: Float | None = Field(default=None, ge=0)
    """Price of a million input tokens put into the provider's cache; as `input_per_million` when absent."""
    per_second: Float | None = Field(default=None, ge=0)
    """Price of a second of sound that is heard, or made by a model that is paid for by it."""
    per_million_characters: Float | None = Field(default=None, ge=0)
    """Price of a million characters that are spoken."""

    @model_validator(mode="after")
    def _says_what_for(self) -> Price:
        if self.per_second is None and self.per_million_characters is None:
            missing = {"input_per_million", "output_per_million"} - self.model_fields_set
            if missing:
                raise problem(f"{min(missing)} is missing; speech has per_second or per_million_characters")
        return self


class Escalate(Model, frozen=True):
    """A stronger model for what this one does not manage. A bare name is short for `{to: NAME}`."""

    to: ModelName
    """The stronger model: an alias or a LiteLLM name."""
    on: OneOrMany[Signal] = ("invalid", "filtered", "length", "unsure", "tool_failures")
    """When: its answer does not fit the schema after all repairs, was stopped by the provider's filter, was cut at its
    length, says itself that it is not sure, or its tool calls fail round after round."""
    confidence: Float = Field(default=0.5, ge=0, le=1)
    """An answer whose `confidence`, a number in its schema, is below this is `unsure`."""
    tool_failures: Int = Field(default=2, ge=1, le=20)
    """Rounds in a row in which every tool call failed."""
    most: Int = Field(default=3, ge=1, le=50)
    """Most calls of the stronger model for one message."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return {"to": value} if isinstance(value, str) else value


class AnswerCache(Model, frozen=True):
    """Answers to identical calls are kept and given again, at no cost.

    Only calls with temperature 0 in which no tool has run, and only whole answers without tool calls.
    """

    ttl_s: Float = Field(default=3600.0, gt=0, le=31_536_000)
    """Seconds an answer is kept; never longer than the conversations of `settings.retention`."""
    share: Literal["person", "workspace"] = "person"
    """Who gets an answer again: the person it was for, or everybody in the workspace. Never another workspace."""
    most: Int = Field(default=10_000, ge=1, le=1_000_000)
    """Most answers of this model that are kept; the oldest go first."""


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
    """The key, as `{secret: NAME}`: that of the workspace a call is for, else that of the instance. Without it the
    provider's usual name is looked up in the same way, such as OPENAI_API_KEY."""
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
    reads: OneOrMany[Reads] | None = None
    """What it reads besides text: `image`, `audio`, `document` (PDF). Absent: as LiteLLM's table says; `[]`: none."""
    price: Price | None = None
    """Replaces the built-in price list for this model."""
    escalate: Escalate | None = None
    """The stronger model that takes over where this one does not manage."""
    prompt_cache: Bool = True
    """Mark what stays the same from call to call where the provider wants marks to read it at a lower price (Claude,
    Nova). Others find it by themselves."""
    cache: AnswerCache | None = None
    """Keep answers to identical calls. Absent: every call is made."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value


def find_model(models: Mapping[str, ModelSpec], name: str) -> ModelSpec | None:
    """The model behind an alias, a tier or a LiteLLM name. None: there is no such alias.

    A tier that nobody defined is the nearest one that is there, and without any the offline model.
    """
    if name in models:
        return models[name]
    if name in TIERS:
        found = next((models[other] for other in TIERS[name] if other in models), None)
        return found or ModelSpec(model=OFFLINE_MODEL)
    return ModelSpec(model=name) if "/" in name else None
