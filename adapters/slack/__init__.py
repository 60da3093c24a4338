"""Slack, with slack-sdk: Socket Mode or signed HTTP, threads as conversations, buttons, files, streaming by edits."""

from __future__ import annotations

__all__ = ["Slack"]

from adapters.slack.adapter import Slack
