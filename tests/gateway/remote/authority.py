"""An authorization server that a test can look into, and a protected MCP server beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.gateway.remote.support import Handmade, Seen, handmade, serving

__all__ = ["Authorizing", "protected"]


@dataclass
class Authorizing:
    """Follows OAuth 2.1 to the letter, and remembers everything. Fields change its behaviour."""

    issuer: str = ""
    resource: str = ""
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    """Added to, or in place of, what it says of itself."""
    lives_s: int = 3600
    rotate: bool = True
    refusing: tuple[int, str] = (0, "")
    """Status and error with which the token endpoint answers everything."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    valid: set[str] = field(default_factory=set[str])
    """Access tokens that are accepted."""
    refreshing: set[str] = field(default_factory=set[str])
    grants: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Forms sent to the token endpoint."""
    basics: list[str] = field(default_factory=list[str])
    registrations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _count: int = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._describe),
                Route("/token", self._token, methods=["POST"]),
                Route("/register", self._register, methods=["POST"]),
            ]
        )

    def authorize(self, address: str, *, iss: bool = True) -> dict[str, str]:
        """What a browser would bring back after the person said yes at this address."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["resource"] == self.resource
        self._count += 1
        code = f"code-{self._count}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], **({"iss": self.issuer} if iss else {})}

    async def _describe(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "registration_endpoint": f"{self.issuer}/register",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        )

    async def _register(self, request: Request) -> Response:
        wanted = await request.json()
        self.registrations.append(wanted)
        return JSONResponse({**wanted, "client_id": f"client-{len(self.registrations)}"}, status_code=201)

    async def _token(self, request: Request) -> Response:
        body = parse_qs((await request.body()).decode())
        form = {key: values[0] for key, values in body.items()}
        self.grants.append(form)
        self.basics.append(_basic(request))
        if self.refusing[0]:
            return JSONResponse({"error": self.refusing[1]}, status_code=self.refusing[0])
        grant = form.get("grant_type")
        if form.get("resource") != self.resource:
            return JSONResponse({"error": "invalid_target"}, status_code=400)
        if grant == "authorization_code":
            asked = self.codes.pop(form.get("code", ""), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
        elif grant == "refresh_token":
            if form.get("refresh_token") not in self.refreshing:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            if self.rotate:
                self.refreshing.discard(form["refresh_token"])
        elif grant != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        self._count += 1
        access, refresh = f"access-token-{self._count:04}", f"refresh-token-{self._count:04}"
        self.valid.add(access)
        answer: dict[str, Any] = {"access_token": access, "token_type": "bearer", "expires_in": self.lives_s}
        if grant != "client_credentials":
            self.refreshing.add(refresh)
            answer["refresh_token"] = refresh
        return JSONResponse(answer)


def _basic(request: Request) -> str:
    kind, _, pair = request.headers.get("authorization", "").partition(" ")
    return unquote(base64.b64decode(pair).decode()) if kind == "Basic" else ""


@asynccontextmanager
async def protected(**fields: Any) -> AsyncGenerator[tuple[Handmade, Authorizing]]:
    """An MCP server that wants a token of its authorization server, and that one."""
    authority = Authorizing(**fields)
    async with handmade(modern=True) as server, serving(authority.app()) as issuer:
        authority.issuer, authority.resource = issuer, server.url
        base = server.url.removesuffix("/mcp")

        def refused(seen: Seen) -> Response | None:
            if seen.headers.get("authorization", "").removeprefix("Bearer ") in authority.valid:
                return None
            where = f'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource/mcp", scope="read"'
            return Response(status_code=401, headers={"WWW-Authenticate": where})

        def described(seen: Seen) -> Response | None:
            if "oauth-protected-resource" not in seen.path:
                return None
            return JSONResponse({"resource": server.url, "authorization_servers": [issuer]})

        for method in ("ping", "server/discover", "tools/list", "tools/call", "initialize"):
            server.answers[method] = refused
        server.answers["GET"] = described
        yield server, authority
