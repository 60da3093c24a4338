"""Mail and short messages to people who are not in a chat: the ports, and what can go wrong on the way."""

from __future__ import annotations

__all__ = ["CheckedCode", "CodeService", "Mail", "Mailer", "NotDelivered", "NotSetUp", "Texter", "Undelivered"]

from typing import Any, Protocol

from botkit.core.data import Data
from botkit.core.errors import BotkitError


class NotDelivered(BotkitError):
    """The service refused it, or was never reached: nothing arrived.

    Args:
        retryable: the same may succeed later.
    """

    code = "not_delivered"

    def __init__(self, message: str, *, retryable: bool = False, **facts: Any):
        super().__init__(message, **facts)
        self.retryable = retryable


class NotSetUp(NotDelivered):
    """`settings` name no service for this."""

    code = "not_set_up"


class Undelivered(BotkitError):
    """It left and no answer came: it may have arrived. Never repeated by itself."""

    code = "delivery_unknown"


class Mail(Data):
    """One mail to one person."""

    to: str
    """The bare address."""
    subject: str
    text: str
    html: str = ""
    """The same once more, for those who read HTML; empty: text alone."""


class Mailer(Protocol):
    """Sends mail."""

    @property
    def repeatable(self) -> bool:
        """Whether a repeat under the same key arrives once."""
        ...

    async def send(self, mail: Mail, *, key: str) -> str:
        """Send once; the service's id of it.

        Args:
            key: the same for a repeat of the same mail.

        Raises:
            NotDelivered, Undelivered: see there. Neither names a secret or repeats the text.
        """
        ...


class Texter(Protocol):
    """Sends short messages."""

    async def send(self, to: str, text: str, *, code: str = "", key: str) -> str:
        """Send once; the service's id of it.

        Args:
            to: in international form, `+15551230000`.
            code: the code in the text, for services that have templates.

        Raises:
            NotDelivered, Undelivered.
        """
        ...


class CheckedCode(Data):
    """What a service says of a code."""

    verified: bool
    identity: dict[str, Any] = {}
    """What it knows of the person, where it tells."""


class CodeService(Protocol):
    """Makes, sends and checks codes itself."""

    async def send(self, to: str, *, person: str, key: str) -> str:
        """Send a code; a reference for `check`.

        Raises:
            NotDelivered, Undelivered.
        """
        ...

    async def check(self, to: str, code: str, *, person: str, reference: str) -> CheckedCode:
        """Whether that is the code.

        Raises:
            NotDelivered, Undelivered: it could not be found out.
        """
        ...
