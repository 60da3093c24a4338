"""Call an HTTP API."""

from __future__ import annotations

__all__ = ["HttpRequestNode"]

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Literal, TypedDict, cast
from urllib.parse import urlencode, urlsplit

import msgspec
from pydantic import Field, model_validator

from botkit.core.data import Data
from botkit.core.outbound import HttpReply, HttpRequest, HttpUnanswered, HttpUnsent, SecretPart
from botkit.core.schemas import as_schema
from botkit.core.taint import source
from botkit.runs.context import EffectUnknown
from botkit.sdk.nodes import Node, NodeFailed, Outcome, SecretName, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._parts import NodePart

Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"]
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent twice. Source: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2"""
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({429, 503})
"""The server did nothing with it."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_FORBIDDEN = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "proxy-authorization"})
_SHOWN = 300


class HttpOutput(TypedDict):
    """What came back."""

    status: int
    headers: dict[str, str]
    """Names in small letters."""
    body: str
    """As text."""
    json: Any
    """The body read as JSON, where it is JSON; else null."""
    url: str
    """Where it came from after redirects."""


class _Sent(Data):
    """What came of sending."""

    reply: HttpReply = HttpReply(status=0)
    unsent: str = ""
    """Why it never left."""
    code: str = ""
    retryable: bool = False


class Auth(NodePart):
    """How the request proves who sends it. The secret is put in when it is sent, and seen nowhere else."""

    secret: SecretName = Field(min_length=1)
    """Name of a stored secret."""
    kind: Literal["bearer", "basic", "header", "query"] = "bearer"
    """`Authorization: Bearer …`, `Authorization: Basic …` with `user`, a header, or a parameter called `name`."""
    user: str = ""
    """With `basic`."""
    name: str = ""
    """Of the header or parameter."""
    before: str = ""
    """With `header`: what stands before the secret, such as `Token `."""

    @model_validator(mode="after")
    def _named(self) -> Auth:
        if self.kind in ("header", "query") and not self.name:
            raise ValueError(f"auth by {self.kind} needs its name")
        return self

    def part(self) -> SecretPart:
        """As the port takes it."""
        if self.kind == "bearer":
            return SecretPart(secret=self.secret, before="Bearer ")
        if self.kind == "basic":
            return SecretPart(secret=self.secret, encode="basic", user=self.user)
        place: Literal["header", "query"] = "query" if self.kind == "query" else "header"
        return SecretPart(secret=self.secret, place=place, name=self.name, before=self.before)


