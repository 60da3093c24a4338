"""Go on only with a person who proved who they are."""

from __future__ import annotations

__all__ = ["AuthGate"]

from collections.abc import Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, ClassVar, TypedDict, cast

import msgspec
from pydantic import AliasChoices, Field

from botkit.core.clock import from_micros
from botkit.core.delivery import NotDelivered, Undelivered
from botkit.core.errors import LimitReached
from botkit.core.identity import Address, Challenge, IdentityDesk, Method, Verification
from botkit.core.messages import OutMessage
from botkit.runs.context import StepScope
from botkit.sdk.nodes import Expression, Node, NodeFailed, Outcome, Signal, ToolName, Wait, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._replies import Unfit, value_of

_CANCEL = frozenset({"cancel", "stop", "abort", "quit", "abbrechen", "abbruch", "/cancel"})
_RESEND = frozenset({"resend", "again", "send again", "new code", "nochmal", "erneut", "neuer code"})
_MOST_SENDINGS = 4
_MOST_WORDS = 30
"""Answers of any kind to one gate."""
_MICROS = 1_000_000
_KINDS: Mapping[Method, Address] = {"email_otp": "email", "magic_link": "email", "sms_otp": "phone", "custom": "custom"}


class Identity(TypedDict):
    """How it ended."""

    verified: bool
    kind: str
    """`email`, `phone` or `custom`."""
    address: str
    """Of whom; empty when nothing was verified."""
    method: str
    reason: str
    """Why not: `attempts`, `cancelled`, `expired`, `limited`, `address`; empty when verified."""
    remembered: bool
    """It was verified before, and asked nothing now."""
    tries: int


