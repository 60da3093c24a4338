"""Ranges of scores that are edges."""

from __future__ import annotations

__all__ = ["Band", "band_of", "edges_of"]

from collections.abc import Mapping
from typing import Any, cast

from botkit.core.judging import Band, band_of


def edges_of(bands: Any, default: Mapping[str, str]) -> Mapping[str, str]:
    """The edges of bands as they are written, or those of the defaults."""
    if not isinstance(bands, list):
        return default
    named = [cast("Mapping[str, Any]", band) for band in cast("list[Any]", bands) if isinstance(band, Mapping)]
    return {str(band.get("name")): f"a score of {band.get('at_least')} or more" for band in named}
