"""The checks of `botkit doctor` that need nothing but the machine."""

from __future__ import annotations

__all__ = ["examine_machine"]

import os
import shutil
import stat
import sys
from collections.abc import Iterator

from botkit.app.environment import Environment
from botkit.app.finding import Finding
from botkit.app.publicity import public_url_problems
from botkit.app.workflows import check_config
from botkit.core.config import load_config
from botkit.core.errors import ConfigError

_LEAST_PYTHON = (3, 11)
_LOW_BYTES = 1024**3
_TOO_LOW_BYTES = 100 * 1024**2


def examine_machine(environment: Environment) -> Iterator[Finding]:
    """Python, the home folder, disk, bots.yaml, the public address. Starts and opens nothing."""
    yield _python()
    yield _home(environment)
    yield _disk(environment)
    yield from _config(environment)
    yield _public_url(environment)


def _python() -> Finding:
    running = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < _LEAST_PYTHON:
        return Finding(check="python", state="failed", detail=running, fix="install Python 3.11 or newer")
    return Finding(check="python", state="ok", detail=running)


def _home(environment: Environment) -> Finding:
    home = environment.home
    if not home.exists():
        return Finding(check="home", state="ok", detail=f"{home} is made at the first start")
    found = home.stat()
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            check="home",
            state="failed",
            detail=f"{home} cannot be written by this user",
            fix=f"run as its owner, or: chown -R {os.getuid()} {home}",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Finding(check="home", state="failed", detail=f"{home} can be opened by others", fix=f"chmod 700 {home}")
    return Finding(check="home", state="ok", detail=str(home))


def _disk(environment: Environment) -> Finding:
    place = next(path for path in (environment.home, *environment.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1024**3:.1f} GiB free"
    if free < _TOO_LOW_BYTES:
        return Finding(check="disk", state="failed", detail=detail, fix="free space: messages cannot be stored soon")
    if free < _LOW_BYTES:
        return Finding(check="disk", state="warning", detail=detail, fix="free space, or shorten settings.retention")
    return Finding(check="disk", state="ok", detail=detail)


def _config(environment: Environment) -> Iterator[Finding]:
    try:
        config = load_config(environment.config)
        unsure = check_config(config)
    except ConfigError as error:
        for problem in error.problems or (str(error),):
            yield Finding(check="bots.yaml", state="failed", detail=str(problem), fix="mend it, then: botkit check")
        return
    wrong, doubtful = public_url_problems(config, environment.public_url)
    for problem in wrong:
        yield Finding(check="bots.yaml", state="failed", detail=str(problem), fix="set BOTKIT_PUBLIC_URL")
    for problem in (*config.warnings, *doubtful, *unsure):
        yield Finding(check="bots.yaml", state="warning", detail=str(problem), fix=problem.hint)
    if not wrong:
        yield Finding(check="bots.yaml", state="ok", detail=f"{len(config.bots)} bots, {len(config.channels)} channels")


def _public_url(environment: Environment) -> Finding:
    url = environment.public_url
    if not url:
        return Finding(check="public url", state="ok", detail="none: channels poll, webhooks are off")
    if not url.startswith("https://"):
        return Finding(
            check="public url", state="warning", detail=url, fix="platforms call https:// addresses only: use a proxy"
        )
    return Finding(check="public url", state="ok", detail=url)
