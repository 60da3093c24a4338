"""Discord, with discord.py: gateway with resume, slash commands, threads, files, buttons, streaming by edits."""

from __future__ import annotations

__all__ = ["Discord"]

from adapters.discord.library import import_discord

import_discord()  # before any module below does

from adapters.discord.adapter import Discord  # noqa: E402  # see above
