"""Reaching the instance: through the process that owns the home, or by becoming the owner for a moment."""

from __future__ import annotations

__all__ = ["operations", "whoami"]

import asyncio
import getpass
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from botkit.app.environment import Environment
    from botkit.app.operations import Operations

_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.2


@asynccontextmanager
async def operations(
    mode: Literal["command", "chat"] = "command", *, environment: Environment | None = None
) -> AsyncGenerator[Operations]:
    """The operations of this project's instance.

    Args:
        mode: what to start when nobody owns the home: only the stores, or all that answers a message.

    Raises:
        ConfigError: bots.yaml or the environment is wrong.
        StoreError: the database cannot be used.
    """
    from botkit.app.control import connect, socket_path
    from botkit.app.environment import load_environment
    from botkit.app.operations import Operations
    from botkit.core.errors import StoreBusy

    environment = environment or load_environment()
    path = socket_path(environment.home)
    waited = 0.0
    while True:
        async with connect(path) as owner:
            if owner is not None:
                yield owner.proxy(Operations)
                return
        entered = False
        try:
            async with _own(environment, mode) as own:
                entered = True
                yield own
                return
        except StoreBusy:
            # Somebody owns the home and does not listen yet: it is starting, or just ending.
            if entered or waited >= _PATIENCE_S:
                raise
        await asyncio.sleep(_LOOK_AGAIN_S)
        waited += _LOOK_AGAIN_S


@asynccontextmanager
async def _own(environment: Environment, mode: Literal["command", "chat"]) -> AsyncGenerator[Operations]:
    from botkit.app.logs import set_up_logging
    from botkit.app.operations import Operations
    from botkit.app.runtime import open_instance

    set_up_logging("pretty", level="error")
    async with open_instance(environment, mode=mode) as instance:
        yield Operations.of(instance)


def whoami() -> str:
    """Who acts, for audit rows: the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "operator"
