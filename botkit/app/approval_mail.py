"""Mail to approvers: the question, and a link behind which it is decided, once."""

from __future__ import annotations

__all__ = ["DECIDE_PATH", "ApprovalMail", "DecisionLinks", "MailLink", "asked_of"]

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import quote

import msgspec

from botkit.app.delivery import Deliveries
from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.delivery import Mail, NotDelivered, Undelivered
from botkit.core.errors import NotFound, RateLimited, SendFailed, SendUnknown
from botkit.core.events import Conversation, Event
from botkit.core.journal import Journal, Wait
from botkit.core.messages import Capabilities, OutMessage, Part, Receipt, Rendered
from botkit.engine.by_mail import MAIL, may_decide_by_mail
from botkit.engine.questions import subject
from botkit.gateway.serving.sealing import Sealer
from botkit.sdk.adapter import Adapter

if TYPE_CHECKING:
    from botkit.core.config import Config

DECIDE_PATH = "/decide"
_PURPOSE = ("approval", "mail")
_LONGEST_S = 30 * 86_400.0
_TRY_AGAIN_S = 60.0


class MailLink(Data):
    """What a link is good for."""

    wait: str
    name: str
    """Who decides: a person of bots.yaml, or the address."""
    to: str


class DecisionLinks:
    """Makes and reads links. They are sealed; that one counts once follows from the decision, which is committed once.

    Args:
        base_url: where the outside reaches this instance; empty while it does not.
    """

    def __init__(
        self,
        seal: Sealer,
        journal: Journal,
        config: Callable[[], Config],
        clock: Clock,
        base_url: Callable[[], str],
    ):
        self._seal = seal
        self._journal = journal
        self._config = config
        self._clock = clock
        self._base_url = base_url

    def make(self, link: MailLink, wait: Wait) -> str:
        """The address; empty while nobody outside reaches this instance."""
        base = self._base_url().rstrip("/")
        if not base:
            return ""
        left_s = (wait.expires_at - self._clock.micros()) / 1_000_000 if wait.expires_at else _LONGEST_S
        sealed = self._seal.seal(msgspec.json.encode(link).decode(), _PURPOSE, max(1.0, min(left_s, _LONGEST_S)))
        return f"{base}{DECIDE_PATH}/{quote(sealed, safe='')}"

    async def read(self, sealed: str) -> tuple[MailLink, Wait]:
        """What a link is for; its question may be decided already.

        Raises:
            NotFound: it is damaged or too old, or whoever got it may not decide any more.
        """
        text = self._seal.unseal(sealed, _PURPOSE)
        link = msgspec.json.decode(text, type=MailLink) if text is not None else None
        wait = await self.find(link.wait) if link is not None else None
        if link is None or wait is None or not may_decide_by_mail(self._config(), wait, link.name, link.to):
            raise NotFound("This link is not valid any more.")
        return link, wait

    async def find(self, wait_id: str) -> Wait | None:
        wait = await self._journal.find_wait(wait_id=wait_id)
        return wait if wait is not None and wait.kind == "approval" else None


class ApprovalMail(Adapter):
    """Delivers the outbox parts of the channel `@mail`, each once."""

    platform: ClassVar[str] = "mail"

    def __init__(self, deliveries: Deliveries, links: DecisionLinks):
        super().__init__(MAIL, None, cast("Any", None))
        self._deliveries = deliveries
        self._links = links

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return ()

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return ()

    def capabilities(self, conversation: Conversation) -> Capabilities:
        try:
            native = self._deliveries.mailer().repeatable
        except NotDelivered:
            native = False
        return Capabilities(idempotent_send="native" if native else "none")

    async def send(self, part: Part) -> Receipt:
        """Nothing is sent about what was decided meanwhile.

        Raises:
            RateLimited, SendFailed, SendUnknown: the mail server was not reached, refused it, or did not answer.
        """
        payload = part.payload
        link = MailLink(wait=str(payload["wait"]), name=str(payload["name"]), to=str(payload["to"]))
        wait = await self._links.find(link.wait)
        if wait is None or wait.state != "open":
            return Receipt(message_id="")
        try:
            id_ = await self._deliveries.mailer().send(_mail(wait, link, self._links.make(link, wait)), key=part.id)
        except Undelivered as error:
            raise SendUnknown(str(error)) from error
        except NotDelivered as error:
            if error.retryable:
                raise RateLimited(str(error), retry_after_s=_TRY_AGAIN_S) from error
            raise SendFailed(str(error)) from error
        return Receipt(message_id=id_)


def asked_of(wait: Wait) -> dict[str, str]:
    """What is decided, for people: name → value, in order."""
    shown: dict[str, str] = {}
    if reason := wait.payload.get("reason"):
        shown["reason"] = str(reason)
    for part in ("arguments", "details", "edit"):
        found: Any = wait.payload.get(part)
        if isinstance(found, dict):
            for name, value in cast("dict[str, Any]", found).items():
                shown[str(name)] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return shown


def _mail(wait: Wait, link: MailLink, address: str) -> Mail:
    rows = asked_of(wait)
    what = subject(wait)
    where = f"Decide here:\n{address}" if address else f"Decide with: botkit approvals approve {wait.id}"
    lines = "\n".join(f"{name}: {value}" for name, value in rows.items())
    text = (
        f"Somebody has to decide: {what}\n\n{lines}\n\n{where}\n\n"
        "The link shows what is asked; nothing is decided before you press a button there. Do not pass it on."
    )
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    button = f'<p><a href="{escape(address)}">Look and decide</a></p>' if address else f"<p>{escape(where)}</p>"
    html = f"<p>Somebody has to decide: <b>{escape(what)}</b></p><table>{table}</table>{button}"
    return Mail(to=link.to, subject=f"To decide: {what}"[:150], text=text, html=html)
