"""Ranges of scores that are edges."""

from __future__ import annotations

__all__ = ["Band", "band_of", "edges_of"]

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field


class Band(BaseModel):
    """A range of scores."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    """The edge to take."""
    at_least: float = Field(ge=0, le=1)
    """Smallest score that belongs to it."""


B = TypeVar("B", bound=Band)


def band_of(score: float, bands: Sequence[B]) -> B:
    """The best band a score reaches; the lowest when it reaches none."""
    ranked = sorted(bands, key=lambda band: -band.at_least)
    return next((band for band in ranked if score >= band.at_least), ranked[-1])


def edges_of(bands: Any, default: Mapping[str, str]) -> Mapping[str, str]:
    """The edges of bands as they are written, or those of the defaults."""
    if not isinstance(bands, list):
        return default
    named = [cast("Mapping[str, Any]", band) for band in cast("list[Any]", bands) if isinstance(band, Mapping)]
    return {str(band.get("name")): f"a score of {band.get('at_least')} or more" for band in named}
