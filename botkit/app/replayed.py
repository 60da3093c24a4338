"""What came of answering a past message again."""

from __future__ import annotations

__all__ = ["ReplayReport"]

from botkit.core.agent import ToolTrace
from botkit.core.data import Data
from botkit.core.models import Usage


class ReplayReport(Data, omit_defaults=False):
    run_id: str
    message: str
    before: str
    """The answer that was given."""
    after: str
    """The answer of now."""
    calls_before: tuple[ToolTrace, ...] = ()
    calls_after: tuple[ToolTrace, ...] = ()
    unrecorded: tuple[str, ...] = ()
    """Tools that would have been called and have no recorded result."""
    model: str = ""
    usage: Usage = Usage()
    same: bool = False
