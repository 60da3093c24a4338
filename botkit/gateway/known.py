"""What is known of one server: its tools as last seen, those that were reviewed, and the words to look at twice."""

from __future__ import annotations

__all__ = ["Known"]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botkit.gateway.definitions import Definition
from botkit.gateway.offers import NO_EXTRAS, Extras
from botkit.gateway.session import ListKind


@dataclass(slots=True)
class Known:
    """What is known of one server."""

    definitions: Sequence[Definition] = ()
    left_out: Sequence[str] = ()
    pins: dict[str, str] = field(default_factory=dict[str, str])
    """Of a server with a reviewed tool: name → hash of every tool that was there, or was accepted since."""
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The definitions the pins stand for."""
    refreshed_at: int = 0
    error: str = ""
    stale: bool = True
    extras: Extras = NO_EXTRAS
    noted: set[ListKind] = field(default_factory=set[ListKind])
    """Lists that the server said had changed since they were last read."""
    suspicions: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By tool."""
