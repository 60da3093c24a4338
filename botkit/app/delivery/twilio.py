"""Short messages and codes by Twilio.

Source: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource,
https://www.twilio.com/docs/verify/api/verification, https://www.twilio.com/docs/verify/api/verification-check
"""

from __future__ import annotations

__all__ = ["Twilio", "TwilioVerify"]

from urllib.parse import urlencode

from botkit.app.delivery.calling import Caller
from botkit.core.config.models.delivery import TwilioSms
from botkit.core.delivery import CheckedCode, NotDelivered
from botkit.core.outbound import HttpPort, SecretPart

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_NOT_FOUND = 404


def _login(config: TwilioSms) -> SecretPart:
    return SecretPart(secret=config.token.secret, encode="basic", user=config.api_key or config.account)


class Twilio:
    """Implements `Texter`."""

    def __init__(self, config: TwilioSms, http: HttpPort):
        self._config = config
        self._caller = Caller("Twilio", http, config.timeout_s)

    async def send(self, to: str, text: str, *, code: str = "", key: str) -> str:
        config = self._config
        sender = {"From": config.sender} if config.sender else {"MessagingServiceSid": config.messaging_service or ""}
        _, answer = await self._caller.post(
            f"{config.base_url}/2010-04-01/Accounts/{config.account}/Messages.json",
            urlencode({"To": to, **sender, "Body": text}).encode(),
            headers=_FORM,
            secrets=(_login(config),),
        )
        return str(answer.get("sid") or "")


class TwilioVerify:
    """Implements `CodeService`: Twilio makes the code, sends it and checks it."""

    def __init__(self, config: TwilioSms, http: HttpPort):
        self._config = config
        self._caller = Caller("Twilio Verify", http, config.timeout_s)
        self._service = f"{config.verify_url}/v2/Services/{config.verify_service}"

    async def send(self, to: str, *, person: str, key: str) -> str:
        body = urlencode({"To": to, "Channel": "sms"}).encode()
        _, answer = await self._caller.post(
            f"{self._service}/Verifications", body, headers=_FORM, secrets=(_login(self._config),)
        )
        return str(answer.get("sid") or "")

    async def check(self, to: str, code: str, *, person: str, reference: str) -> CheckedCode:
        """A verification that is over, used up or expired is gone there (404): the code does not count."""
        asked = {"VerificationSid": reference} if reference else {"To": to}
        status, answer = await self._caller.post(
            f"{self._service}/VerificationCheck",
            urlencode({**asked, "Code": code}).encode(),
            headers=_FORM,
            secrets=(_login(self._config),),
            accepted=(_NOT_FOUND,),
        )
        if status == _NOT_FOUND:
            return CheckedCode(verified=False)
        if "status" not in answer:
            raise NotDelivered("Twilio Verify gave an answer that says nothing")
        return CheckedCode(verified=answer.get("status") == "approved" and answer.get("to", to) == to)
