"""`/ws/{slug}/api/…`: what members may do in their workspace beside calling tools, with their token, in JSON.

    GET    /ws/{slug}/api                              who I am here, and what I may do
    GET    /ws/{slug}/api/tokens?member=&ended=1       POST the same: a new one, shown once
    DELETE /ws/{slug}/api/tokens/{token}
    GET    /ws/{slug}/api/members                      POST the same: an invitation
    PATCH  /ws/{slug}/api/members/{member}             {"role": "read-only"}
    DELETE /ws/{slug}/api/members/{member}
    GET    /ws/{slug}/api/analytics?period_s=604800    GET /ws/{slug}/api/logs, GET /ws/{slug}/api/audit
    GET    /ws/{slug}/api/servers                      POST /ws/{slug}/api/servers/{server}/refresh
    GET    /ws/{slug}/api/secrets                      PUT and DELETE /ws/{slug}/api/secrets/{name}
    GET    /ws/{slug}/api/approvals                    POST /ws/{slug}/api/approvals/{id} {"approved": true}

Host, Origin, the address and the token are checked by the workspace's door, as for MCP. An error is
`{"error": {"code": "denied", "message": "…"}}`.
"""

from __future__ import annotations

__all__ = ["CALLS_PER_MINUTE", "ENDPOINTS", "Ask", "Endpoint", "member_routes"]

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from botkit.app.member_desk import MemberDesk, Visitor
from botkit.core.access import Grant
from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import BotkitError, InvalidArguments, LimitReached
from botkit.core.limits import Rule
from botkit.core.members import MemberRole
from botkit.gateway.access.desk import INVITATION_S
from botkit.gateway.access.permissions import Action
from botkit.gateway.limits import SlidingWindow
from botkit.gateway.serving.http import Disconnected, Http
from botkit.gateway.serving.rpc import Refusal

CALLS_PER_MINUTE = 120
"""Of one token, beside what it calls tools."""
_BODY_LIMIT_BYTES = 512 * 1024
_YEAR_S = 366 * 86_400.0
_STATUS = {
    "not_found": 404,
    "conflict": 409,
    "denied": 403,
    "limit_reached": 429,
    "invalid_arguments": 422,
    "secret": 422,
    "store_busy": 503,
    "store_full": 507,
}
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_log = structlog.get_logger("botkit.app")

Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=10 * _YEAR_S)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]
B = TypeVar("B", bound="Body")


class Body(Data, forbid_unknown_fields=True):
    """What a request carries. A field nobody knows is a mistake and is said."""


class NewToken(Body):
    name: Text
    member: Text = ""
    """Empty: one's own."""
    role: MemberRole | None = None
    allow: tuple[Text, ...] | None = None
    deny: tuple[Text, ...] = ()
    per_minute: Whole = 0
    per_month: Whole = 0
    expires_in_s: Seconds = 0.0


class NewMember(Body):
    name: Text
    email: Text = ""
    role: MemberRole = "developer"
    expires_in_s: Annotated[float, msgspec.Meta(gt=0, le=_YEAR_S)] = INVITATION_S


class NewRole(Body):
    role: MemberRole


class Value(Body):
    value: str


class Verdict(Body):
    approved: bool
    comment: Text = ""


class Period(Body):
    """In the address: which calls, and how many rows."""

    period_s: Annotated[float, msgspec.Meta(gt=0, le=10 * _YEAR_S)] = 7 * 86_400.0
    member: Text = ""
    server: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Which(Body):
    """In the address: which tokens."""

    member: Text = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a member."""

    desk: MemberDesk
    visitor: Visitor
    base_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes

    def body(self, kind: type[B]) -> B:
        """Raises `InvalidArguments`, which says what is wrong and never a value."""
        try:
            return msgspec.json.decode(self.raw, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidArguments(f"the body does not fit: {error}") from None

    def asked(self, kind: type[B]) -> B:
        """The query. Raises `InvalidArguments`."""
        try:
            return msgspec.convert(dict(self.query), kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"the address does not fit: {error}") from None


Answer = Callable[[Ask], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method at one address."""

    method: str
    path: str
    """Below `/ws/{slug}/api`."""
    action: Action | None
    """The row of the permission table that admits it; None: any member. What `tokens.own` admits for oneself,
    `tokens.manage` admits for others."""
    answer: Answer


