"""Who a person was verified to be: the record, its store, and what gates and the gateway ask for."""

from __future__ import annotations

__all__ = [
    "Address",
    "Challenge",
    "IdentityDesk",
    "Method",
    "NotVerified",
    "Verification",
    "Verifications",
]

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.delivery import CheckedCode
from botkit.core.errors import Denied

Address = Literal["email", "phone", "custom"]
Method = Literal["email_otp", "sms_otp", "magic_link", "custom"]


class NotVerified(Denied):
    """The person has to verify who they are first."""

    code = "not_verified"


class Verification(Data):
    """A person proved to read what is sent to an address."""

    person_id: str
    kind: Address
    address: str
    """Mail address in small letters, or telephone number in international form."""
    method: str
    verified_at: int
    """Microseconds, UTC."""
    expires_at: int
    run_id: str = ""
    details: dict[str, Any] = {}
    """What the service told, for `custom`."""


class Verifications(Protocol):
    """Verified identities of people. They are erased and exported with the person."""

    async def put(self, verification: Verification) -> None:
        """Keep it; replaces an older one of the same person, kind and address. Safe to repeat."""
        ...

    async def of(self, person_id: str, *, now: int) -> Sequence[Verification]:
        """Those that count now, the newest first."""
        ...

    async def forget(self, person_id: str) -> int:
        """Drop all of a person; how many there were."""
        ...


class Challenge(Data):
    """One code or link: everything it is bound to. Holds no code, and none can be made of it without the key."""

    run_id: str
    path: str
    """Of the node within the run."""
    person_id: str
    conversation: str
    method: Method
    to: str
    nonce: str
    """Of this sending: another one makes another code."""
    sent_at: int
    """Microseconds, UTC."""
    expires_at: int
    reference: str = ""
    """Of the service that checks the code itself."""
    decoy: bool = False
    """Nothing was sent and nothing fits: the address is nobody's."""


class IdentityDesk(Protocol):
    """What `auth_gate` works with. Codes exist in the desk and in the message alone."""

    async def verified(self, person_id: str) -> Sequence[Verification]:
        """Those that count now, the newest first."""
        ...

    async def keep(self, verification: Verification) -> None: ...

    def now(self) -> int:
        """Microseconds, UTC."""
        ...

    def ready(self, method: Method) -> str:
        """Why this method can not be used here; empty when it can."""
        ...

    async def allow(self, kind: Address, to: str, person_id: str, *, cool_down_s: float) -> None:
        """Count one sending. Raises `LimitReached`: too many to this address or for this person."""
        ...

    async def attempt(self, kind: Address, to: str, person_id: str) -> None:
        """Count one attempt at a code, across runs. Raises `LimitReached`."""
        ...

    async def send(self, challenge: Challenge, *, key: str, app: str, minutes: int, locale: str) -> str:
        """Send the code or the link of a challenge; a reference where a service checks codes itself.

        Args:
            key: the same for a repeat.
            app: on whose behalf, as people know it.

        Raises:
            NotDelivered, Undelivered.
        """
        ...

    async def check(self, challenge: Challenge, given: str) -> CheckedCode:
        """Whether a person's words hold the code of this challenge; in constant time.

        Raises:
            NotDelivered, Undelivered: a service that checks codes itself does not answer.
        """
        ...

    def seal(self, text: str) -> str:
        """A text that may be a code, in a form that may be stored."""
        ...

    def unseal(self, sealed: str) -> str | None:
        """The text again; None when it was sealed elsewhere or with a key that is gone."""
        ...
