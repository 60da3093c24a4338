"""Mail by Amazon SES: `SendEmail` of the API version 2, signed with Signature Version 4.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

__all__ = ["Ses", "sign"]

import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from botkit.app.delivery.calling import Caller, ReadSecret
from botkit.core.clock import Clock
from botkit.core.config.models.delivery import SesMail
from botkit.core.delivery import Mail
from botkit.core.outbound import HttpPort

_SERVICE, _ALGORITHM = "ses", "AWS4-HMAC-SHA256"
_PATH = "/v2/email/outbound-emails"


class Ses:
    """Implements `Mailer`."""

    repeatable = False

    def __init__(self, config: SesMail, http: HttpPort, secret: ReadSecret, clock: Clock):
        self._config = config
        self._caller = Caller("SES", http, config.timeout_s)
        self._secret = secret
        self._clock = clock

    async def send(self, mail: Mail, *, key: str) -> str:
        config = self._config
        content = {"Text": {"Data": mail.text, "Charset": "UTF-8"}}
        if mail.html:
            content["Html"] = {"Data": mail.html, "Charset": "UTF-8"}
        body = msgspec.json.encode(
            {
                "FromEmailAddress": config.sender,
                "Destination": {"ToAddresses": [mail.to]},
                "Content": {"Simple": {"Subject": {"Data": mail.subject, "Charset": "UTF-8"}, "Body": content}},
            }
        )
        url = (config.base_url or f"https://email.{config.region}.amazonaws.com") + _PATH
        secret = await self._secret(config.secret_key.secret)
        headers = sign(url, body, config.access_key, secret, config.region, self._clock.now())
        _, answer = await self._caller.post(url, body, headers=headers)
        return str(answer.get("MessageId") or "")


def sign(url: str, body: bytes, access_key: str, secret_key: str, region: str, at: datetime) -> dict[str, str]:
    """The headers of a signed `POST` without parameters: what is signed, and the signature."""
    parts = urlsplit(url)
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    day, digest = stamp[:8], hashlib.sha256(body).hexdigest()
    headers = {
        "content-type": "application/json",
        "host": parts.netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": stamp,
    }
    signed = ";".join(sorted(headers))
    canonical = "\n".join(
        ["POST", parts.path or "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", signed, digest]
    )
    scope = f"{day}/{region}/{_SERVICE}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, _SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    proof = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{access_key}/{scope}"
    return headers | {
        "authorization": f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={proof}"
    }
