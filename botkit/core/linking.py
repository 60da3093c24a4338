"""One person on several platforms: joined by codes that are typed on both sides.

    Telegram   /link            → 7KQ2-MNPA
    Slack      /link 7KQ2-MNPA  → 4XBT-9RCE       says whom the account would be joined with
    Telegram   /link 4XBT-9RCE  → joined

Whoever joins has shown a code of each side on the other one, so neither side inherits from one that did not agree.
"""

from __future__ import annotations

__all__ = ["LINK_MINUTES", "LinkStep", "digest_of", "new_link_code"]

import hashlib
import secrets
from typing import Literal

from botkit.core.data import Data

LINK_MINUTES = 10
"""How long a code is good for."""
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""As for pairing: no characters that look alike. 30^8 codes are 39 bits."""
_HALF = 4


class LinkStep(Data):
    """What became of a code."""

    state: Literal["unknown", "own", "same", "conflict", "taken", "joined"]
    """`unknown`: no such code, used or expired; `own`: shown to this very account; `same`: both are one person already;
    `conflict`: bots.yaml says that they are two; `taken`: the other side has to confirm; `joined`: done."""
    channel: str = ""
    """Of the account on the other side."""
    name: str = ""
    """Of the person on the other side."""
    person_id: str = ""
    """Who both are from now on."""
    was: str = ""
    """The person who is no more."""


def new_link_code() -> str:
    """`7KQ2-MNPA`, from the system's random source."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
    return f"{drawn[:_HALF]}-{drawn[_HALF:]}"


def digest_of(code: str) -> str:
    """What is stored and looked up in place of a code, however it was typed.

    Only digests are compared, so the time that takes says nothing about codes.
    """
    plain = "".join(char for char in code.upper() if char.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
