"""Telegram, with aiogram: long polling or webhook, streaming by drafts and edits, topics, files, buttons."""

from __future__ import annotations

__all__ = ["Telegram"]

from adapters.telegram.lean import import_aiogram

import_aiogram()  # before any module below does

from adapters.telegram.adapter import Telegram  # noqa: E402  # see above
