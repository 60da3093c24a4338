"""Who may use the page: Host and Origin checks for everybody, an access token where others can connect.

* A page of another site must not reach us through a name that its owner points at this machine (DNS
  rebinding): the Host header must be an address, `localhost`, this machine's name, or BOTKIT_PUBLIC_URL.
* A page of another site must not act with our cookie (CSRF): browsers say where a request comes from in
  `Sec-Fetch-Site`, older ones in `Origin`.

Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from __future__ import annotations

__all__ = ["OurHosts", "PageGuard"]

import hashlib
import hmac
import socket
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "botkit_page"
_COOKIE_MAX_AGE_S = 30 * 24 * 3600
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_LOGIN_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>botkit</title>
<body><main><h1>botkit</h1>
<p>{message}</p>
<form method="get" action="/"><label>Access token
<input name="token" type="password" autocomplete="current-password" required autofocus></label>
<button>Open</button></form></main></body></html>
"""
_LOGIN_HEADERS = {
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_ASK = "This page needs its access token. It is in the file page-token of BOTKIT_HOME, on the machine that runs botkit."


class OurHosts:
    """Which `Host` headers name us: an address cannot be rebound, names must be ours."""

    def __init__(self, public_url: str = ""):
        self._names = {"localhost", socket.gethostname().lower(), (urlsplit(public_url).hostname or "").lower()} - {""}

    def __contains__(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        try:
            ip_address(name)
        except ValueError:
            return name.lower() in self._names or name.lower().endswith(".localhost")
        return True


class PageGuard:
    """ASGI middleware around the page and its API.

    Args:
        token: the access token; empty: no login (a loopback address in `dev`).
        public_url: BOTKIT_PUBLIC_URL, whose host is one of ours.
        open_paths: answered without these checks (health, webhooks with their own signatures).
    """

    def __init__(self, app: ASGIApp, *, token: str, public_url: str = "", open_paths: Collection[str] = ()):
        self._app = app
        self._token = token
        self._session = hmac.new(token.encode(), b"botkit page session", hashlib.sha256).hexdigest() if token else ""
        self._secure = public_url.startswith("https://")
        self._hosts = OurHosts(public_url)
        self._open_paths = tuple(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._open_paths):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """What to answer instead of the page, or None to let the request through."""
        headers = Headers(scope=scope)
        if not self.is_our_host(headers.get("host", "")):
            return _refused(421, "host", "Unknown host name. Set BOTKIT_PUBLIC_URL to the address you use.")
        if scope["method"] not in _SAFE_METHODS and not self._same_origin(headers):
            return _refused(403, "origin", "This request comes from another site.")
        if not self._token or self._logged_in(headers):
            return None
        return self._log_in(scope, headers)

    def is_our_host(self, host: str) -> bool:
        """See `OurHosts`."""
        return host in self._hosts

    def _same_origin(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        # Neither header: not a browser, so nobody's cookie is being abused.
        return origin is None or urlsplit(origin).netloc == headers.get("host")

    def _logged_in(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(bearer.strip().encode(), self._token.encode())
        return hmac.compare_digest(_cookie(headers).encode(), self._session.encode())

    def _log_in(self, scope: Scope, headers: Headers) -> Response:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token", "")
        if given and hmac.compare_digest(given.encode(), self._token.encode()):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            # Away from the address that holds the token, before it lands in a history or a screenshot.
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), status_code=303)
            response.set_cookie(
                COOKIE,
                self._session,
                max_age=_COOKIE_MAX_AGE_S,
                httponly=True,
                samesite="lax",
                secure=self._secure,
            )
            response.headers["referrer-policy"] = "no-referrer"
            return response
        message = "That token is not the one of this instance." if given else _ASK
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(_LOGIN_PAGE.format(message=message), status_code=401, headers=_LOGIN_HEADERS)
        return _refused(401, "login", message)


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def _cookie(headers: Headers) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
