"""What `botkit doctor` found."""

from __future__ import annotations

__all__ = ["Finding"]

from typing import Literal

from botkit.core.data import Data


class Finding(Data, omit_defaults=False):
    """One thing that was looked at."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""
    """What to do, where it is not `ok`."""
