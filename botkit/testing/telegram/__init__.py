"""A faithful local Telegram Bot API server for tests, with a control side that acts as people."""

from __future__ import annotations

__all__ = [
    "ApiError",
    "Call",
    "FakeChat",
    "FakeDraft",
    "FakeMessage",
    "FakeTelegram",
    "FakeUser",
    "Hold",
    "RemoteTelegram",
    "mount_control",
    "utf16_len",
]

from botkit.testing.faults import Hold
from botkit.testing.telegram.control import RemoteTelegram, mount_control
from botkit.testing.telegram.params import ApiError, Call
from botkit.testing.telegram.parser import utf16_len
from botkit.testing.telegram.server import FakeTelegram
from botkit.testing.telegram.world import FakeChat, FakeDraft, FakeMessage, FakeUser
