"""What came of moving a paused run to another definition."""

from __future__ import annotations

__all__ = ["Moved"]

from botkit.core.data import Data


class Moved(Data, omit_defaults=False):
    """What became, or would become, of one run."""

    run_id: str
    workflow: str
    state: str
    """`moved`, `could be moved`, `current` (there is nothing to do) or `refused`."""
    reasons: tuple[str, ...] = ()
    """Why it was refused."""
    renamed: tuple[str, ...] = ()
    """`old=new` for what got another name."""
    waits_at: tuple[str, ...] = ()
    """Paths, as they are called then."""
