"""One tool as one provider is told of it, and what was lost on the way."""

from __future__ import annotations

__all__ = ["Exported", "Notes", "Status", "Unsupported", "described", "with_items"]

from dataclasses import dataclass, field
from typing import Any, Literal, cast

from botkit.core.data import Data
from botkit.core.schemas import Schema

Status = Literal["exact", "loose", "unsupported"]
"""`exact`: the model can only send what the tool takes. `loose`: it may send what the tool refuses; the refusal says
why. `unsupported`: the provider would refuse the definition, so it is left out."""

_DESCRIPTION_CHARS = 1024
_NOTE_CHARS = 200


class Exported(Data):
    name: str
    """The same as in the workspace: its names fit every provider."""
    status: Status
    reasons: tuple[str, ...] = ()
    """Why it is not exact, one sentence each."""
    declaration: dict[str, Any] | None = None
    """None when unsupported."""


class Unsupported(Exception):
    """The schema, or a part of it, cannot be said in the provider's dialect; the message says which and why."""


@dataclass
class Notes:
    """What a conversion could not keep."""

    reasons: list[str] = field(default_factory=list[str])

    def dropped(self, where: str, constraint: str) -> None:
        self.reasons.append(f"{where or 'the arguments'}: {constraint} is only described")


def described(description: object, *notes: str) -> str:
    """A description with what the schema can no longer say, short enough for providers."""
    text = description.strip() if isinstance(description, str) else ""
    extra = " ".join(note[:_NOTE_CHARS] for note in notes)
    room = _DESCRIPTION_CHARS - len(extra) - 1
    return f"{text[: max(room, 0)]} {extra}".strip() if extra else text[:_DESCRIPTION_CHARS]


def with_items(value: Any) -> Any:
    """A copy in which every list says what is in it in one schema: providers refuse lists that do not, and tuples."""
    if isinstance(value, list):
        return [with_items(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    made = {key: with_items(item) for key, item in cast("Schema", value).items()}
    kind = made.get("type")
    is_list = kind == "array" or (isinstance(kind, list) and "array" in kind)
    if is_list and not isinstance(made.get("items"), dict):
        places = made.pop("items", None) or made.get("prefixItems")
        made["items"] = {"anyOf": places} if isinstance(places, list) and places else {}
    return made
