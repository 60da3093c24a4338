"""Processes that run an operator's or a model's code for botkit, and never inside it."""

from __future__ import annotations

__all__ = ["GuestProcess", "SpawnGuest"]

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol


class GuestProcess(Protocol):
    """One child process: it gets bytes, answers with bytes, and ends when botkit says so or ends itself."""

    @property
    def pid(self) -> int: ...

    @property
    def alive(self) -> bool: ...

    @property
    def tail(self) -> Sequence[str]:
        """Its last lines of standard error."""
        ...

    def listen(self, on_output: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        """Have output passed on as it comes, and one call when it can answer no more."""
        ...

    def write(self, data: bytes) -> None:
        """Raises `ToolUnavailable` when it is gone or reads no more."""
        ...

    def kill(self) -> None:
        """End it and everything it started, now, without waiting."""
        ...

    async def stop(self) -> int:
        """End it and wait for that; its exit status. Safe to repeat."""
        ...


class SpawnGuest(Protocol):
    async def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str = "",
        memory_bytes: int = 0,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> GuestProcess:
        """Start a program with a minimal environment, below something that ends it when botkit dies.

        Args:
            env: variables beside those every guest gets; no key of botkit's is among them.
            memory_bytes: most address space; 0: no limit.
            on_line: hears each line of standard error.

        Raises:
            ToolUnavailable: it cannot be started.
        """
        ...
