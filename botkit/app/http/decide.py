"""The page behind a link in a mail to an approver: what is asked, and two buttons.

Looking at it decides nothing, so a program that follows links in mail does no harm. A decision goes the same way as one
by button or command: whoever is second is told what was decided.
"""

from __future__ import annotations

__all__ = ["decide_routes"]

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any, Protocol, cast

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from botkit.app.approval_mail import DECIDE_PATH, DecisionLinks, asked_of
from botkit.app.http.plain_page import plain_page
from botkit.core.errors import BotkitError, Conflict, InvalidArguments, NotFound
from botkit.core.journal import Wait
from botkit.engine.languages import speak
from botkit.engine.questions import past_text, subject

_FORM_LIMIT_BYTES = 256 * 1024
_COMMENT_LIMIT = 2000
_VALUE = "value."


class Decide(Protocol):
    def __call__(
        self, *, wait: str, approved: bool, by: str, comment: str, values: Mapping[str, Any] | None, via: str
    ) -> Awaitable[object]: ...


def decide_routes(links: DecisionLinks, decide: Callable[[], Decide]) -> list[BaseRoute]:
    """The route; it stands before no guard.

    Args:
        decide: commits a decision with its audit row.
    """

    async def page(request: Request) -> Response:
        sealed = request.path_params["sealed"]
        try:
            link, wait = await links.read(sealed)
        except NotFound as error:
            return plain_page("This link is of no use any more", f"<p>{escape(str(error))}</p>", status=404)
        except BotkitError:
            return _later()
        try:
            if wait.state != "open":
                return _decided(wait)
            if request.method != "POST":
                return _asking(wait)
            if int(request.headers.get("content-length") or 0) > _FORM_LIMIT_BYTES:
                return plain_page("Too large", "<p>That is more than fits here.</p>", status=413)
            async with request.form(max_files=0, max_fields=200) as form:
                verdict = form.get("decision")
                if verdict not in ("approve", "reject"):
                    return _asking(wait)
                approved = verdict == "approve"
                await decide()(
                    wait=wait.id,
                    approved=approved,
                    by=link.name,
                    comment=str(form.get("comment") or "")[:_COMMENT_LIMIT],
                    values=_changed(wait, form) if approved else None,
                    via="mail",
                )
        except Conflict:
            return _decided(await links.find(link.wait) or wait)
        except InvalidArguments as error:
            return plain_page("That did not work", f"<p>{escape(str(error))}</p>", status=422)
        except BotkitError:
            return _later()
        done = "approved" if approved else "rejected"
        return plain_page("Thank you", f"<p>You {done} <b>{escape(subject(wait))}</b>. You can close this page.</p>")

    return [Route(DECIDE_PATH + "/{sealed}", page, methods=["GET", "POST"])]


def _later() -> HTMLResponse:
    return plain_page("That did not work", "<p>Please try again in a moment.</p>", status=503)


def _decided(wait: Wait) -> HTMLResponse:
    told = escape(past_text(wait, speak("en")))
    by = f"<p>By {escape(wait.decided_by)}.</p>" if wait.decided_by else ""
    return plain_page("This was decided already", f"<p>{told}</p>{by}", status=409)


def _asking(wait: Wait) -> HTMLResponse:
    offered = _offered(wait)
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in asked_of(wait).items()
        if name not in offered
    )
    fields = "".join(
        f'<label>{escape(name)} <input name="{escape(_VALUE + name)}" value="{escape(_written(value))}"></label>'
        for name, value in offered.items()
    )
    return plain_page(
        f"To decide: {subject(wait)}",
        f'<table>{rows}</table><form method="post">{fields}'
        '<label>Comment <textarea name="comment" rows="3"></textarea></label>'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="reject">Reject</button></form>',
    )


def _offered(wait: Wait) -> dict[str, Any]:
    """Values that may be changed with the decision."""
    found: Any = wait.payload.get("edit")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _changed(wait: Wait, form: FormData) -> dict[str, Any] | None:
    """What the reviewer changed, as the kind of value it was. Raises `InvalidArguments`."""
    changed: dict[str, Any] = {}
    for name, value in _offered(wait).items():
        given = form.get(_VALUE + name)
        if not isinstance(given, str) or given == _written(value):
            continue
        changed[name] = given if isinstance(value, str) else _same_kind(name, given, value)
    return changed or None


def _same_kind(name: str, given: str, before: Any) -> Any:
    try:
        value = msgspec.json.decode(given.strip())
    except msgspec.DecodeError:
        raise InvalidArguments(f"{name}: this is not a value of that kind") from None
    numbers = (int, float)
    both_numbers = type(value) in numbers and type(before) in numbers
    if before is not None and not both_numbers and type(value) is not type(before):
        raise InvalidArguments(f"{name}: this is not a value of that kind")
    return value
