"""A faithful local Slack for tests: Web API, Socket Mode, signed posts, with a control side that acts as people."""

from __future__ import annotations

__all__ = ["ApiError", "Call", "FakeMessage", "FakePerson", "FakeRoom", "FakeSlack", "Hold", "RemoteSlack"]

from botkit.testing.faults import Hold
from botkit.testing.slack.control import RemoteSlack
from botkit.testing.slack.faults import Call
from botkit.testing.slack.server import FakeSlack
from botkit.testing.slack.world import ApiError, FakeMessage, FakePerson, FakeRoom
