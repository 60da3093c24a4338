"""Services of the operator's own, called with signed JSON."""

from __future__ import annotations

__all__ = ["OwnCodes", "OwnMail", "OwnSms"]

from typing import Any

import msgspec

from botkit.app.delivery.calling import Caller, ReadSecret, signature
from botkit.core.clock import Clock
from botkit.core.config.models.delivery import HttpMail, HttpSms, IdentityService
from botkit.core.delivery import CheckedCode, Mail
from botkit.core.outbound import HttpPort

_SIGNATURE = "x-botkit-signature"


class _Own:
    def __init__(
        self,
        name: str,
        config: HttpMail | HttpSms | IdentityService,
        http: HttpPort,
        secret: ReadSecret,
        clock: Clock,
    ):
        self._caller = Caller(name, http, config.timeout_s)
        self._key = config.key.secret
        self._secret = secret
        self._clock = clock

    async def post(self, url: str, payload: dict[str, Any], key: str) -> dict[str, Any]:
        body = msgspec.json.encode(payload)
        at_s = self._clock.micros() // 1_000_000
        headers = {
            "content-type": "application/json",
            _SIGNATURE: signature(await self._secret(self._key), body, at_s),
            **({"idempotency-key": key} if key else {}),
        }
        _, answer = await self._caller.post(url, body, headers=headers)
        return answer


class OwnMail:
    """Implements `Mailer`: `{to, from, subject, text, html, key}`."""

    repeatable = True
    """The service is told a key and asked to take each once."""

    def __init__(self, config: HttpMail, http: HttpPort, secret: ReadSecret, clock: Clock):
        self._config = config
        self._own = _Own("the mail service", config, http, secret, clock)

    async def send(self, mail: Mail, *, key: str) -> str:
        payload = {**msgspec.to_builtins(mail), "from": self._config.sender, "key": key}
        return str((await self._own.post(self._config.url, payload, key)).get("id") or "")


class OwnSms:
    """Implements `Texter`: `{to, text, code, key}`."""

    def __init__(self, config: HttpSms, http: HttpPort, secret: ReadSecret, clock: Clock):
        self._url = config.url
        self._own = _Own("the message service", config, http, secret, clock)

    async def send(self, to: str, text: str, *, code: str = "", key: str) -> str:
        answer = await self._own.post(self._url, {"to": to, "text": text, "code": code, "key": key}, key)
        return str(answer.get("id") or "")


class OwnCodes:
    """Implements `CodeService`: `/send` and `/verify` below its address."""

    def __init__(self, config: IdentityService, http: HttpPort, secret: ReadSecret, clock: Clock):
        self._url = config.url
        self._own = _Own("the identity service", config, http, secret, clock)

    async def send(self, to: str, *, person: str, key: str) -> str:
        answer = await self._own.post(f"{self._url}/send", {"to": to, "person": person, "key": key}, key)
        return str(answer.get("reference") or "")

    async def check(self, to: str, code: str, *, person: str, reference: str) -> CheckedCode:
        asked = {"to": to, "person": person, "code": code, "reference": reference}
        answer = await self._own.post(f"{self._url}/verify", asked, "")
        identity: Any = answer.get("identity")
        return CheckedCode(
            verified=answer.get("verified") is True,
            identity=identity if isinstance(identity, dict) else {},  # pyright: ignore[reportUnknownArgumentType] - plain JSON
        )
