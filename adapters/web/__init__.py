"""A chat on web sites: one script tag, a conversation for each visitor, answers as a resumable stream."""

from __future__ import annotations

from adapters.web.adapter import Web

__all__ = ["Web"]
