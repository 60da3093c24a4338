"""A faithful local Slack for tests: Web API, Socket Mode, signed posts, with a control side that acts as people."""

from __future__ import annotations

__all__ = ["ApiError", "Call", "FakeMessage", "FakePerson", "FakeRoom", "FakeSlack", "Fault", "Hold"]

from botkit.testing.slack.faults import Call, Fault, Hold
from botkit.testing.slack.server import FakeSlack
from botkit.testing.slack.world import ApiError, FakeMessage, FakePerson, FakeRoom