class Admit(Protocol):
    async def __call__(self, http: Http, workspace: str, /) -> Grant | None:
        """The grant of a request, or None when it was refused, and answered."""
        ...


# ── what each one does ───────────────────────────────────────────────────────────────────────────────────


async def _whoami(ask: Ask) -> Any:
    return ask.desk.whoami(ask.visitor)


async def _tokens(ask: Ask) -> Any:
    which = ask.asked(Which)
    return {"tokens": await ask.desk.tokens(ask.visitor, member=which.member, ended=which.ended)}


async def _create_token(ask: Ask) -> Any:
    wanted = ask.body(NewToken)
    issued, info = await ask.desk.create_token(ask.visitor, **{name: getattr(wanted, name) for name in _fields(wanted)})
    url = f"{ask.base_url.rstrip('/')}/ws/{issued.row.workspace}" if ask.base_url else ""
    return msgspec.structs.replace(info, token=issued.token, url=url)


async def _revoke_token(ask: Ask) -> Any:
    await ask.desk.revoke_token(ask.visitor, ask.path["token"])


async def _members(ask: Ask) -> Any:
    return {"members": await ask.desk.members(ask.visitor)}


async def _invite(ask: Ask) -> Any:
    wanted = ask.body(NewMember)
    invited = await ask.desk.invite(
        ask.visitor, name=wanted.name, email=wanted.email, role=wanted.role, expires_in_s=wanted.expires_in_s
    )
    base = ask.base_url.rstrip("/")
    return {
        "member": invited.member.name,
        "role": invited.member.role,
        "code": invited.code,
        "link": f"{base}/join/{invited.code}" if base else "",
        "expires_at": invited.expires_at,
    }


async def _set_role(ask: Ask) -> Any:
    changed = await ask.desk.set_role(ask.visitor, ask.path["member"], ask.body(NewRole).role)
    return {"member": changed.name, "role": changed.role}


async def _remove(ask: Ask) -> Any:
    await ask.desk.remove(ask.visitor, ask.path["member"])


async def _analytics(ask: Ask) -> Any:
    asked = ask.asked(Period)
    return await ask.desk.analytics(ask.visitor, period_s=asked.period_s, member=asked.member, server=asked.server)


async def _logs(ask: Ask) -> Any:
    asked = ask.asked(Period)
    rows = await ask.desk.logs(
        ask.visitor, period_s=asked.period_s, member=asked.member, server=asked.server, limit=asked.limit
    )
    return {"calls": rows}


async def _audit(ask: Ask) -> Any:
    return {"acts": await ask.desk.audits(ask.visitor, limit=ask.asked(Period).limit)}


async def _servers(ask: Ask) -> Any:
    return {"servers": await ask.desk.servers(ask.visitor)}


async def _refresh(ask: Ask) -> Any:
    return await ask.desk.refresh(ask.visitor, ask.path["server"])


async def _secrets(ask: Ask) -> Any:
    return {"secrets": await ask.desk.secrets(ask.visitor)}


async def _set_secret(ask: Ask) -> Any:
    return await ask.desk.set_secret(ask.visitor, ask.path["name"], ask.body(Value).value)


async def _delete_secret(ask: Ask) -> Any:
    await ask.desk.delete_secret(ask.visitor, ask.path["name"])


async def _approvals(ask: Ask) -> Any:
    return {"approvals": await ask.desk.approvals(ask.visitor)}


async def _decide(ask: Ask) -> Any:
    verdict = ask.body(Verdict)
    return await ask.desk.decide(ask.visitor, ask.path["approval"], approved=verdict.approved, comment=verdict.comment)