@node("http_request")
class HttpRequestNode(Node):
    """Call an HTTP API outside the workspace's tools.

    GET, HEAD, OPTIONS, PUT and DELETE may be tried again by the node's `retry`. POST and PATCH are sent once: when
    no answer comes, an operator decides (`botkit runs resolve`; a result is the body it would have had), unless
    `idempotency_header` names the header by which the service recognises a repeat. Private networks are not contacted
    unless the operator allows it.
    """

    category = "tools"
    output: ClassVar[Any] = HttpOutput

    method: Method = "GET"
    """What is asked for."""
    url: str = Field(min_length=1)
    """`https://…` or `http://…`."""
    headers: dict[str, Any] = {}
    """Sent with it. A value may be `{secret: NAME, before: "Token "}`."""
    query: dict[str, Any] = {}
    """Parameters of the address; a list is sent several times, null not at all."""
    body: Any = None
    """Text as it is; anything else as JSON."""
    body_kind: Literal["auto", "json", "form", "text"] = "auto"
    """How the body is written: `form` takes an object of simple values."""
    auth: Auth | None = None
    """Proof of who calls."""
    idempotency_header: str = ""
    """Header that makes a repeat harmless, such as `Idempotency-Key`; its value is the same at every attempt."""
    ok_statuses: list[int] = []
    """Statuses that count as success; 200 to 399 when empty. Others take the `error` edge with code `http_status`."""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds until the whole answer must be there."""
    limit_bytes: int = Field(default=4 << 20, ge=1, le=32 << 20)
    """Of the answer."""
    redirects: int = Field(default=3, ge=0, le=10)
    """How many redirects within the same host are followed."""
    trusted: bool = False
    """Whether what it answers is your own. Otherwise calls of writing tools after it need a person's approval, as the
    workspace's `taint` says."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The address and the names of headers, where they are written plainly."""
        found: list[tuple[str, str]] = []
        url = data.get("url")
        if isinstance(url, str) and "{{" not in url and (wrong := _wrong_url(url)):
            found.append(("url", wrong))
        headers = as_schema(data.get("headers"))
        return found + [(f"headers.{name}", wrong) for name in headers if (wrong := _wrong_header(name))]

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        if ctx.services.http is None:
            raise NodeFailed("this process sends no HTTP requests", code="unavailable")
        port = ctx.services.http
        request = self._request(ctx)
        safe = self.method in _REPEATABLE or bool(self.idempotency_header)

        async def send(_: Any) -> _Sent:
            try:
                return _Sent(reply=await port.send(request, workspace=ctx.workspace))
            except HttpUnsent as error:  # a result like any other: nothing is to be found out after a crash
                return _Sent(unsent=str(error), code=error.code, retryable=error.retryable)
            except HttpUnanswered as error:
                if safe:
                    raise
                raise EffectUnknown(f"{self.method} {_place(self.url)} was sent and no answer came") from error

        try:
            sent = await ctx.scoped("send", send, kind=_Sent, once=not safe, resolve=_resolved)
        except HttpUnanswered as error:
            raise NodeFailed(str(error), code=error.code, retryable=error.retryable) from error
        if sent.unsent:
            raise NodeFailed(sent.unsent, code=sent.code, retryable=sent.retryable)
        reply = sent.reply
        if not self.trusted:
            ctx.has_read(source("the address", _place(self.url)))
        output = _output(reply)
        if not (reply.status in self.ok_statuses if self.ok_statuses else 200 <= reply.status < 400):
            raise NodeFailed(
                f"{self.method} {_place(self.url)} answered with status {reply.status}: {_excerpt(output['body'])}",
                code="http_status",
                retryable=reply.status in (_TEMPORARY if safe else _REFUSED),
                retry_after_s=_retry_after_s(reply, ctx.now()),
                status=reply.status,
            )
        return Outcome(output=output)

    def _request(self, ctx: NodeRun) -> HttpRequest:
        if wrong := _wrong_url(self.url):
            raise NodeFailed(wrong, code="invalid_config")
        secrets = [self.auth.part()] if self.auth is not None else []
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            if wrong := _wrong_header(name):
                raise NodeFailed(wrong, code="invalid_config")
            if isinstance(value, Mapping):
                given = cast("Mapping[str, Any]", value)
                secrets.append(
                    SecretPart(secret=str(given.get("secret") or ""), name=name, before=str(given.get("before") or ""))
                )
            elif value is not None:
                headers[name] = _header_text(name, value)
        body, kind = self._body()
        if kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        if self.idempotency_header:
            headers[self.idempotency_header] = _same_at_every_attempt(ctx)
        return HttpRequest(
            method=self.method,
            url=self.url,
            headers=headers,
            query={name: _parameter(value) for name, value in self.query.items() if value is not None},
            body=body,
            secrets=tuple(secrets),
            timeout_s=self.timeout_s,
            limit_bytes=self.limit_bytes,
            redirects=self.redirects,
        )

    def _body(self) -> tuple[bytes, str]:
        """The bytes and their content type."""
        body: Any = self.body
        if body is None:
            return b"", ""
        kind = self.body_kind
        if kind == "auto":
            kind = "text" if isinstance(body, str) else "json"
        if kind == "form":
            if not isinstance(body, dict):
                raise NodeFailed("a form is an object of simple values", code="invalid_config")
            fields = {name: _parameter(value) for name, value in as_schema(cast("object", body)).items()}
            return urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"
        if kind == "json":
            return msgspec.json.encode(body), "application/json"
        text: str = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        return text.encode("utf-8", "replace"), "text/plain; charset=utf-8"


def _resolved(decision: dict[str, Any]) -> _Sent:
    """What an operator found out about a request whose answer was lost: what it would have answered, or that it
    never did anything."""
    if decision.get("action") != "result":
        return _Sent(unsent=str(decision.get("message") or "It did not happen."), code="not_sent")
    given: Any = decision.get("result")
    body = given.encode() if isinstance(given, str) else msgspec.json.encode(given)
    return _Sent(reply=HttpReply(status=200, body=body))


def _same_at_every_attempt(ctx: NodeRun) -> str:
    """A key of this node in this run: the number of the attempt is no part of it."""
    path = re.sub(r"@\d+$", "", ctx.path)
    return hashlib.sha256(f"{ctx.run.id}/{path}".encode()).hexdigest()[:32]


def _wrong_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        fits, parts = False, None
    if not fits or any(ord(character) <= 32 for character in url):
        return "an address begins with https:// or http:// and has no spaces"
    if parts is not None and (parts.username is not None or parts.password is not None):
        return "names and passwords do not belong into an address; use auth"
    return ""


def _wrong_header(name: str) -> str:
    if not _NAME.fullmatch(name):
        return f"`{name[:60]}` cannot be the name of a header"
    return f"the header {name} is not yours to set" if name.lower() in _FORBIDDEN else ""


def _header_text(name: str, value: Any) -> str:
    text = str(_parameter(value))
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise NodeFailed(f"the header {name} has a line break or another control character", code="invalid_config")
    return text


def _parameter(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [str(_parameter(each)) for each in cast("list[Any]", value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _place(url: str) -> str:
    """Without parameters, which may hold what nobody should read in an error."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


def _output(reply: HttpReply) -> HttpOutput:
    try:
        data: Any = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError):
        data = None
    text = reply.body.decode("utf-8", "replace")
    return {"status": reply.status, "headers": reply.headers, "body": text, "json": data, "url": reply.url}


def _excerpt(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _retry_after_s(reply: HttpReply, now: datetime) -> float | None:
    """Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"""
    given = reply.headers.get("retry-after", "").strip()
    if given.isdigit():
        return float(given[:9])
    try:
        then = parsedate_to_datetime(given)
        return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, IndexError):
        return None
