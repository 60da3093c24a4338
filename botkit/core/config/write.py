"""Write project files so that a crash leaves each of them old or new, never half."""

from __future__ import annotations

__all__ = ["write_files"]

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from botkit.core.config.sources import join_path
from botkit.core.errors import ConfigError, Problem


def write_files(root: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Write texts by path under `root` and return those that changed. `Config.files` of a revision fits.

    Listings, whose path ends in `/`, are not files and are skipped. A file keeps its mode; a link stays a link.

    Raises:
        ConfigError: a path leads out of the project, or a file cannot be written.
    """
    changed: list[str] = []
    for path, text in files.items():
        if path.endswith("/"):
            continue
        if join_path("", path) != path:
            raise ConfigError("cannot write the configuration", (Problem("leads out of the project", path),))
        try:
            if _write(root / path, text):
                changed.append(path)
        except OSError as error:
            reason = Problem(f"cannot be written: {error.strerror or 'unknown reason'}", path)
            raise ConfigError("cannot write the configuration", (reason,)) from error
    return tuple(changed)


def _write(path: Path, text: str) -> bool:
    target = path.resolve()
    data = text.encode()
    if target.is_file() and target.read_bytes() == data:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return True
