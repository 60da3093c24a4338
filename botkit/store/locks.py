"""One process owns a SQLite home."""

from __future__ import annotations

__all__ = ["HomeLock"]

import fcntl
import os
from pathlib import Path

from botkit.core.errors import StoreBusy


class HomeLock:
    """An advisory lock on `botkit.lock`. The kernel drops it with the process, however that ends."""

    def __init__(self, home: Path):
        self.path = home / "botkit.lock"
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock and note our process id in the file.

        Raises:
            StoreBusy: another process has it; `facts["pid"]` is that process, 0 when it is not known.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            pid = int(holder) if holder.isdigit() else 0
            raise StoreBusy(
                f"{self.path.parent} is in use by process {pid or 'unknown'}. Send your command through it while it "
                f"runs, stop it first, or set BOTKIT_HOME to another directory.",
                pid=pid,
                home=str(self.path.parent),
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._file = descriptor

    def release(self) -> None:
        """Safe to repeat. The file stays: deleting it would let two processes lock two files."""
        descriptor, self._file = self._file, None
        if descriptor is not None:
            os.close(descriptor)
