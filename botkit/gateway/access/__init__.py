"""Who may enter a workspace: member tokens, members, roles and invitations."""

from __future__ import annotations

__all__ = ["TOKEN_PREFIX", "TokenGate", "make_token", "token_digest"]

from botkit.gateway.access.gate import TokenGate
from botkit.gateway.access.tokens import TOKEN_PREFIX, make_token, token_digest
