"""A faithful local Discord for tests: API v10, gateway, interactions, with a control side that acts as people."""

from __future__ import annotations

__all__ = [
    "ApiError",
    "Call",
    "FakeChannel",
    "FakeDiscord",
    "FakeGuild",
    "FakeInteraction",
    "FakeMessage",
    "FakeUser",
    "Hold",
    "RemoteDiscord",
    "mount_control",
]

from botkit.testing.discord.control import RemoteDiscord, mount_control
from botkit.testing.discord.faults import ApiError, Call
from botkit.testing.discord.server import FakeDiscord
from botkit.testing.discord.world import FakeChannel, FakeGuild, FakeInteraction, FakeMessage, FakeUser
from botkit.testing.faults import Hold
