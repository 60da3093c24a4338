"""People, sessions, routing and turns."""

from __future__ import annotations

__all__ = ["COMMANDS", "SANDBOX", "TRANSLATED_COMMANDS", "Agent", "Channels", "ConfigSource", "Engine", "EngineStore"]

from botkit.engine.commands import COMMANDS, TRANSLATED_COMMANDS
from botkit.engine.engine import Engine
from botkit.engine.identity import SANDBOX
from botkit.engine.ports import Agent, Channels, ConfigSource, EngineStore
