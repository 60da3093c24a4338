"""What Slack posts: proved to be from it, and made a payload again."""

from __future__ import annotations

__all__ = ["Signatures", "payload_of"]

import json
from typing import Any, cast
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier

from botkit.sdk import BadSignature, Clock, HttpRequest


class Signatures:
    """Checks requests by an app's signing secret; without one it takes nothing."""

    def __init__(self, secret: str, clock: Clock):
        self._clock = clock
        self._verifier = SignatureVerifier(secret, cast("Any", self)) if secret else None

    def now(self) -> float:
        """Seconds since 1970, as slack-sdk's verifier asks for it."""
        return self._clock.now().timestamp()

    def verify(self, request: HttpRequest) -> None:
        """Raises `BadSignature`: absent, malformed, wrong or stale; also while no signing secret is known."""
        valid = False
        if self._verifier is not None:
            try:
                valid = self._verifier.is_valid_request(request.body, dict(request.headers))
            except (ValueError, TypeError):  # slack-sdk raises at a timestamp that is no number
                valid = False
        if not valid:
            raise BadSignature("the signature of the request is wrong, stale or missing")


def payload_of(request: HttpRequest) -> dict[str, Any] | None:
    """An event is JSON; a press is a form with JSON in `payload`; a command is a form."""
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {key: values[0] for key, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
            value: object = json.loads(form["payload"]) if "payload" in form else form
        else:
            value = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) and value else None
