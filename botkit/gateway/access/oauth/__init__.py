"""OAuth 2.1 for workspaces that switched it on: for clients that expect to be sent to a login."""

from __future__ import annotations

__all__ = ["ClientBook", "Mistake", "OAuthServer", "Pending"]

from botkit.gateway.access.oauth.clients import ClientBook
from botkit.gateway.access.oauth.server import Mistake, OAuthServer, Pending
