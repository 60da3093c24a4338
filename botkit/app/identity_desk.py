"""Codes and links of `auth_gate`: made, sent, checked, and never kept.

A code is the beginning of an HMAC over everything it is bound to (run, node, person, conversation, address, a nonce of
its sending) under a key derived from the master key. So nobody who reads the database can make one, a code of another
chat or another run does not fit, and after a crash the same code can be sent again without having been stored.
"""

from __future__ import annotations

__all__ = ["LINK_PURPOSE", "VERIFY_PATH", "Codes"]

import hashlib
import hmac
import random
import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import quote

import msgspec

from botkit.app.delivery import Deliveries
from botkit.core.clock import Clock
from botkit.core.delivery import CheckedCode, CodeService, Mail, NotDelivered, NotSetUp
from botkit.core.identity import Address, Challenge, Method, Verification, Verifications
from botkit.core.limits import Limiter, Rule
from botkit.gateway.keys import KeyProvider
from botkit.gateway.serving.sealing import Sealer

VERIFY_PATH = "/verify"
LINK_PURPOSE = ("identity", "link")
_ANSWER_PURPOSE = ("identity", "answer")
_ANSWER_S = 10 * 365 * 86_400.0
"""A message may wait long until botkit runs again, and is then perhaps no answer at all."""
_DIGITS = 6
_HOUR_S = 3600.0
_SENT_TO_ADDRESS, _SENT_FOR_PERSON, _TRIED_BY_PERSON, _TRIED_AT_ADDRESS = 6, 12, 25, 40
_TOO_LONG = 200


