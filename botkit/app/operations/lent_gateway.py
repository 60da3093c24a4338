"""The gateway for one question, also in a process that runs none."""

from __future__ import annotations

__all__ = ["gateway_of"]

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.gateway.pipeline import Gateway

_READY_S = 120.0


@asynccontextmanager
async def gateway_of(instance: Instance, *, only: str = "", start: bool = True) -> AsyncGenerator[Gateway]:
    """The running gateway; or one for a moment, with one server or all.

    Args:
        only: the server that is started; empty: every one.
        start: otherwise only what is known from before is there, and nothing can be called.
    """
    from botkit.app.gateway_settings import gateway_settings

    gateway = instance.gateway
    if instance.mode != "command":
        yield gateway
        return
    settings = gateway_settings(instance.configs.current)
    if only:
        settings = replace(settings, servers=tuple(one for one in settings.servers if one.name == only))
    if not start:
        await gateway.fleet.catalogue.load()
        gateway.apply(settings)
        yield gateway
        return
    try:
        await gateway.start(settings)
        await gateway.ready(_READY_S)
        yield gateway
    finally:
        await gateway.stop()
