"""Codes by MSG91: `SendOTP` of its API version 5 with a code of ours, in a template registered there.

Source: https://docs.msg91.com/otp/sendotp
"""

from __future__ import annotations

__all__ = ["Msg91"]

from botkit.app.delivery.calling import Caller
from botkit.core.config.models.delivery import Msg91Sms
from botkit.core.delivery import NotDelivered
from botkit.core.outbound import HttpPort, SecretPart


class Msg91:
    """Implements `Texter`, for codes."""

    def __init__(self, config: Msg91Sms, http: HttpPort):
        self._config = config
        self._caller = Caller("MSG91", http, config.timeout_s)
        self._key = SecretPart(secret=config.key.secret, name="authkey")

    async def send(self, to: str, text: str, *, code: str = "", key: str) -> str:
        if not code:
            raise NotDelivered("MSG91 sends codes only: it has no text of its own for links")
        _, answer = await self._caller.post(
            f"{self._config.base_url}/api/v5/otp",
            b"{}",
            headers={"content-type": "application/json"},
            query={
                "template_id": self._config.template,
                "mobile": to.removeprefix("+"),
                "otp": code,
                "otp_expiry": "10",
            },
            secrets=(self._key,),
        )
        if answer.get("type") != "success":  # refusals come with status 200
            raise NotDelivered("MSG91 refused the message")
        return str(answer.get("request_id") or "")
