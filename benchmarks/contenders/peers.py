"""Gateways of others, each in an environment of its own: made once, kept in the temp folder."""

from __future__ import annotations

__all__ = ["CONTEXTFORGE", "FASTMCP", "peer_python"]

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contenders import Absent

FASTMCP = "fastmcp==4.1.2"
CONTEXTFORGE = "mcp-contextforge-gateway==1.0.7.post20260921"
_INSTALL_S = 600


def peer_python(package: str) -> Path:
    """The interpreter of an environment with just this package. Raises `Absent` when it cannot be installed."""
    folder = Path(tempfile.gettempdir()) / "botkit-bench-peers" / package.replace("==", "-")
    python = folder / "bin" / "python"
    marker = folder / "complete"
    if marker.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        commands = [
            [uv, "venv", "-q", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "-q", "--python", str(python), package],
        ]
    else:
        pip = [str(python), "-m", "pip", "install", "-q", package]
        commands = [[sys.executable, "-m", "venv", str(folder)], pip]
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise Absent(f"{package} cannot be installed here: {type(error).__name__}") from error
    marker.touch()
    return python
