"""What is known of an authorization server, of ourselves there, and what it gave us."""

from __future__ import annotations

__all__ = ["Authority", "Client", "Tokens"]

from botkit.core.data import Data


class Authority(Data):
    """Who gives tokens for a server, and how."""

    issuer: str
    token_endpoint: str
    resource: str
    authorization_endpoint: str = ""
    registration_endpoint: str = ""
    scopes: str = ""
    """Separated by blanks."""
    takes_documents: bool = False
    """Whether a client may name a document about itself instead of registering."""
    names_itself: bool = False
    """Whether its answers always say who they are from."""
    auth_methods: tuple[str, ...] = ()


class Client(Data):
    """What we are called at an authorization server."""

    id: str
    secret: str = ""
    method: str = "none"


class Tokens(Data):
    """What was got, from whom, and as which client."""

    authority: Authority
    client: Client
    access_token: str
    refresh_token: str = ""
    expires_at: int = 0
    """Microseconds, UTC; 0: the server did not say."""
