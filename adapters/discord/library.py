"""Import discord.py without its complaints about what voice would need, which is not used here."""

from __future__ import annotations

__all__ = ["import_discord"]

import warnings


def import_discord() -> None:
    """Import the library; safe to repeat. Its voice player imports `audioop`, which Python 3.13 drops."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'audioop' is deprecated", category=DeprecationWarning)
        import discord
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