ENDPOINTS: Sequence[Endpoint] = (
    Endpoint("GET", "", None, _whoami),
    Endpoint("GET", "/tokens", "tokens.own", _tokens),
    Endpoint("POST", "/tokens", "tokens.own", _create_token),
    Endpoint("DELETE", "/tokens/{token}", "tokens.own", _revoke_token),
    Endpoint("GET", "/members", "members.list", _members),
    Endpoint("POST", "/members", "members.manage", _invite),
    Endpoint("PATCH", "/members/{member}", "members.manage", _set_role),
    Endpoint("DELETE", "/members/{member}", "members.manage", _remove),
    Endpoint("GET", "/analytics", "analytics.view", _analytics),
    Endpoint("GET", "/logs", "logs.view", _logs),
    Endpoint("GET", "/audit", "audit.view", _audit),
    Endpoint("GET", "/servers", "servers.manage", _servers),
    Endpoint("POST", "/servers/{server}/refresh", "servers.manage", _refresh),
    Endpoint("GET", "/secrets", "secrets.set", _secrets),
    Endpoint("PUT", "/secrets/{name}", "secrets.set", _set_secret),
    Endpoint("DELETE", "/secrets/{name}", "secrets.manage", _delete_secret),
    Endpoint("GET", "/approvals", "approvals.decide", _approvals),
    Endpoint("POST", "/approvals/{approval}", "approvals.decide", _decide),
)


# ── the way in ───────────────────────────────────────────────────────────────────────────────────────────


def member_routes(desk: MemberDesk, admit: Admit, base_url: Callable[[], str], clock: Clock) -> list[BaseRoute]:
    """Every address.

    Args:
        admit: `Door.admit`.
        base_url: where the outside reaches this instance; empty while it does not.
    """
    limiter = SlidingWindow(clock)
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [
        Route(f"/ws/{{slug}}/api{path}", endpoint=_Counter(desk, admit, base_url, limiter, methods))
        for path, methods in by_path.items()
    ]


class _Counter:
    """One address with its methods."""

    def __init__(
        self,
        desk: MemberDesk,
        admit: Admit,
        base_url: Callable[[], str],
        limiter: SlidingWindow,
        methods: Mapping[str, Endpoint],
    ):
        self._desk = desk
        self._admit = admit
        self._base_url = base_url
        self._limiter = limiter
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = Http(scope, receive, send)
        path: dict[str, str] = scope["path_params"]
        grant = await self._admit(http, path["slug"])
        if grant is None:
            return
        try:
            response = await self._answer(http, grant, path)
        except Disconnected:
            return
        except Refusal as refusal:
            response = _refused(refusal.status or 400, "invalid_request", str(refusal))
        except BotkitError as error:
            response = _told(error)
        except Exception:
            _log.exception("member_request_failed", path=http.path)
            response = _refused(500, "internal", "botkit failed; see its log.")
        await response(scope, receive, send)

    async def _answer(self, http: Http, grant: Grant, path: Mapping[str, str]) -> Response:
        await self._limiter.take([Rule(key=f"api:{grant.credential}", limit=CALLS_PER_MINUTE)])
        endpoint = self._methods.get(http.method)
        if endpoint is None:
            return Response(status_code=405, headers={**_HEADERS, "allow": ", ".join(self._methods)})
        raw = await http.body(_BODY_LIMIT_BYTES)
        if raw and "application/json" not in http.headers.get("content-type", "").lower():
            return _refused(415, "invalid_request", "The content type must be application/json.")
        ask = Ask(
            desk=self._desk,
            visitor=await self._desk.visitor(grant.principal.id, grant.credential),
            base_url=self._base_url(),
            path=path,
            query=_query(http),
            raw=raw,
        )
        answer = await endpoint.answer(ask)
        if answer is None:
            return Response(status_code=204, headers=_HEADERS)
        return Response(msgspec.json.encode(answer), media_type="application/json", headers=_HEADERS)


def _query(http: Http) -> dict[str, str]:
    return dict(parse_qsl(http.query.decode("latin-1"), keep_blank_values=True))


def _told(error: BotkitError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, LimitReached) and error.retry_after_s:
        headers = {"retry-after": str(math.ceil(error.retry_after_s))}
    return _refused(_STATUS.get(error.code, 500), error.code, str(error), headers)


def _refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return Response(body, status, {**_HEADERS, **(headers or {})}, "application/json")


def _fields(body: Body) -> tuple[str, ...]:
    return type(body).__struct_fields__
