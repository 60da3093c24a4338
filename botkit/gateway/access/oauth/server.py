"""The authorization server of workspaces: consent, codes, access tokens, refresh.

    authorize → consent page (the member shows a token of theirs) → code → token → refresh → …

There are no sessions: whoever consents shows a member token each time, so consent is given for exactly this client,
redirect address and workspace, and never remembered. What the client gets is a member token of an hour, narrowed as the
token that was shown, good for this workspace alone; and a refresh token, good once. Whoever uses a code or refresh
token a second time has a copy of it: everything of that consent ends.

Sources: OAuth 2.1 draft, RFC 7636 (PKCE), RFC 8414, RFC 8707, RFC 9207, RFC 9700 section 4.14, RFC 9728
"""

from __future__ import annotations

__all__ = ["Mistake", "OAuthServer", "Pending"]

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from botkit.core.clock import Clock
from botkit.core.data import Data, decode, encode_text
from botkit.core.errors import BotkitError, Denied, NotFound
from botkit.core.ids import new_id
from botkit.core.journal import Audit
from botkit.core.members import Member, Members, MemberToken
from botkit.core.oauth import OAuthKey, OAuthKeys
from botkit.gateway.access.gate import TokenGate
from botkit.gateway.access.oauth.clients import ClientBook, redirects_to
from botkit.gateway.access.tokens import make_token, token_digest
from botkit.gateway.serving.sealing import Sealer

SCOPE = "tools"
_ACCESS_S = 3600
_REFRESH_S = 30 * 86_400
_CODE_S = 60
_CONSENT_S = 600.0
_MICROS = 1_000_000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_STATE_CHARACTERS = 4096


class Mistake(BotkitError):
    """An OAuth error.

    Args:
        error: its OAuth code, such as `invalid_request`.
        redirect: where the client is told of it; empty: nobody knows who asked, so only the person is told.
    """

    code = "oauth"

    def __init__(self, error: str, message: str, *, redirect: str = "", status: int = 400):
        super().__init__(message)
        self.error = error
        self.redirect = redirect
        self.status = status


class Pending(Data):
    """A request for consent, checked."""

    workspace: str
    client: str
    client_name: str
    client_host: str
    redirect_uri: str
    challenge: str
    state: str = ""

    @property
    def target(self) -> str:
        """Where the answer goes, for people: a host, or a program on their machine."""
        parts = urlsplit(self.redirect_uri)
        return (parts.hostname or "") if parts.scheme in ("http", "https") else f"{parts.scheme}:"


