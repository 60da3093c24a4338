"""The web side of OAuth for workspaces: metadata, the consent page, the token endpoint.

The consent page asks for a member token each time, so nobody can consent for somebody else. What it was asked is sealed
into the form together with a cookie of this browser: a page of another site can neither press its button nor have it
pressed with a token of its own choosing. No script, nothing cached.
"""

from __future__ import annotations

__all__ = ["OAUTH_PATHS", "oauth_routes"]

import secrets
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from botkit.core.errors import BotkitError, Denied, InvalidArguments, NotFound, StoreError
from botkit.gateway.access.oauth import Mistake, OAuthServer, Pending

OAUTH_PATHS = ("/oauth/", "/.well-known/oauth-")
_COOKIE = "botkit_consent"
_COOKIE_S = 600
_BODY_LIMIT_BYTES = 64 * 1024
_OPEN = {"access-control-allow-origin": "*", "cache-control": "no-store"}
"""Metadata and tokens may be fetched by clients that run in a browser: they bring no cookie and need none."""
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}
label{{display:block;margin:1rem 0}}input{{display:block;width:100%;font:inherit;padding:.4rem;box-sizing:border-box}}
button{{font:inherit;padding:.4rem 1rem;margin-right:.5rem}}dt{{font-weight:600}}dd{{margin:0 0 .6rem}}</style>
<main><h1>{title}</h1>{body}</main></html>
"""

Endpoint = Callable[[Request], Awaitable[Response]]


def oauth_routes(server: OAuthServer) -> list[BaseRoute]:
    """The routes; they stand before no guard."""

    async def resource(request: Request) -> Response:
        return JSONResponse(server.resource_metadata(_workspace(request)), headers=_OPEN)

    async def authority(request: Request) -> Response:
        return JSONResponse(server.server_metadata(_workspace(request)), headers=_OPEN)

    async def register(request: Request) -> Response:
        server.check(_workspace(request))
        return JSONResponse(server.clients.register(await _body(request)), status_code=201, headers=_OPEN)

    async def token(request: Request) -> Response:
        return JSONResponse(await server.exchange(_workspace(request), await _form(request)), headers=_OPEN)

    async def revoke(request: Request) -> Response:
        await server.revoke(_workspace(request), await _form(request))
        return Response(status_code=200, headers=_OPEN)

    async def authorize(request: Request) -> Response:
        if request.method == "POST":
            return await _decided(server, request)
        pending = await server.begin(_workspace(request), _single(request.url.query))
        browser = secrets.token_urlsafe(24)
        response = _consent(pending, server.seal(pending, browser))
        path = urlsplit(server.issuer(pending.workspace)).path
        secure = server.issuer(pending.workspace).startswith("https://")
        response.set_cookie(
            _COOKIE, browser, max_age=_COOKIE_S, path=path, httponly=True, samesite="strict", secure=secure
        )
        return response

    return [
        Route("/.well-known/oauth-protected-resource/ws/{slug}", _plain(resource)),
        Route("/.well-known/oauth-authorization-server/oauth/{slug}", _plain(authority)),
        Route("/oauth/{slug}/authorize", _shown(authorize), methods=["GET", "POST"]),
        Route("/oauth/{slug}/token", _plain(token), methods=["POST", "OPTIONS"]),
        Route("/oauth/{slug}/register", _plain(register), methods=["POST", "OPTIONS"]),
        Route("/oauth/{slug}/revoke", _plain(revoke), methods=["POST", "OPTIONS"]),
    ]


async def _decided(server: OAuthServer, request: Request) -> Response:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Mistake("invalid_request", "This form was sent by another site.", status=403)
    given = await _form(request)
    pending = server.unseal(given.get("request", ""), request.cookies.get(_COOKIE, ""))
    if pending.workspace != _workspace(request):
        raise Mistake("invalid_request", "This page belongs to another workspace.")
    if given.get("decision") != "allow":
        return _leave(server.deny(pending))
    try:
        return _leave(await server.approve(pending, given.get("token", "").strip()))
    except Denied as error:
        return _consent(pending, given.get("request", ""), wrong=str(error))


def _consent(pending: Pending, sealed: str, *, wrong: str = "") -> Response:
    who = f"{pending.client_name} ({pending.client_host})" if pending.client_host else pending.client_name
    vouched = "" if pending.client_host else "<p>Nobody vouches for that name: it registered itself.</p>"
    body = (
        f"<p><b>{escape(who)}</b> wants to use the tools of the workspace <b>{escape(pending.workspace)}</b> on your "
        f"behalf, with your role, and without asking again until you revoke it.</p>{vouched}"
        f"<dl><dt>Access is sent to</dt><dd>{escape(pending.target)}</dd>"
        f"<dt>At</dt><dd>{escape(pending.redirect_uri)}</dd></dl>"
        f"{f'<p><b>{escape(wrong)}</b></p>' if wrong else ''}"
        f'<form method="post"><input type="hidden" name="request" value="{escape(sealed)}">'
        '<label>Your token, to show who you are <input name="token" type="password" autocomplete="off"></label>'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Refuse</button></form>'
    )
    scheme = urlsplit(pending.redirect_uri).scheme
    return _html("Allow this client?", body, status=403 if wrong else 200, forms=f"'self' {scheme}:")


def _html(title: str, body: str, *, status: int = 200, forms: str = "'self'") -> Response:
    headers = {
        "content-security-policy": f"default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status_code=status, headers=headers)


def _leave(url: str) -> Response:
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(url, status_code=303, headers=headers)


def _shown(endpoint: Endpoint) -> Endpoint:
    """Errors for a person; those the client may know of go to it."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Mistake as error:
            if error.redirect:
                return _leave(error.redirect)
            return _html("That did not work", f"<p>{escape(str(error))}</p>", status=error.status)
        except NotFound:
            return _html("Nothing here", "<p>There is no such page.</p>", status=404)
        except StoreError:
            return _html("Not now", "<p>Come again in a moment.</p>", status=503)
        except BotkitError as error:
            return _html("That did not work", f"<p>{escape(str(error))}</p>", status=400)

    return answer


def _plain(endpoint: Endpoint) -> Endpoint:
    """Errors for a program, as RFC 6749 section 5.2 has them."""

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={**_OPEN, "access-control-allow-headers": "content-type"})
        try:
            return await endpoint(request)
        except Mistake as error:
            return _error(error.error, str(error), error.status)
        except NotFound:
            return _error("not_found", "There is nothing here.", 404)
        except StoreError:
            return _error("temporarily_unavailable", "Come again in a moment.", 503)
        except InvalidArguments as error:
            return _error("invalid_client_metadata", str(error), 400)

    return answer


def _error(code: str, message: str, status: int) -> Response:
    return JSONResponse({"error": code, "error_description": message}, status_code=status, headers=_OPEN)


def _workspace(request: Request) -> str:
    return str(request.path_params["slug"])


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _BODY_LIMIT_BYTES:
            raise Mistake("invalid_request", "The request is too large.", status=413)
        parts.append(part)
    return b"".join(parts)


async def _form(request: Request) -> Mapping[str, str]:
    return _single((await _body(request)).decode("utf-8", "replace"))


def _single(text: str) -> Mapping[str, str]:
    """The parameters of a query or form. Raises `Mistake` when one comes twice (RFC 6749 section 3.1)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise Mistake("invalid_request", "There are too many parameters.") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Mistake("invalid_request", "A parameter was given twice.")
    return found
