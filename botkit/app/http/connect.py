"""Pages on which a person connects an account of their own: a form for secrets, or the way to a login.

The address is the key: sealed, private, short-lived. So these pages need no login of ours, use no cookie, run no
script, are never cached and tell no other site where the person came from. Nothing happens before the person presses
the button: a link that some program looks at in advance is not used up, and nobody is sent into a login unasked.
"""

from __future__ import annotations

__all__ = ["OPEN_PATHS", "connect_routes"]

from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from botkit.app.http.plain_page import page_headers, plain_page
from botkit.core.errors import BotkitError
from botkit.gateway.connect import CONNECT_PATH, Connections, personal_secrets
from botkit.gateway.remote.oauth import CALLBACK_PATH, CLIENT_PATH, client_document
from botkit.gateway.settings import RemoteSettings

OPEN_PATHS = (f"{CONNECT_PATH}/", CALLBACK_PATH, CLIENT_PATH)
_FORM_LIMIT_BYTES = 256 * 1024
_STATUS = {"not_found": 404, "conflict": 409, "invalid_arguments": 422, "login_needed": 409}
_log = structlog.get_logger("botkit.connect")


def connect_routes(connections: Connections, base_url: Callable[[], str]) -> list[BaseRoute]:
    """The routes; they stand before no guard."""

    async def page(request: Request) -> Response:
        sealed = request.path_params["sealed"]
        try:
            if request.method == "POST":
                return await _submitted(request, sealed)
            invitation, server = connections.read(sealed)
        except BotkitError as error:
            return _failed(error)
        who = escape(invitation.owner.partition(":")[2])
        if isinstance(server, RemoteSettings) and server.oauth is not None and server.oauth.person:
            host = escape(urlsplit(server.url).hostname or "")
            text = (
                f"<p>The bot will use the account you log in to at <b>{host}</b> for calls on behalf of "
                f"<b>{who}</b>, and for nobody else's.</p>"
                '<form method="post"><button>Log in</button></form>'
            )
            # The form's answer is a redirect to the login, which the policy has to permit.
            return plain_page(f"Connect {server.name}", text, forms="'self' https: http:")
        fields = "".join(
            f'<label>{escape(name)} <input name="{escape(name)}" type="password" autocomplete="off" required></label>'
            for name in personal_secrets(server)
        )
        text = (
            f"<p>What you enter is stored sealed and used for calls on behalf of <b>{who}</b>, and for nobody else's. "
            f'It is not shown again.</p><form method="post">{fields}<button>Connect</button></form>'
        )
        return plain_page(f"Connect {server.name}", text)

    async def _submitted(request: Request, sealed: str) -> Response:
        _, server = connections.read(sealed)
        if isinstance(server, RemoteSettings) and server.oauth is not None and server.oauth.person:
            return RedirectResponse(await connections.login(sealed), status_code=303, headers=page_headers())
        if int(request.headers.get("content-length") or 0) > _FORM_LIMIT_BYTES:
            return plain_page("Too large", "<p>That is more than fits here.</p>", status=413)
        async with request.form(max_files=0, max_fields=50) as form:
            values = {name: value for name, value in form.items() if isinstance(value, str)}
        name = await connections.store(sealed, values)
        _log.info("account_connected", server=name)
        return _done(name)

    async def callback(request: Request) -> Response:
        parameters = {name: request.query_params[name] for name in request.query_params}
        try:
            name = await connections.finish(parameters)
        except BotkitError as error:
            return _failed(error)
        _log.info("account_connected", server=name)
        return _done(name)

    async def client(request: Request) -> Response:
        return JSONResponse(client_document(base_url()), headers={"cache-control": "public, max-age=3600"})

    return [
        Route(CONNECT_PATH + "/{sealed}", page, methods=["GET", "POST"]),
        Route(CALLBACK_PATH, callback, methods=["GET"]),
        Route(CLIENT_PATH, client, methods=["GET"]),
    ]


def _done(server: str) -> Response:
    return plain_page(f"{server} is connected", "<p>You can close this page and go on where you were.</p>")


def _failed(error: BotkitError) -> Response:
    return plain_page("That did not work", f"<p>{escape(str(error))}</p>", status=_STATUS.get(error.code, 502))
