"""The page behind a link of `auth_gate`: one button, and the person is verified.

The link is the key, good once and for a while. Looking at it uses nothing up, so a program that follows links in a mail
does no harm; only the button does. No script, no cookie, nothing cached, no other site is told.
"""

from __future__ import annotations

__all__ = ["IdentityLinks", "verify_routes"]

from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from botkit.app.http.plain_page import plain_page
from botkit.app.identity_desk import VERIFY_PATH, Codes
from botkit.core.clock import Clock
from botkit.core.errors import BotkitError, Conflict, NotFound
from botkit.core.identity import Challenge
from botkit.core.journal import CloseWait, DropTimer, Journal, OpenRun, Wait


class IdentityLinks:
    """What links of `auth_gate` do.

    Args:
        wake: work on a lane that was given an answer.
    """

    def __init__(self, codes: Codes, journal: Journal, clock: Clock, wake: Callable[[str], Awaitable[None]]):
        self._codes = codes
        self._journal = journal
        self._clock = clock
        self._wake = wake

    async def read(self, sealed: str) -> tuple[Challenge, OpenRun, Wait]:
        """What a link is for. Raises `NotFound`: damaged, too old, or used."""
        challenge = self._codes.read_link(sealed)
        opened = await self._journal.load_run(challenge.run_id) if challenge is not None else None
        wait = _asked(opened, challenge) if opened is not None and challenge is not None else None
        if challenge is None or opened is None or wait is None:
            raise NotFound("This link is not valid any more: it was used, is too old, or another one was sent since.")
        return challenge, opened, wait

    async def confirm(self, sealed: str) -> None:
        """The person of the run is verified. Raises `NotFound` as `read`."""
        challenge, _, wait = await self.read(sealed)
        close = CloseWait(
            wait_id=wait.id,
            state="answered",
            at=self._clock.micros(),
            answer={"nonce": challenge.nonce},
            by=challenge.person_id,
            via="link",
        )
        try:
            await self._journal.commit(None, (close, DropTimer(id=wait.id)))
        except Conflict as error:
            raise NotFound("This link is not valid any more: it was used.") from error
        await self._wake(wait.lane)


def _asked(opened: OpenRun, challenge: Challenge) -> Wait | None:
    """The open question that a link answers."""
    for wait in opened.waits:
        state: Any = wait.payload.get("state") or {}
        asked: Any = state.get("challenge") or {}
        same = asked.get("nonce") == challenge.nonce
        if wait.kind == "identity" and wait.state == "open" and same and wait.person_id == challenge.person_id:
            return wait
    return None


def verify_routes(links: IdentityLinks) -> list[BaseRoute]:
    """The route; it stands before no guard."""

    async def page(request: Request) -> Response:
        sealed = request.path_params["sealed"]
        try:
            if request.method == "POST":
                await links.confirm(sealed)
                return plain_page("That is confirmed", "<p>You can close this page and go on where you were.</p>")
            challenge, opened, _ = await links.read(sealed)
        except NotFound as error:
            return plain_page("This link is of no use any more", f"<p>{escape(str(error))}</p>", status=404)
        except BotkitError:
            return plain_page("That did not work", "<p>Please try again in a moment.</p>", status=503)
        return _asking(challenge, opened)

    return [Route(VERIFY_PATH + "/{sealed}", page, methods=["GET", "POST"])]


def _asking(challenge: Challenge, opened: OpenRun) -> HTMLResponse:
    who = str(opened.run.input.get("sender_name") or challenge.person_id)
    return plain_page(
        "Is this you?",
        f"<p><b>{escape(who)}</b> is talking to <b>{escape(opened.run.bot or 'a bot')}</b> on "
        f"<b>{escape(opened.run.channel)}</b> and says that <b>{escape(challenge.to)}</b> is their address.</p>"
        "<p>Confirm this only if that is you, right now. If you did not ask for this link, close the page.</p>"
        '<form method="post"><button>Yes, that is me</button></form>',
    )
