"""Mail by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314)."""

from __future__ import annotations

__all__ = ["Smtp", "message_of"]

import hashlib
import ssl
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException

from botkit.app.delivery.calling import ReadSecret
from botkit.core.clock import Clock
from botkit.core.config.models.delivery import SmtpMail
from botkit.core.delivery import Mail, NotDelivered, Undelivered


class Smtp:
    """Implements `Mailer`. One connection a mail: codes are few, and a kept connection is often dead.

    Args:
        tls: for servers whose certificate nobody else vouches for; the machine's trust store when None.
    """

    repeatable = False

    def __init__(self, config: SmtpMail, secret: ReadSecret, clock: Clock, *, tls: ssl.SSLContext | None = None):
        self._config = config
        self._secret = secret
        self._clock = clock
        self._tls = tls

    async def send(self, mail: Mail, *, key: str) -> str:
        config = self._config
        message = message_of(mail, config.sender, key, self._clock)
        password = await self._secret(config.password.secret) if config.password is not None else None
        context = None if config.security == "none" else self._tls or ssl.create_default_context()
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            timeout=config.timeout_s,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=context,
        )
        stage: Literal["before", "sending", "sent"] = "before"
        try:
            async with client:
                if config.user is not None and password is not None:
                    await client.login(config.user, password)
                stage = "sending"
                await client.send_message(message, sender=parseaddr(config.sender)[1], recipients=[mail.to])
                stage = "sent"
        except (SMTPException, OSError, ValueError) as error:  # what a server said may repeat what it was sent
            if stage != "sent":  # afterwards only the goodbye failed
                raise _failure(error, sending=stage == "sending") from None
        return str(message["Message-ID"])


def _failure(error: Exception, *, sending: bool) -> NotDelivered | Undelivered:
    name = type(error).__name__
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        again = all(400 <= code < 500 for code in codes)
        return NotDelivered(f"the mail server refused the recipient with {codes[0] if codes else '?'}", retryable=again)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return NotDelivered(f"the mail server refused with {error.code} ({name})", retryable=400 <= error.code < 500)
    if sending and isinstance(error, aiosmtplib.SMTPReadTimeoutError | aiosmtplib.SMTPServerDisconnected):
        return Undelivered(f"the mail server broke off ({name})")
    return NotDelivered(f"the mail server cannot be used ({name})", retryable=True)


def message_of(mail: Mail, sender: str, key: str, clock: Clock) -> EmailMessage:
    """The mail as it travels. A repeat has the same `Message-ID`, by which readers drop doubles.

    Source: https://www.rfc-editor.org/rfc/rfc5322, https://www.rfc-editor.org/rfc/rfc3834 (`Auto-Submitted`)
    """
    message = EmailMessage(policy=SMTP_POLICY)
    domain = parseaddr(sender)[1].rpartition("@")[2]
    message["Message-ID"] = f"<{hashlib.sha256(f'{key}/{mail.to}'.encode()).hexdigest()[:40]}@{domain}>"
    message["Date"] = format_datetime(clock.now())
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message
