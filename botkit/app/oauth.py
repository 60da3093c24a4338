"""The authorization server of an instance, joined with what it knows."""

from __future__ import annotations

__all__ = ["open_oauth"]

from botkit.app.instance import Instance
from botkit.gateway.access.oauth import ClientBook, OAuthServer
from botkit.gateway.access.oauth.clients import Fetch
from botkit.gateway.serving.sealing import Sealer


def open_oauth(instance: Instance, *, fetch: Fetch | None = None) -> OAuthServer:
    """It serves the workspaces that say `oauth: true`.

    Args:
        fetch: reads the documents of clients; from the internet when None.
    """
    clock = instance.clock
    sealer = Sealer(instance.keys, lambda: clock.micros() / 1_000_000)

    def enabled(slug: str) -> bool:
        workspace = instance.configs.current.workspaces.get(slug)
        return workspace is not None and workspace.oauth

    return OAuthServer(
        members=instance.store.members,
        keys=instance.store.oauth_keys,
        gate=instance.access.gate,
        clients=ClientBook(sealer, clock, fetch=fetch),
        sealer=sealer,
        clock=clock,
        enabled=enabled,
        base_url=instance.base_url,
    )
