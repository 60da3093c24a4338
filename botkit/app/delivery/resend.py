"""Mail by Resend.

Source: https://resend.com/docs/api-reference/emails/send-email
"""

from __future__ import annotations

__all__ = ["Resend"]

import hashlib

import msgspec

from botkit.app.delivery.calling import Caller
from botkit.core.config.models.delivery import ResendMail
from botkit.core.delivery import Mail
from botkit.core.outbound import HttpPort, SecretPart


class Resend:
    """Implements `Mailer`. Repeats under one key arrive once, for 24 hours."""

    repeatable = True

    def __init__(self, config: ResendMail, http: HttpPort):
        self._config = config
        self._caller = Caller("Resend", http, config.timeout_s)
        self._key = SecretPart(secret=config.key.secret, before="Bearer ")

    async def send(self, mail: Mail, *, key: str) -> str:
        body = {"from": self._config.sender, "to": [mail.to], "subject": mail.subject, "text": mail.text}
        _, answer = await self._caller.post(
            f"{self._config.base_url}/emails",
            msgspec.json.encode(body | ({"html": mail.html} if mail.html else {})),
            headers={
                "content-type": "application/json",
                "idempotency-key": hashlib.sha256(f"{key}/{mail.to}".encode()).hexdigest(),
            },
            secrets=(self._key,),
        )
        return str(answer.get("id") or "")
