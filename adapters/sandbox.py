"""The sandbox: the page, the terminal and `botkit chat` as a platform of their own.

It can do everything a platform can, keeps nothing itself, and shows what happens through the live view. A
payload looks like this:

    {"id": "c0ffee", "room": "ada-1", "person": "ada", "text": "hello", "bot": "helper"}
    {"id": "c0ffef", "room": "ada-1", "person": "ada", "press": "ok:y:4kX…", "message_id": "run_….0"}

    {"id": "c0fff0", "room": "ada-1", "person": "ada", "text": "what is this?", "files": [{"kind": "image", …}]}

Files are stored before their message comes; `remote` of each is its id. A press may carry the chosen `values` of a
menu, or the `fields` of a form. What a message has besides its text is in `rich`; its text says all of it in words.
"""

from __future__ import annotations

__all__ = ["Sandbox"]

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec

from botkit.sdk import (
    WHOLE,
    Action,
    Adapter,
    Attachment,
    Capabilities,
    Conversation,
    Event,
    Health,
    NotFound,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    User,
    form_fields,
    plain_text,
    rich_json,
)

_CAPABILITIES = msgspec.structs.replace(
    WHOLE,
    text_limit=1_000_000,
    stream="native",
    edit=True,
    delete=True,
    threads=True,
    reactions=True,
    files=True,
    file_in_limit_bytes=20_971_520,
    file_out_limit_bytes=20_971_520,
    ephemeral=True,
    idempotent_send="native",
    commands=True,
)


class Sandbox(Adapter):
    platform: ClassVar[str] = "sandbox"

    async def start(self) -> None:
        self.host.report(Health(state="ok", detail="page, terminal and `botkit chat`"))

    async def stop(self) -> None:
        self.host.report(Health(state="off"))

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        person = str(payload.get("person") or "operator")
        press = str(payload.get("press") or "")
        message_id = str(payload.get("message_id") or "")
        return (
            Event(
                channel=self.channel,
                dedupe_key=str(payload["id"]),
                kind="stop_generation" if payload.get("stop") else "action" if press else "message",
                conversation=Conversation(channel=self.channel, room=str(payload["room"])),
                sender=User(id=person, name=str(payload.get("name") or person)),
                occurred_at=self.host.clock.now(),
                text=str(payload.get("text") or ""),
                addressed="dm",
                message_id=message_id or str(payload["id"]),
                attachments=msgspec.convert(payload.get("files") or (), tuple[Attachment, ...]),
                action=_action(payload, press, message_id) if press else None,
                route=str(payload.get("bot") or ""),
                signal=payload.get("trigger"),
            ),
        )

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return _CAPABILITIES

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        payload: dict[str, Any] = {"text": message.text}
        rich = rich_json(message)
        if rich:
            payload["rich"] = rich
        if "buttons" in rich:
            payload["buttons"] = [
                [{"label": b.label, "value": b.value, "style": b.style} for b in row] for row in message.buttons
            ]
        files = [f"📎 {item.name or item.kind}" for item in message.attachments]
        text = "\n".join(part for part in (plain_text(msgspec.structs.replace(message, buttons=())), *files) if part)
        return (Rendered(payload=payload, text=text),)

    async def send(self, part: Part) -> Receipt:
        """Always succeeds: whoever watches the conversation is shown the part by the live view."""
        return Receipt(message_id=part.message_id or part.id)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        """A file that was stored when it was attached."""
        if not attachment.remote:
            raise NotFound("this file was never stored", name=attachment.name)
        yield await self.host.load_file(msgspec.structs.replace(attachment, file_id=attachment.remote))


def _action(payload: Mapping[str, Any], press: str, message_id: str) -> Action:
    """A pressed button, a choice, or a form that was sent."""
    fields = payload.get("fields")
    values = tuple(str(value) for value in payload.get("values") or ())
    given = form_fields(cast("Mapping[str, Any]", fields)) if isinstance(fields, Mapping) else {}
    return Action(
        value=values[0] if values else press,
        values=values,
        message_id=message_id,
        fields=given,
        sent=isinstance(fields, Mapping),
    )
