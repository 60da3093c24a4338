"""The token endpoint of an authorization server: asked with a form, answered with tokens."""

from __future__ import annotations

__all__ = ["ask_token"]

import base64
from typing import Any
from urllib.parse import quote

import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import InvalidArguments, ToolUnavailable
from botkit.gateway.remote.authority import Authority, Client, Tokens
from botkit.gateway.remote.discovery import Discovery
from botkit.gateway.remote.guard import Resolver
from botkit.gateway.remote.http import read_capped
from botkit.gateway.settings import RemoteSettings

_ANSWER_BYTES = 256 * 1024


async def ask_token(
    server: RemoteSettings,
    authority: Authority,
    client: Client,
    form: dict[str, str],
    *,
    clock: Clock,
    resolver: Resolver,
) -> Tokens:
    """Ask the token endpoint.

    Raises:
        InvalidArguments: it says no; `facts["error"]` is its reason, such as `invalid_grant`.
        ToolUnavailable: it gives neither a token nor a reason.
    """
    headers = {"Accept": "application/json"}
    if client.method == "client_secret_basic":
        pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client.id
        if client.method == "client_secret_post":
            form["client_secret"] = client.secret
    discovery = Discovery(server, resolver)
    async with discovery.request("POST", authority.token_endpoint, data=form, headers=headers) as response:
        status, raw = response.status_code, await read_capped(response, _ANSWER_BYTES)
    answer = _object(raw or b"")
    if status in (400, 401, 403):
        reason = str(answer.get("error") or "")[:100]
        raise InvalidArguments(f"The authorization server of {server.name} refused (HTTP {status}).", error=reason)
    token, refresh, lives_s = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
    if status != 200 or not isinstance(token, str) or str(answer.get("token_type", "")).lower() != "bearer":
        raise ToolUnavailable(f"The authorization server of {server.name} gave no token (HTTP {status}).")
    expires = clock.micros() + int(lives_s) * 1_000_000 if isinstance(lives_s, int | float) else 0
    return Tokens(
        authority=authority,
        client=client,
        access_token=token,
        refresh_token=refresh if isinstance(refresh, str) else "",
        expires_at=expires,
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