class Codes:
    """Implements `IdentityDesk`.

    Args:
        limiter: counts across restarts.
        base_url: where the outside reaches this instance; empty while it does not.
    """

    def __init__(
        self,
        keys: KeyProvider,
        seal: Sealer,
        deliveries: Deliveries,
        store: Verifications,
        limiter: Limiter,
        clock: Clock,
        base_url: Callable[[], str],
    ):
        self._keys = keys
        self._seal = seal
        self._deliveries = deliveries
        self._store = store
        self._limiter = limiter
        self._clock = clock
        self._base_url = base_url
        self._usual_s = 0.0

    # ── who was verified ─────────────────────────────────────────────────────────────────────────────────

    async def verified(self, person_id: str) -> Sequence[Verification]:
        return await self._store.of(person_id, now=self.now())

    async def keep(self, verification: Verification) -> None:
        await self._store.put(verification)

    def now(self) -> int:
        return self._clock.micros()

    # ── what may be done ─────────────────────────────────────────────────────────────────────────────────

    def ready(self, method: Method) -> str:
        try:
            if method == "magic_link" and not self._base_url():
                return "links need an address that the outside can reach: set BOTKIT_PUBLIC_URL"
            if method in ("email_otp", "magic_link"):
                self._deliveries.mailer()
            elif method == "custom":
                self._deliveries.own_codes()
            elif self._deliveries.sms_codes() is None:
                self._deliveries.texter()
        except NotSetUp as error:
            return str(error)
        return ""

    async def allow(self, kind: Address, to: str, person_id: str, *, cool_down_s: float) -> None:
        address = self._hidden(kind, to)
        rules = [
            Rule(key=f"identity_sent:{address}", limit=_SENT_TO_ADDRESS, window_s=_HOUR_S),
            Rule(key=f"identity_sent_for:{person_id}", limit=_SENT_FOR_PERSON, window_s=_HOUR_S),
        ]
        if cool_down_s:
            rules.append(Rule(key=f"identity_cool_down:{address}", limit=1, window_s=cool_down_s))
        await self._limiter.take(rules)

    async def attempt(self, kind: Address, to: str, person_id: str) -> None:
        address = self._hidden(kind, to)
        await self._limiter.take(
            [
                Rule(key=f"identity_tried:{address}", limit=_TRIED_AT_ADDRESS, window_s=_HOUR_S),
                Rule(key=f"identity_tried_by:{person_id}", limit=_TRIED_BY_PERSON, window_s=_HOUR_S),
            ]
        )

    def _hidden(self, kind: str, to: str) -> str:
        """An address as a key of a counter, which nobody reads it from."""
        return self._mac(self._peppers()[0], ["address", kind, to])[:16].hex()

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, challenge: Challenge, *, key: str, app: str, minutes: int, locale: str) -> str:
        if challenge.decoy:  # takes as long as a sending, or the time would tell
            await self._clock.sleep(self._usual_s * random.uniform(0.8, 1.2))
            return ""
        began = self._clock.monotonic()
        reference = await self._sent(challenge, key, app, minutes)
        self._usual_s = 0.7 * self._usual_s + 0.3 * (self._clock.monotonic() - began)
        return reference

    async def _sent(self, challenge: Challenge, key: str, app: str, minutes: int) -> str:
        to = challenge.to
        if (service := self._service(challenge)) is not None:
            return await service.send(to, person=challenge.person_id, key=key)
        if challenge.method == "magic_link":
            link = self._link(challenge)
            ask = f"Open this link to confirm to {app} that this is your address. It works once, for {minutes} minutes:"
            text = f"{ask}\n\n{link}\n\nIf you did not ask for it, ignore this message."
            html = f'<p>{escape(ask)}</p><p><a href="{escape(link)}">{escape(link)}</a></p>'
            await self._deliveries.mailer().send(Mail(to=to, subject=f"{app}: confirm", text=text, html=html), key=key)
            return ""
        code = self._code(challenge, self._peppers()[0])
        if challenge.method == "sms_otp":
            await self._deliveries.texter().send(to, f"{code} is your code for {app}.", code=code, key=key)
            return ""
        note = f"It is good for {minutes} minutes. Nobody from {app} will ever ask you for it."
        text = f"Your code for {app} is:\n\n{code}\n\n{note} If you did not ask for it, ignore this mail."
        html = f"<p>Your code for {escape(app)} is:</p><p><b>{code}</b></p><p>{escape(note)}</p>"
        await self._deliveries.mailer().send(Mail(to=to, subject=f"{app}: your code", text=text, html=html), key=key)
        return ""

    def _link(self, challenge: Challenge) -> str:
        base = self._base_url().rstrip("/")
        if not base:
            raise NotDelivered("links need an address that the outside can reach: set BOTKIT_PUBLIC_URL")
        ttl_s = max(1.0, (challenge.expires_at - self.now()) / 1_000_000)
        sealed = self._seal.seal(msgspec.json.encode(challenge).decode(), LINK_PURPOSE, ttl_s)
        return f"{base}{VERIFY_PATH}/{quote(sealed, safe='')}"

    def _service(self, challenge: Challenge) -> CodeService | None:
        """Who makes and checks this code, when it is not us."""
        if challenge.method == "custom":
            return self._deliveries.own_codes()
        return self._deliveries.sms_codes() if challenge.method == "sms_otp" else None

    # ── checking ─────────────────────────────────────────────────────────────────────────────────────────

    async def check(self, challenge: Challenge, given: str) -> CheckedCode:
        words = unicodedata.normalize("NFKC", given).strip()[:_TOO_LONG]
        if challenge.method == "magic_link":
            return CheckedCode(verified=False)
        if not challenge.decoy and (service := self._service(challenge)) is not None:
            code = words if challenge.method == "custom" else _digits(words)
            return await service.check(challenge.to, code, person=challenge.person_id, reference=challenge.reference)
        fits = False
        for pepper in self._peppers():  # a code sent before the key was rotated is good all the same
            fits |= hmac.compare_digest(self._code(challenge, pepper).encode(), _digits(words).encode())
        return CheckedCode(verified=fits and not challenge.decoy)

    def _code(self, challenge: Challenge, pepper: bytes) -> str:
        """Six digits. The remainder favours no code by more than one in 10^13."""
        bound = msgspec.json.encode(
            [
                "code",
                challenge.run_id,
                challenge.path,
                challenge.person_id,
                challenge.conversation,
                challenge.method,
                challenge.to,
                challenge.nonce,
            ]
        )
        number = int.from_bytes(hmac.new(pepper, bound, hashlib.sha256).digest()[:8], "big")
        return f"{number % 10**_DIGITS:0{_DIGITS}d}"

    def _peppers(self) -> list[bytes]:
        return [self._mac(key.key, "botkit identity codes") for key in self._keys.known()]

    @staticmethod
    def _mac(key: bytes, value: object) -> bytes:
        return hmac.new(key, msgspec.json.encode(value), hashlib.sha256).digest()

    # ── what people write ────────────────────────────────────────────────────────────────────────────────

    def seal(self, text: str) -> str:
        return self._seal.seal(text, _ANSWER_PURPOSE, _ANSWER_S)

    def unseal(self, sealed: str) -> str | None:
        return self._seal.unseal(sealed, _ANSWER_PURPOSE)

    def read_link(self, sealed: str) -> Challenge | None:
        """What a link stands for; None when it is damaged or too old."""
        text = self._seal.unseal(sealed, LINK_PURPOSE)
        return msgspec.json.decode(text, type=Challenge) if text is not None else None


def _digits(words: str) -> str:
    """The digits of a message, in whatever script; `123 456` and `your code: 123456` are the same code."""
    return "".join(str(unicodedata.digit(char)) for char in words if unicodedata.digit(char, None) is not None)
