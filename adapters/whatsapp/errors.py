"""Refusals of both carriers in botkit's words."""

from __future__ import annotations

__all__ = ["WindowClosed", "cloud_error", "lost", "retryable"]

from collections.abc import Mapping
from typing import Any

from botkit.sdk import AdapterError, ChannelFatal, ChatGone, RateLimited, SendFailed, SendUnknown

_PAIR_WAIT_S = 6.0
"""WhatsApp takes about one message in six seconds to the same person after a burst."""
_RATE_WAIT_S = 5.0
_TOKEN = "the access token is refused: make a permanent one for the system user, store it, and restart the channel"  # noqa: S105
_RATE_CODES = frozenset({4, 80007, 130429, 131048, 131056})
_UNCERTAIN_CODES = frozenset({1, 2, 131000, 131016})
_ACCOUNT_CODES = frozenset({368, 131031, 131042, 131045, 133010})
_GONE_CODES = frozenset({131021, 131026, 131030, 131050})
_WINDOW_CODES = frozenset({131047, 470})


class WindowClosed(SendFailed):
    """The person wrote last more than 24 hours ago; only approved templates reach them."""

    code = "window_closed"

    def __init__(self) -> None:
        super().__init__(
            "24 hours have passed since the person wrote last, so WhatsApp takes only an approved template: name one "
            "as the channel's `template`, or wait until they write again"
        )


def retryable(message: str) -> AdapterError:
    """Nothing was delivered; try again."""
    error = AdapterError(message)
    error.retryable = True
    return error


def lost(message: str, *, safe: bool) -> AdapterError:
    """No answer came: an effect is possible unless the call can be repeated."""
    return retryable(message) if safe else SendUnknown(message)


def cloud_error(status: int, body: Mapping[str, Any], retry_after: str, *, safe: bool) -> AdapterError:
    """Translate `{"error": {"code": 131047, "message": "…", "error_data": {"details": "…"}}}`.

    Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
    """
    raw = body.get("error")
    error: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]
    data = error.get("error_data")
    details = str(data.get("details") or "") if isinstance(data, Mapping) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    code = error.get("code")
    what = f"WhatsApp refused it ({code}): {details or error.get('message') or f'HTTP {status}'}"
    if code in _RATE_CODES or status == 429:
        usual = _PAIR_WAIT_S if code == 131056 else _RATE_WAIT_S
        wait_s = float(retry_after) if retry_after.replace(".", "", 1).isdigit() else usual
        return RateLimited(f"WhatsApp asks to wait {wait_s:g} s", retry_after_s=wait_s)
    if status == 401 or code in (0, 190):
        return ChannelFatal(_TOKEN)
    if code in (3, 10) or (isinstance(code, int) and 200 <= code < 300):
        return ChannelFatal(f"the access token lacks a permission: give it whatsapp_business_messaging. {what}")
    if code in _ACCOUNT_CODES:
        return ChannelFatal(f"the WhatsApp account cannot send: {what}")
    if code in _WINDOW_CODES:
        return WindowClosed()
    if code in _GONE_CODES:
        return ChatGone(what)
    if status >= 500 or code in _UNCERTAIN_CODES:
        return lost(what, safe=safe)
    return SendFailed(what)
