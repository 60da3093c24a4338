"""The page behind an invitation's link: one button, and then the token, this once.

The link is the key, good once and for a while. Looking at it uses nothing up, so a program that follows links in a
message does no harm; only the button does. No script, no cookie, nothing cached, no other site is told.
"""

from __future__ import annotations

__all__ = ["JOIN_PATH", "join_routes"]

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from botkit.app.clients import client_blocks
from botkit.app.http.plain_page import plain_page
from botkit.core.errors import BotkitError, NotFound
from botkit.gateway.access.desk import AccessDesk, Issued

JOIN_PATH = "/join"
_ASK = """<p>You were invited to use the tools of a workspace. Your access token is shown once, on the next page;
have the program that shall use it at hand.</p><form method="post"><button>Show my token</button></form>"""


def join_routes(desk: AccessDesk, base_url: Callable[[], str]) -> list[BaseRoute]:
    """The route; it stands before no guard."""

    async def page(request: Request) -> Response:
        if request.method != "POST":
            return plain_page("You are invited", _ASK)
        try:
            issued = await desk.accept(request.path_params["code"], via="page")
        except NotFound as error:
            return plain_page("This link is of no use any more", f"<p>{escape(str(error))}.</p>", status=404)
        except BotkitError as error:
            return plain_page("That did not work", f"<p>{escape(str(error))}</p>", status=503)
        return plain_page(f"Welcome to {issued.member.workspace}", _shown(issued, base_url()))

    return [Route(JOIN_PATH + "/{code}", page, methods=["GET", "POST"])]


def _shown(issued: Issued, base: str) -> str:
    member = issued.member
    url = f"{base.rstrip('/')}/ws/{member.workspace}"
    blocks = "".join(
        f"<h2>{escape(block.title)}</h2><p>{escape(block.where)}</p><pre>{escape(block.text)}</pre>"
        for block in client_blocks(member.workspace, url, issued.token)
    )
    return (
        f"<p>You are <b>{escape(member.name)}</b>, {escape(member.role)}. This token is shown this once; keep it where "
        f"the program keeps its settings.</p><p><code>{escape(issued.token)}</code></p><p>{escape(url)}</p>{blocks}"
    )