@node("auth_gate")
class AuthGate(Node):
    """Verify who the person is: by a code or a link sent to their mail address or telephone, or by a service of yours.

    A code has six digits, is good for ten minutes and five attempts, and fits this person in this conversation alone.
    It is stored nowhere, and what the person answers is sealed before it is stored; no model sees either. The person
    may write `resend` (once a minute) or `cancel`.
    """

    category = "people"
    handles: ClassVar[Mapping[str, str]] = {
        "verified": "the person proved it, now or not long ago",
        "failed": "too many attempts or codes, or the person cancelled; without this edge the run fails",
        "timeout": "nothing came in time; without this edge it counts as failed",
    }
    output: ClassVar[Any] = Identity
    onward: ClassVar[tuple[str, ...]] = ("verified",)

    method: Method = Field(default="email_otp", validation_alias=AliasChoices("method", "authMethod"))
    """`email_otp`, `sms_otp`: a code; `magic_link`: a link by mail; `custom`: the service of `settings.identity`."""
    to: str = ""
    """The mail address or telephone number; the person is asked for it when empty."""
    app: str = ""
    """On whose behalf codes are sent; the name of the workflow's bot when empty."""
    known: Expression = ""
    """A condition over `address`: is it one of a customer? To others nothing is sent, and nothing shows that."""
    lookup: ToolName = ""
    """A tool that finds the customer of an address, in place of `known`; an empty answer or an error: nobody."""
    lookup_argument: str = "email"
    """What that tool calls the address."""
    remember_s: float = Field(default=3600.0, ge=0, le=31_536_000)
    """Seconds for which it counts, for this gate and for tools with `requires: verified`; 0: for this run alone."""
    expires_s: float = Field(default=600.0, ge=30, le=3600)
    """Seconds a code or link is good for."""
    attempts: int = Field(default=5, ge=1, le=10)
    """How often a code may be entered."""
    cool_down_s: float = Field(default=60.0, ge=0, le=3600)
    """Seconds until another code can be asked for."""
    ask: str = ""
    """How the person is asked for their address."""
    sent: str = ""
    """What is said when a code or link is on its way."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """One way to look an address up."""
        both = bool(data.get("known")) and bool(data.get("lookup"))
        return [("lookup", "known and lookup say the same thing: keep one")] if both else []

    @classmethod
    def writes_of(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """What later steps go by."""
        text = {"type": "string"}
        whole = {"type": "object", "properties": {"kind": text, "address": text, "method": text, "verified_at": text}}
        return {"verified_identity": whole, "verified_email": text, "verified_phone": text}

    # ── the beginning ────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The address that somebody gave."""
        return {"address": {"type": "string"}} if field == "known" else {}

    async def run(self, ctx: NodeRun) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - botkit's own
        desk = _desk(ctx)
        if not ctx.run.conversation or not ctx.run.person_id:
            raise NodeFailed("nobody talks in this run, so nobody can be verified", code="no_conversation")
        if self.to:
            self._address(self.to)  # what a workflow hands over has to be right from the beginning

        async def look(_: StepScope) -> Verification | None:
            return self._remembered(await desk.verified(ctx.run.person_id), desk.now())

        if (found := await ctx.scoped("remembered", look, kind=Verification | None)) is not None:
            return self._verified(found, tries=0, remembered=True)
        if why := desk.ready(self.method):
            raise NodeFailed(why, code="not_set_up")
        if self.to:
            return await self._send(ctx, self._address(self.to), sendings=0, tries=0, words=0)
        return self._ask_address(self.ask or _ASK[_KINDS[self.method]], words=0)

    def _remembered(self, found: Any, now: int) -> Verification | None:
        address = self._address(self.to) if self.to else ""
        for one in cast("list[Verification]", found):
            fits = one.kind == _KINDS[self.method] and (not address or one.address == address)
            if fits and self.remember_s and now - one.verified_at <= self.remember_s * _MICROS:
                return one
        return None

    def _ask_address(self, text: str, *, words: int) -> Wait:
        state = {"phase": "address", "words": words}
        return Wait("identity", OutMessage(text=text), expires_s=self.expires_s, state=state)

    def _address(self, text: str) -> str:
        """As codes are sent to it. Raises `NodeFailed`."""
        kind = _KINDS[self.method]
        if kind == "custom":
            return text.strip()[:200]
        try:
            value = str(value_of(text, kind, (), many=False, files=0))
        except Unfit as unfit:
            raise NodeFailed(str(unfit), code="invalid_address") from None
        return value.lower() if kind == "email" else "+" + "".join(char for char in value if char.isdigit())

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, ctx: NodeRun, to: str, *, sendings: int, tries: int, words: int) -> Outcome | Wait:
        desk, kind = _desk(ctx), _KINDS[self.method]
        decoy = not await self._is_known(ctx, to, sendings)

        async def challenge(scope: StepScope) -> Challenge | None:
            try:
                await desk.allow(kind, to, ctx.run.person_id, cool_down_s=self.cool_down_s if sendings else 0)
            except LimitReached:
                return None
            now = desk.now()
            return Challenge(
                run_id=ctx.run.id,
                path=ctx.path,
                person_id=ctx.run.person_id,
                conversation=ctx.run.conversation,
                method=self.method,
                to=to,
                nonce=token_urlsafe(16),
                sent_at=now,
                expires_at=now + int(self.expires_s * _MICROS),
                decoy=decoy,
            )

        made = await ctx.scoped(f"challenge/{sendings}", challenge, kind=Challenge | None)
        if made is None:
            return self._failed(ctx, "limited", tries)
        sent = made

        async def send(scope: StepScope) -> tuple[str, str]:
            try:
                reference = await desk.send(
                    sent,
                    key=scope.idempotency_key,
                    app=self.app or ctx.run.bot or ctx.run.workflow,
                    minutes=round(self.expires_s / 60) or 1,
                    locale=ctx.run.locale,
                )
            except Undelivered as error:
                ctx.note("a code may not have arrived", code=error.code)
                return "unknown", ""
            except NotDelivered as error:
                ctx.note("a code was not sent", code=error.code, reason=str(error))
                return "failed", ""
            return "sent", reference

        state, reference = await ctx.scoped(f"send/{sendings}", send, kind=tuple[str, str])
        made = msgspec.structs.replace(made, reference=reference)
        told = self.sent or _SENT[self.method].format(to=to, minutes=round(self.expires_s / 60) or 1)
        if state == "failed" and not (self.known or self.lookup):  # where customers are looked up, it would tell
            told = _NOT_SENT
        return self._wait(made, told, sendings=sendings + 1, tries=tries, words=words, left_s=self.expires_s)

    async def _is_known(self, ctx: NodeRun, to: str, number: int) -> bool:
        if self.known:
            return bool(ctx.evaluate(self.known, address=to))
        if self.lookup:
            answer = await ctx.call_tool(f"lookup/{number}", self.lookup, {self.lookup_argument: to})
            return not answer.is_error and bool(answer.data if answer.data is not None else answer.text.strip())
        return True

    def _wait(self, challenge: Challenge, text: str, *, sendings: int, tries: int, words: int, left_s: float) -> Wait:
        state: dict[str, Any] = {
            "phase": "code",
            "challenge": msgspec.to_builtins(challenge),
            "sendings": sendings,
            "tries": tries,
            "words": words,
        }
        message = OutMessage(text=text) if text else None
        return Wait("identity", message, expires_s=max(0.001, left_s), state=state)

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────

    async def resume(self, ctx: NodeRun, signal: Signal) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - botkit's own
        state = signal.state
        words, tries = int(state.get("words", 0)) + 1, int(state.get("tries", 0))
        if signal.expired:
            return self._timeout(ctx, tries)
        text = _text(ctx, signal)
        if signal.cancelled or text.casefold() in _CANCEL:
            return self._failed(ctx, "cancelled", tries)
        if words > _MOST_WORDS:
            return self._failed(ctx, "attempts", tries)
        if state.get("phase") == "address":
            try:
                to = self._address(text)
            except NodeFailed as unfit:
                if words >= self.attempts:
                    return self._failed(ctx, "address", tries)
                return self._ask_address(str(unfit), words=words)
            return await self._send(ctx, to, sendings=0, tries=0, words=words)
        challenge = msgspec.convert(state["challenge"], Challenge)
        return await self._answered(ctx, signal, challenge, text, tries=tries, words=words)

    async def _answered(
        self, ctx: NodeRun, signal: Signal, challenge: Challenge, text: str, *, tries: int, words: int
    ) -> Outcome | Wait:
        desk, sendings = _desk(ctx), int(signal.state.get("sendings", 1))
        left_s = (challenge.expires_at - desk.now()) / _MICROS

        def again(told: str, tried: int = tries) -> Wait:
            return self._wait(challenge, told, sendings=sendings, tries=tried, words=words, left_s=left_s)

        if left_s <= 0:
            return self._timeout(ctx, tries)
        if challenge.method == "magic_link" and signal.via == "link" and signal.data.get("nonce") == challenge.nonce:
            return await self._proved(ctx, challenge, {}, tries, signal.number)
        if text.casefold() in _RESEND:
            waits_s = self.cool_down_s - (desk.now() - challenge.sent_at) / _MICROS
            if waits_s > 0:
                return again(_TOO_SOON.format(seconds=int(waits_s) + 1))
            if sendings >= _MOST_SENDINGS:
                return again(_NO_MORE)
            return await self._send(ctx, challenge.to, sendings=sendings, tries=tries, words=words)
        if challenge.method == "magic_link":
            return again(_USE_LINK)
        if challenge.method != "custom" and sum(char.isdigit() for char in text) < 4:
            return again(_NO_CODE)
        return await self._tried(ctx, signal, challenge, text, tries, again)

    async def _tried(
        self, ctx: NodeRun, signal: Signal, challenge: Challenge, text: str, tries: int, again: Any
    ) -> Outcome | Wait:
        desk = _desk(ctx)

        async def attempt(_: StepScope) -> tuple[str, dict[str, Any]]:
            if signal.by and signal.by != challenge.person_id:
                return "wrong", {}
            try:
                await desk.attempt(_KINDS[self.method], challenge.to, challenge.person_id)
                checked = await desk.check(challenge, text)
            except LimitReached:
                return "limited", {}
            except (NotDelivered, Undelivered) as error:
                ctx.note("a code could not be checked", code=error.code, reason=str(error))
                return "unchecked", {}
            return ("right", checked.identity) if checked.verified else ("wrong", {})

        what, identity = await ctx.scoped(f"check/{signal.number}", attempt, kind=tuple[str, dict[str, Any]])
        if what == "right":
            return await self._proved(ctx, challenge, identity, tries + 1, signal.number)
        if what == "limited":
            return self._failed(ctx, "limited", tries)
        if what == "unchecked":
            return cast("Wait", again(_NOT_CHECKED))
        left = self.attempts - tries - 1
        if left <= 0:
            return self._failed(ctx, "attempts", tries + 1)
        return cast("Wait", again(_WRONG.format(left=left), tries + 1))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────

    async def _proved(
        self, ctx: NodeRun, challenge: Challenge, details: dict[str, Any], tries: int, number: int
    ) -> Outcome:
        desk = _desk(ctx)

        async def keep(_: StepScope) -> Verification:
            now = desk.now()
            verification = Verification(
                person_id=challenge.person_id,
                kind=_KINDS[self.method],
                address=challenge.to,
                method=self.method,
                verified_at=now,
                expires_at=now + int(self.remember_s * _MICROS),
                run_id=ctx.run.id,
                details=details,
            )
            if self.remember_s:
                await desk.keep(verification)
            return verification

        return self._verified(await ctx.scoped(f"keep/{number}", keep, kind=Verification), tries=tries)

    def _verified(self, one: Verification, *, tries: int, remembered: bool = False) -> Outcome:
        at: datetime = from_micros(one.verified_at)
        identity: dict[str, Any] = {
            **one.details,
            "kind": one.kind,
            "address": one.address,
            "method": one.method,
            "verified_at": at.isoformat(),
        }
        output = _identity(one.kind, one.address, one.method, "", tries, remembered=remembered)
        email = one.address if one.kind == "email" else ""
        phone = one.address if one.kind == "phone" else ""
        found = {"verified_identity": identity, "verified_email": email, "verified_phone": phone}
        return Outcome("verified", output, set=found)

    def _failed(self, ctx: NodeRun, reason: str, tries: int) -> Outcome:
        if not ctx.entries("failed"):
            raise NodeFailed(f"the person was not verified ({reason})", code="not_verified")
        return Outcome("failed", _identity(_KINDS[self.method], "", self.method, reason, tries))

    def _timeout(self, ctx: NodeRun, tries: int) -> Outcome:
        if not ctx.entries("timeout"):
            return self._failed(ctx, "expired", tries)
        return Outcome("timeout", _identity(_KINDS[self.method], "", self.method, "expired", tries))


