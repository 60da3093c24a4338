"""What is told about the configuration that runs."""

from __future__ import annotations

__all__ = ["Applied", "ConfigState"]

from botkit.core.data import Data


class Applied(Data, omit_defaults=False):
    """What an `apply` or a `rollback` did."""

    revision: str
    previous: str = ""
    changed: bool = True
    """False: this revision was running already."""
    files: tuple[str, ...] = ()
    """Files that were rewritten."""
    notes: tuple[str, ...] = ()


class ConfigState(Data, omit_defaults=False):
    """The file on disk beside the revision that runs."""

    active: str
    on_disk: str = ""
    """Empty when the file cannot be loaded."""
    error: str = ""
    """Every mistake of the file, or why it cannot be read."""

    @property
    def pending(self) -> bool:
        return self.on_disk not in ("", self.active)
