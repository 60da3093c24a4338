"""What models cost and hold, read from LiteLLM's own price list without importing LiteLLM.

Importing LiteLLM takes seconds; this file is wanted before the first message.
"""

from __future__ import annotations

__all__ = ["ModelFacts", "facts_of"]

import importlib.util
from functools import cache
from pathlib import Path

import msgspec

_FILE = "model_prices_and_context_window_backup.json"


class ModelFacts(msgspec.Struct, frozen=True):
    """The part of an entry that matters here. Unknown is 0."""

    max_input_tokens: int | float | str | None = None
    max_tokens: int | float | str | None = None
    input_cost_per_token: float | str | None = None
    """In US dollars, as all costs."""
    output_cost_per_token: float | str | None = None
    cache_creation_input_token_cost: float | str | None = None
    input_cost_per_second: float | str | None = None
    """Of sound that is heard; the next one of sound that is made."""
    output_cost_per_second: float | str | None = None
    input_cost_per_character: float | str | None = None
    """Of text that is spoken."""
    supports_vision: bool | str | None = None
    supports_audio_input: bool | str | None = None
    supports_pdf_input: bool | str | None = None

    @property
    def priced(self) -> bool:
        """Whether the list says what it costs; a model of one's own machine may stand there with 0."""
        return isinstance(self.input_cost_per_token, int | float)

    @property
    def prices(self) -> tuple[float, float]:
        """Micros for an input and for an output token; 0 for what the list does not price."""
        return _micros(self.input_cost_per_token), _micros(self.output_cost_per_token)

    @property
    def listening_price(self) -> float:
        """Micros for a second of sound that is heard; 0 when the list does not say."""
        return _micros(self.input_cost_per_second)

    @property
    def speaking_prices(self) -> tuple[float, float]:
        """Micros for a character that is spoken, and for a second of what comes of it; 0 for what is not priced."""
        return _micros(self.input_cost_per_character), _micros(self.output_cost_per_second)

    @property
    def cache_write_price(self) -> float:
        """Micros for an input token that is put into the provider's cache; 0 where that costs nothing of its own."""
        return _micros(self.cache_creation_input_token_cost)

    @property
    def window_tokens(self) -> int:
        """Tokens the model reads at once; 0 when the list does not say (its sample entry holds words)."""
        for value in (self.max_input_tokens, self.max_tokens):
            if isinstance(value, int | float) and value > 0:
                return int(value)
        return 0


def _micros(dollars: float | str | None) -> float:
    return dollars * 1_000_000 if isinstance(dollars, int | float) else 0.0


@cache
def _all() -> dict[str, ModelFacts]:
    found = importlib.util.find_spec("litellm")  # looks, without importing
    if found is None or not found.submodule_search_locations:
        return {}
    path = Path(next(iter(found.submodule_search_locations))) / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, ModelFacts])
    except (OSError, msgspec.MsgspecError):
        return {}  # another release may keep it elsewhere; every model is unknown then


def facts_of(name: str) -> ModelFacts:
    """Facts about a LiteLLM name; the list has some models with their provider and some without."""
    table = _all()
    return table.get(name) or table.get(name.partition("/")[2]) or ModelFacts()