_ASK: Mapping[Address, str] = {
    "email": "To go on I have to verify who you are. What is your email address?",
    "phone": "To go on I have to verify who you are. What is your telephone number, with its country code?",
    "custom": "To go on I have to verify who you are. What is your customer number or address?",
}
_SENT: Mapping[Method, str] = {
    "email_otp": "If {to} is known to us, a code with six digits is on its way there. Please write it here within "
    "{minutes} minutes. Nothing came? Write `resend`; to stop, write `cancel`.",
    "sms_otp": "If {to} is known to us, a code is on its way there. Please write it here within {minutes} minutes. "
    "Nothing came? Write `resend`; to stop, write `cancel`.",
    "magic_link": "If {to} is known to us, a link is on its way there. Please open it within {minutes} minutes. "
    "Nothing came? Write `resend`; to stop, write `cancel`.",
    "custom": "If {to} is known to us, a code is on its way. Please write it here within {minutes} minutes. "
    "Nothing came? Write `resend`; to stop, write `cancel`.",
}
_NOT_SENT = "I could not send it. Write `resend` in a minute to try once more, or `cancel`."
_TOO_SOON = "I can send another one in {seconds} seconds."
_NO_MORE = "I can send no more for now. Please use the last one, or write `cancel`."
_USE_LINK = "Please open the link I sent you. Write `resend` for another one, or `cancel`."
_NO_CODE = "Please write the code I sent you. Write `resend` for another one, or `cancel`."
_NOT_CHECKED = "I cannot check codes at the moment. Please try again in a moment."
_WRONG = "That is not the code. Attempts left: {left}."


def _identity(kind: str, address: str, method: str, reason: str, tries: int, *, remembered: bool = False) -> Identity:
    return {
        "verified": not reason,
        "kind": kind,
        "address": address,
        "method": method,
        "reason": reason,
        "remembered": remembered,
        "tries": tries,
    }


def _desk(ctx: NodeRun) -> IdentityDesk:
    if ctx.services.identity is None:
        raise NodeFailed("identities can not be verified here", code="not_available")
    return ctx.services.identity


def _text(ctx: NodeRun, signal: Signal) -> str:
    """What the person wrote, out of its seal."""
    sealed = signal.data.get("sealed")
    text = _desk(ctx).unseal(sealed) if isinstance(sealed, str) else None
    return " ".join((text or "").split())