class OAuthServer:
    """
    Args:
        enabled: whether a workspace exists and has OAuth switched on, now.
        base_url: where the outside reaches this instance.
    """

    def __init__(
        self,
        *,
        members: Members,
        keys: OAuthKeys,
        gate: TokenGate,
        clients: ClientBook,
        sealer: Sealer,
        clock: Clock,
        enabled: Callable[[str], bool],
        base_url: Callable[[], str],
    ):
        self.clients = clients
        self._members = members
        self._keys = keys
        self._gate = gate
        self._sealer = sealer
        self._clock = clock
        self._enabled = enabled
        self._base_url = base_url

    # ── metadata ─────────────────────────────────────────────────────────────────────────────────────────

    def check(self, workspace: str) -> None:
        """Raises `NotFound` where OAuth is off, as where there is no such workspace."""
        if not self._enabled(workspace):
            raise NotFound("there is nothing here")

    def issuer(self, workspace: str) -> str:
        return f"{self._base()}/oauth/{quote(workspace)}"

    def resource(self, workspace: str) -> str:
        return f"{self._base()}/ws/{quote(workspace)}"

    def resource_metadata(self, workspace: str) -> dict[str, Any]:
        """Protected resource metadata (RFC 9728). Raises `NotFound`."""
        self.check(workspace)
        return {
            "resource": self.resource(workspace),
            "authorization_servers": [self.issuer(workspace)],
            "scopes_supported": [SCOPE],
            "bearer_methods_supported": ["header"],
            "resource_name": workspace,
        }

    def server_metadata(self, workspace: str) -> dict[str, Any]:
        """Authorization server metadata (RFC 8414). Raises `NotFound`."""
        self.check(workspace)
        issuer = self.issuer(workspace)
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "registration_endpoint": f"{issuer}/register",
            "revocation_endpoint": f"{issuer}/revoke",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": [SCOPE],
            "client_id_metadata_document_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }

    def challenge(self, workspace: str) -> str:
        """`WWW-Authenticate` of a 401; it names the metadata only where OAuth is on."""
        if not self._enabled(workspace):
            return "Bearer"
        url = f"{self._base()}/.well-known/oauth-protected-resource/ws/{quote(workspace)}"
        return f'Bearer resource_metadata="{url}", scope="{SCOPE}"'

    # ── consent ──────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, workspace: str, given: Mapping[str, str]) -> Pending:
        """Check a request for consent.

        Raises:
            Mistake, UnknownClient, NotFound: it is wrong.
        """
        self.check(workspace)
        client = await self.clients.find(given.get("client_id", ""))
        named = client.redirect_uris
        redirect_uri = given.get("redirect_uri", "") or (named[0] if len(named) == 1 else "")
        if not redirects_to(client, redirect_uri):
            raise Mistake("invalid_request", "This client did not name the address it wants the answer sent to.")
        pending = Pending(
            workspace=workspace,
            client=client.id,
            client_name=client.name,
            client_host=client.host,
            redirect_uri=redirect_uri,
            challenge=given.get("code_challenge", ""),
            state=given.get("state", "")[:_STATE_CHARACTERS],
        )
        if given.get("response_type") != "code":
            raise self._told(pending, "unsupported_response_type", "Only codes are given out.")
        if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(pending.challenge):
            raise self._told(pending, "invalid_request", "PKCE with S256 is needed.")
        if given.get("resource", self.resource(workspace)).rstrip("/") != self.resource(workspace):
            raise self._told(pending, "invalid_target", "This server gives tokens for one workspace only.")
        return pending

    def seal(self, pending: Pending, browser: str) -> str:
        """The request as the consent page carries it: unreadable, for ten minutes, for this browser alone."""
        return self._sealer.seal(encode_text(pending), ("oauth", "consent", browser), _CONSENT_S)

    def unseal(self, sealed: str, browser: str) -> Pending:
        """Raises `Mistake`."""
        text = self._sealer.unseal(sealed, ("oauth", "consent", browser)) if browser else None
        if text is None:
            raise Mistake("invalid_request", "This page is too old, or belongs to another browser. Begin anew.")
        pending = decode(text, Pending)
        self.check(pending.workspace)
        return pending

    async def approve(self, pending: Pending, token: str) -> str:
        """Consent as the member whose token this is. Where to send the browser.

        Raises:
            Denied: the token is no good here.
        """
        grant = await self._gate.authenticate(pending.workspace, token)
        holder = None if grant is None else (await self._members.holders([grant.credential])).get(grant.credential)
        if holder is None or holder.token.origin != "token":
            raise Denied("That token is not good for this workspace. Use one of yours that begins with mwt_.")
        now = self._clock.micros()
        code = secrets.token_urlsafe(32)
        key = OAuthKey(
            kind="code",
            family=new_id("fam"),
            workspace=pending.workspace,
            member_id=holder.member.id,
            client=pending.client,
            redirect_uri=pending.redirect_uri,
            challenge=pending.challenge,
            allow=holder.token.allow,
            deny=holder.token.deny,
            per_minute=holder.token.per_minute,
            per_month=holder.token.per_month,
            created_at=now,
            expires_at=now + _CODE_S * _MICROS,
        )
        await self._keys.add(key, token_digest(code))
        return self._answer(pending, code=code)

    def deny(self, pending: Pending) -> str:
        """Where to send the browser of somebody who does not consent."""
        return self._answer(pending, error="access_denied")

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────

    async def exchange(self, workspace: str, given: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint. Raises `Mistake`, `NotFound`."""
        self.check(workspace)
        if given.get("resource", self.resource(workspace)).rstrip("/") != self.resource(workspace):
            raise Mistake("invalid_target", "This server gives tokens for one workspace only.")
        grant_type = given.get("grant_type")
        if grant_type == "authorization_code":
            return await self._by_code(workspace, given)
        if grant_type == "refresh_token":
            key = await self._spend(workspace, "refresh", given.get("refresh_token", ""), given)
            return await self._issue(key)
        raise Mistake("unsupported_grant_type", "Codes and refresh tokens are taken.")

    async def revoke(self, workspace: str, given: Mapping[str, str]) -> None:
        """The revocation endpoint (RFC 7009): ends everything of the consent; silent about what is unknown."""
        self.check(workspace)
        digest = token_digest(given.get("token", ""))
        holder = await self._members.holder(digest)
        family = holder.token.family if holder is not None and holder.token.workspace == workspace else ""
        if not family:
            spent = await self._keys.spend(digest, "refresh", at=self._clock.micros())
            family = spent.key.family if spent is not None and spent.key.workspace == workspace else ""
        if family:
            await self.end(family, by="client")

    async def end(self, family: str, *, by: str) -> None:
        """End all tokens and keys of one consent, with their streams."""
        self._gate.ended(await self._keys.end_family(family, by=by, at=self._clock.micros()))

    async def _by_code(self, workspace: str, given: Mapping[str, str]) -> dict[str, Any]:
        key = await self._spend(workspace, "code", given.get("code", ""), given)
        verifier = given.get("code_verifier", "")
        proof = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        proven = _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(proof, key.challenge)
        if not proven or given.get("redirect_uri", key.redirect_uri) != key.redirect_uri:
            raise Mistake("invalid_grant", "The code belongs to another request.")
        return await self._issue(key)

    async def _spend(self, workspace: str, kind: Any, text: str, given: Mapping[str, str]) -> OAuthKey:
        spent = await self._keys.spend(token_digest(text), kind, at=self._clock.micros())
        if spent is None:
            raise Mistake("invalid_grant", f"The {kind} is unknown, expired or withdrawn.")
        key = spent.key
        if spent.again or key.workspace != workspace or given.get("client_id", "") != key.client:
            # Whoever comes second, or as somebody else, has a copy: nobody can tell which of the two is honest.
            await self.end(key.family, by="reuse")
            raise Mistake("invalid_grant", f"The {kind} was used before, or by another client.")
        return key

    async def _issue(self, key: OAuthKey) -> dict[str, Any]:
        member = await self._members.get(key.member_id)
        if member is None or member.state != "active":
            raise Mistake("invalid_grant", "The member is gone.")
        now = self._clock.micros()
        text = make_token(member.name)
        token = MemberToken(
            id=new_id("tok"),
            workspace=key.workspace,
            member_id=member.id,
            name=urlsplit(key.client).hostname or "oauth",
            hint=text[-4:],
            allow=key.allow,
            deny=key.deny,
            per_minute=key.per_minute,
            per_month=key.per_month,
            origin="oauth",
            client=key.client[:1000],
            created_at=now,
            created_by=member.name,
            expires_at=now + _ACCESS_S * _MICROS,
            family=key.family,
        )
        await self._add(token, text, member, first=key.kind == "code")
        refresh = f"mwr_{secrets.token_hex(32)}"
        following = msgspec.structs.replace(
            key, kind="refresh", challenge="", created_at=now, expires_at=now + _REFRESH_S * _MICROS
        )
        await self._keys.add(following, token_digest(refresh))
        if await self._keys.is_over(key.family):  # it ended while we were at it
            await self.end(key.family, by="reuse")
            raise Mistake("invalid_grant", "The consent was withdrawn.")
        return {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": _ACCESS_S,
            "refresh_token": refresh,
            "scope": SCOPE,
        }

    async def _add(self, token: MemberToken, text: str, member: Member, *, first: bool) -> None:
        audit = Audit(
            at=token.created_at,
            actor=member.name,
            via="oauth",
            action="oauth.consent" if first else "oauth.refresh",
            target=f"{token.workspace}/{member.name}",
            detail={"client": token.client[:200], "token": token.id},
        )
        try:
            await self._members.add_token(token, token_digest(text), audit=audit)
        except NotFound as error:  # removed this very moment
            raise Mistake("invalid_grant", "The member is gone.") from error

    def _told(self, pending: Pending, error: str, message: str) -> Mistake:
        return Mistake(error, message, redirect=self._answer(pending, error=error, error_description=message))

    def _answer(self, pending: Pending, **parameters: str) -> str:
        given = {**parameters, "iss": self.issuer(pending.workspace)}
        if pending.state:
            given["state"] = pending.state
        joint = "&" if urlsplit(pending.redirect_uri).query else "?"
        return f"{pending.redirect_uri}{joint}{urlencode(given)}"

    def _base(self) -> str:
        return self._base_url().rstrip("/")
