"""Where the control socket is."""

from __future__ import annotations

__all__ = ["socket_path"]

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from botkit.core.errors import BotkitError

_LIMIT_BYTES = 100
"""Of `sockaddr_un.sun_path`: 108 on Linux, 104 on macOS. Source: unix(7)."""


def socket_path(home: Path) -> Path:
    """The socket of a home: `control.sock` in it, or where that is too long for a socket, a name made from
    the home's path in a private folder.

    Raises:
        BotkitError: that folder belongs to somebody else.
    """
    path = home.resolve() / "control.sock"
    if len(os.fsencode(path)) <= _LIMIT_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
    return _private_folder() / f"{digest}.sock"


def _private_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "botkit" if runtime else Path(tempfile.gettempdir()) / f"botkit-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BotkitError(
            f"{folder} must be a folder that only you can open: remove it, or give BOTKIT_HOME a shorter path"
        )
    return folder
