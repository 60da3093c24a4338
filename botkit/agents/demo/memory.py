"""What the demo model can know: the request's messages, read back."""

from __future__ import annotations

__all__ = ["Conversation", "Executed", "read_conversation", "result_value"]

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

from botkit.core.schemas import as_schema

_RESULT = re.compile(r"^<tool_result tool=\"[^\"]*\">\n(.*)\n</tool_result>$", re.DOTALL)
_NOW = re.compile(r"It is \w+ (\d{1,2} \w+ \d{4}), (\d{2}:\d{2}) \(([^,]+), UTC([+-]\d{4})\)")
_PERSON = re.compile(r"You are talking with (.+)\.")
_SEARCHED_CHARS = 1000
_SYSTEM_NOTE = "[note from the system:"


@dataclass(frozen=True, slots=True)
class Executed:
    """One tool call that was made, and what came back."""

    tool: str
    arguments: dict[str, Any]
    text: str

    @property
    def ok(self) -> bool:
        return not self.text.startswith("ERROR:")

    @property
    def value(self) -> Any:
        """The result as JSON where it is JSON, else its text."""
        return result_value(self.text)


@dataclass(slots=True)
class Conversation:
    """A request, from the demo model's point of view."""

    system: str
    text: str
    """What the person wrote last, as far as it is searched for requests."""
    person: str
    today: date
    offset: str
    """Of the person's zone, such as `+09:00`."""
    zone: str
    round: list[Executed] = field(default_factory=list[Executed])
    """Calls made for this message, in order."""
    earlier: list[Executed] = field(default_factory=list[Executed])
    """Calls made for messages before, in order."""
    said: list[str] = field(default_factory=list[str])
    """Earlier words of the person, in order."""
    answered: str = ""
    """What the model answered last."""
    rest: str = ""
    """What follows `text` in a long message: more of a text being dictated, never a request."""

    def values_of(self, names: Sequence[str]) -> Iterator[Any]:
        """Values that stood under one of these names in arguments and results, newest first.

        Ordinary words are matched without regard to underscores: `orderId` finds `order_id`.
        """
        wanted = {_plain(name) for name in names}
        for call in [*reversed(self.round), *reversed(self.earlier)]:
            yield from _values(call.value, wanted)
            yield from _values(call.arguments, wanted)

    def listed(self) -> list[dict[str, Any]]:
        """The entries of the newest result that was a list of objects."""
        for call in [*reversed(self.round), *reversed(self.earlier)]:
            entries = _entries(call.value)
            if entries:
                return entries
        return []


def result_value(text: str) -> Any:
    """A result as JSON; several values one after the other, as a list of results arrives, as a list."""
    values: list[Any] = []
    decoder = json.JSONDecoder()
    at = 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            at += len(text[at:]) - len(text[at:].lstrip())
    except (ValueError, RecursionError):
        return text
    return values[0] if len(values) == 1 else values or text


def read_conversation(messages: Sequence[dict[str, Any]]) -> Conversation:
    """Sort the messages into the current round and what came before."""
    system = "\n".join(str(message.get("content") or "") for message in messages if message["role"] == "system")
    now = _NOW.search(system)
    moment = datetime.now(UTC)
    if now:
        moment = datetime.strptime(now[1], "%d %B %Y").replace(tzinfo=UTC)
    offset = f"{now[4][:3]}:{now[4][3:]}" if now else "+00:00"
    person = _PERSON.search(system)
    conversation = Conversation(
        system=system,
        text="",
        person=person[1] if person else "",
        today=moment.date(),
        offset=offset,
        zone=now[3] if now else "UTC",
    )
    for message in messages:
        _take(conversation, message)
    prefix = f"{conversation.person}: "
    if conversation.person and conversation.text.startswith(prefix):
        conversation.text = conversation.text[len(prefix) :]
    conversation.rest = conversation.text[_SEARCHED_CHARS:]
    conversation.text = conversation.text[:_SEARCHED_CHARS]
    conversation.said = [text[:_SEARCHED_CHARS] for text in conversation.said]
    conversation.answered = conversation.answered[:_SEARCHED_CHARS]
    return conversation


def _take(conversation: Conversation, message: dict[str, Any]) -> None:
    content = str(message.get("content") or "")
    if message["role"] == "user" and not content.startswith(_SYSTEM_NOTE):
        if conversation.text:
            conversation.said.append(conversation.text)
        conversation.earlier.extend(conversation.round)
        conversation.round = []
        conversation.text = content
    elif message["role"] == "assistant":
        conversation.answered = content or conversation.answered
        for raw in cast("list[Any]", message.get("tool_calls") or []):
            call = as_schema(raw)
            function = as_schema(call.get("function"))
            arguments = as_schema(result_value(str(function.get("arguments") or "{}")))
            conversation.round.append(Executed(str(function.get("name")), arguments, f"\0{call.get('id')}"))
    elif message["role"] == "tool":
        wrapped = _RESULT.match(content)
        text = wrapped[1] if wrapped else content
        marker = f"\0{message.get('tool_call_id')}"
        for index in range(len(conversation.round) - 1, -1, -1):
            call = conversation.round[index]
            if call.text == marker:
                conversation.round[index] = Executed(call.tool, call.arguments, text)
                break


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _values(value: Any, wanted: set[str]) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            if _plain(key) in wanted and not isinstance(item, dict | list):
                yield item
        for item in cast("dict[str, Any]", value).values():
            yield from _values(item, wanted)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _values(item, wanted)


def _entries(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        entries = cast("list[Any]", value)
        return [cast("dict[str, Any]", item) for item in entries if isinstance(item, dict)]
    if isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            found = _entries(item) if isinstance(item, list) else []
            if found:
                return found
    return []
