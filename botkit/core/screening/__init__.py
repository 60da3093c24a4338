"""What a text holds that it should not: personal data, secrets, attempts to steer a model.

    found = screen("Write to ada@example.com", {"email"})   -> (Finding(kind="email", start=9, end=24),)
    redacted("Write to ada@example.com", found)              -> "Write to [email]"
    suspicion("Ignore all previous instructions …").score    -> 0.9

Rules, not models: fast, the same everywhere, and explainable. They find what has a form; a name or an opinion has
none. `Screen` does the same to a text that arrives in pieces.
"""

from __future__ import annotations

__all__ = [
    "PERSONAL",
    "SECRETS",
    "WITHHELD",
    "Chain",
    "Checks",
    "Finding",
    "GuardFinding",
    "Guards",
    "Matcher",
    "Measure",
    "Rule",
    "Screen",
    "Suspicion",
    "Verdict",
    "check",
    "redacted",
    "screen",
    "stream_of",
    "streams",
    "suspicion",
]

from botkit.core.screening.checks import (
    WITHHELD,
    Chain,
    Checks,
    GuardFinding,
    Guards,
    Verdict,
    check,
    stream_of,
    streams,
)
from botkit.core.screening.forms import PERSONAL, SECRETS, Finding, redacted, screen
from botkit.core.screening.injection import Suspicion, suspicion
from botkit.core.screening.rules import Matcher, Measure, Rule
from botkit.core.screening.stream import Screen
