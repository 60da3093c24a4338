"""`guardrails:`, what the texts of a bot are checked for."""

from __future__ import annotations

__all__ = ["GuardrailRule", "Guardrails", "TextChecks"]

from typing import Literal

from pydantic import Field, field_validator, model_validator

from botkit.core.config.models.base import Float, Model, ModelName, Name, OneOrMany, Text, problem
from botkit.core.patterns import PatternError, compile_pattern

Measure = Literal["block", "redact", "flag", "off"]
PersonalKind = Literal["email", "card", "iban", "phone", "ssn", "ip"]


class GuardrailRule(Model, frozen=True):
    """A rule of your own."""

    name: Name
    """Of the finding; stands in place of what is taken out."""
    words: OneOrMany[Text] = ()
    """Whole words or phrases; upper and lower case count as the same."""
    pattern: str = ""
    """A regular expression, as RE2 reads it."""
    measure: Measure = "block"
    """What follows: `block`, `redact`, `flag` or `off`."""

    @field_validator("pattern")
    @classmethod
    def _is_understood(cls, value: str) -> str:
        try:
            compile_pattern(value)
        except PatternError as error:
            raise problem(str(error)) from None
        return value

    @model_validator(mode="after")
    def _looks_for_something(self) -> GuardrailRule:
        if not self.words and not self.pattern:
            raise problem("a rule has words or a pattern")
        return self


class TextChecks(Model, frozen=True):
    """What one kind of text is checked for. Measures: `block` keeps the text back, `redact` puts `[email]` and the like
    in its place, `flag` only records the finding, `off`."""

    personal: Measure = "off"
    """Personal data: addresses, cards, accounts, numbers."""
    personal_kinds: OneOrMany[PersonalKind] = ("email", "card", "iban", "phone", "ssn")
    """Which of it."""
    secrets: Measure = "off"
    """Tokens, private keys and passwords, by their form. Secrets botkit knows are taken out in any case."""
    injection: Measure = "off"
    """Attempts to steer a model. A text cannot be cleaned of them, so `redact` blocks."""
    injection_score: Float = Field(default=0.6, gt=0, le=1)
    """From which score on."""
    rules: tuple[GuardrailRule, ...] = Field(default=(), max_length=100)
    """Rules of your own; those of `settings.guardrails` come before those of a bot."""
    policy: str = ""
    """What must not be, in words, for a model; empty: no model is asked. Not for `tools`."""
    policy_measure: Literal["block", "flag"] = "block"
    """What follows when the model says that the policy is violated."""
    model: ModelName | None = None
    """Which model judges; the bot's own when absent."""
    on_model_failure: Literal["block", "pass"] = "block"
    """What follows when no model answers: a closed door or an open one."""


class Guardrails(Model, frozen=True):
    """What a bot's texts are checked for; a key it does not set is as in `settings.guardrails`."""

    input: TextChecks = TextChecks()
    """What people write, before it is kept or read by a model."""
    output: TextChecks = TextChecks()
    """What the bot says, before it is kept or sent. Where something can be blocked, answers are not shown while they
    are written."""
    tools: TextChecks = TextChecks()
    """Results of tools, before a model reads them."""
    fallback: str | None = None
    """What people are told in place of a blocked text; the bot's `fallback` when absent."""
