"""Versions of a configuration: a file, a revision that was applied, or what runs now."""

from __future__ import annotations

__all__ = ["Version", "find_version"]

import asyncio
from dataclasses import dataclass
from pathlib import Path

from botkit.app.environment import Environment
from botkit.app.workflows import load_project
from botkit.core.config import Config
from botkit.core.errors import NotFound
from botkit.store.glance import Glance


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration with the name people know it by."""

    name: str
    config: Config


async def find_version(environment: Environment, glance: Glance | None, reference: str) -> Version:
    """A version by its file or the beginning of its revision; the revision that runs when empty.

    Code of servers, functions and nodes is that of the project now: revisions hold configuration.

    Raises:
        ConfigError: it does not load.
        NotFound: there is no such file or revision.
    """
    if (file := await asyncio.to_thread(_file, reference)) is not None:
        return Version(reference, await asyncio.to_thread(load_project, file))
    if glance is None:
        raise NotFound(
            f"there is no file {reference}, and nothing ran here yet" if reference else "nothing ran here yet"
        )
    found = await (glance.revisions.get(reference) if reference else glance.revisions.active())
    if found is None:
        raise NotFound(f"there is no file or revision {reference}; see `botkit rollback --list`")
    config = await asyncio.to_thread(load_project, environment.config, files=found.files)
    return Version(found.id[:12], config)


def _file(reference: str) -> Path | None:
    path = Path(reference).resolve()
    return path if reference and path.is_file() else None
