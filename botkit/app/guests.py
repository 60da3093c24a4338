"""How botkit starts the processes that run other people's code: as the gateway starts servers."""

from __future__ import annotations

__all__ = ["spawn_guest"]

from collections.abc import Callable, Mapping, Sequence

from botkit.core.guests import GuestProcess
from botkit.gateway.process import Command, Limits, spawn


async def spawn_guest(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str = "",
    memory_bytes: int = 0,
    on_line: Callable[[str], None] = lambda _: None,
) -> GuestProcess:
    """As `SpawnGuest` says; there is nothing to be polite for, so the end is at once."""
    limits = Limits(memory_bytes=memory_bytes)
    return await spawn(Command(argv=tuple(argv), env=dict(env), cwd=cwd, limits=limits, grace_s=0.0), on_line)
