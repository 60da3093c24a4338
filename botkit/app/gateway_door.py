"""The workspaces' door, joined with what this instance knows: its tokens, its keys, its address."""

from __future__ import annotations

__all__ = ["open_door"]

from botkit.app.http.guard import OurHosts
from botkit.app.instance import Instance
from botkit.gateway.access.oauth import OAuthServer
from botkit.gateway.serving import Door, DoorSettings


def open_door(instance: Instance, oauth: OAuthServer) -> Door:
    """A door to mount. Call its `stop` before the HTTP server ends."""
    public_url = instance.environment.public_url
    return Door(
        instance.gateway,
        instance.access.gate,
        keys=instance.keys,
        call_log=instance.call_log,
        clock=instance.clock,
        settings=DoorSettings(
            is_our_host=OurHosts(public_url).__contains__,
            public_url=public_url,
            www_authenticate=oauth.challenge,
        ),
    )
