"""Python files of the operator as servers: found in a folder, started with the packages they ask for.

A file says at its top what it needs (PEP 723). When this environment has that, the file runs with this Python; when it
has not, `uv run --script` fetches it into an environment of the file's own.

Source: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
"""

from __future__ import annotations

__all__ = [
    "Script",
    "discover",
    "fetching",
    "fingerprint",
    "read_script",
    "server_name",
    "start_command",
    "unmet",
    "watch",
]

import hashlib
import os
import re
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

from botkit.core.data import Data
from botkit.core.errors import ConfigError, Problem, ToolUnavailable

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_FETCHER_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
"""What uv needs to reach a package index, beside its own `UV_*`."""


class Script(Data):
    """What a file says about itself."""

    requires_python: str = ""
    dependencies: tuple[str, ...] = ()


def read_script(path: Path) -> Script | None:
    """The file's PEP 723 block, or None when it has none.

    Raises:
        ConfigError: the block is malformed, or the file cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _mistake(path, f"cannot be read: {error}") from error
    blocks = [match for match in _BLOCK.finditer(text) if match["type"] == "script"]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise _mistake(path, "more than one `# /// script` block", _line(text, blocks[1]))
    lines = blocks[0]["content"].splitlines()
    content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise _mistake(path, f"the `# /// script` block is not TOML: {error}", _line(text, blocks[0])) from error
    dependencies: Any = found.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in cast("list[Any]", dependencies)):
        raise _mistake(path, "dependencies must be a list of texts", _line(text, blocks[0]))
    return Script(
        requires_python=str(found.get("requires-python", "")),
        dependencies=tuple(cast("list[str]", dependencies)),
    )


def unmet(script: Script) -> list[str]:
    """Requirements this environment does not meet, as the file writes them."""
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    missing: list[str] = []
    try:
        if script.requires_python and not SpecifierSet(script.requires_python).contains(
            ".".join(map(str, sys.version_info[:3])), prereleases=True
        ):
            missing.append(f"Python {script.requires_python}")
    except InvalidSpecifier:
        missing.append(f"Python {script.requires_python}")
    for text in script.dependencies:
        try:
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            # An extra or an address names more than a version can tell; leave that to uv.
            met = not requirement.extras and requirement.url is None
            met = met and requirement.specifier.contains(version(requirement.name), prereleases=True)
        except (InvalidRequirement, PackageNotFoundError):
            met = False
        if not met:
            missing.append(text)
    return missing


def start_command(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """How to start a file: its argv, and variables it needs for that.

    Raises:
        ConfigError: its PEP 723 block is malformed.
        ToolUnavailable: its packages are missing and uv, which would fetch them, is too.
    """
    if not path.is_file():
        raise ToolUnavailable(f"The server's file {path} does not exist.")
    missing = unmet(read_script(path) or Script())
    if not missing:
        return (sys.executable, str(path)), {}
    uv, environment = fetching(path.name, missing)
    return (uv, "run", "--no-project", "--quiet", "--script", str(path)), environment


def fetching(name: str, missing: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The program that fetches packages a file needs, and variables it needs for that.

    Raises:
        ToolUnavailable: there is none.
    """
    uv = _find_uv()
    if uv is None:
        raise ToolUnavailable(
            f"{name} needs {', '.join(missing)}, which is not installed here. Install uv, which fetches it for "
            f"this file alone (`{sys.executable} -m pip install uv`), or install it yourself."
        )
    return uv, {
        name: value
        for name, value in os.environ.items()
        if name.startswith("UV_") or name.upper() in _FETCHER_VARIABLES
    }


def _find_uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")


def discover(folder: Path) -> Sequence[Path]:
    """The servers of a folder: its Python files, except those whose names begin with `_` or `.`, sorted."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.glob("*.py") if file.is_file() and file.name[0] not in "_.")


def server_name(path: Path) -> str:
    """The name a found file gets: lower case, hyphens, at most 32 characters: `My_Orders.py` → `my-orders`."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:32].strip("-") or "server"


def fingerprint(path: Path) -> str:
    """A hash of the content; empty when the file is gone."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


async def watch(folders: Sequence[Path]) -> AsyncIterator[set[Path]]:
    """Yield the Python files that were added, changed or removed, soon after it happens."""
    from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]  # one argument names trio's types

    async for changes in awatch(*folders, recursive=False, step=50, debounce=400):
        files = {Path(name) for _, name in changes if name.endswith(".py")}
        if files:
            yield files


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _mistake(path: Path, message: str, line: int = 0) -> ConfigError:
    return ConfigError(f"The server {path.name} cannot be started.", (Problem(message, file=str(path), line=line),))
