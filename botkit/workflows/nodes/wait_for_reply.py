"""Ask the person something, and wait for the answer."""

from __future__ import annotations

__all__ = ["WaitForReply"]

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypedDict, get_args

import msgspec
from pydantic import Field

from botkit.core.messages import OutMessage
from botkit.core.patterns import PatternError, compile_pattern
from botkit.sdk.nodes import Expression, Node, NodeContext, NodeFailed, Outcome, Raw, Signal, Wait, node
from botkit.workflows.nodes._messages import message_of
from botkit.workflows.nodes._replies import Choice, ReplyKind, Unfit, options_of, value_of
from botkit.workflows.shapes import shape_of

_FIELD = "answer"


class Reply(TypedDict):
    """What was answered."""

    text: str
    """As it was written."""
    value: Any
    """What it means: a number, a date as `YYYY-MM-DD`, the value of a choice or a list of them."""
    fields: dict[str, Any]
    """Answers of a form, by name."""
    attachments: list[Any]
    by: str
    """Id of the person."""
    tries: int
    """How often it was answered."""


@node("wait_for_reply")
class WaitForReply(Node):
    """Ask the person something, and wait for the answer, for days if need be.

    An answer that does not fit is asked for again, with the reason, until `attempts` are used up.
    """

    category = "people"
    handles = {
        "reply": "an answer that fits",
        "timeout": "nobody answered in time, or the question was called off",
        "invalid": "no answer fitted",
    }
    output: ClassVar[Any] = Reply
    onward = ("reply",)

    question: str = ""
    """What is asked; empty when it was said before."""
    buttons: list[Any] = []
    """Buttons under the question, as in `send_message`."""
    cards: list[Any] = []
    """Cards with the question, as in `send_message`."""
    choices: list[str | Choice] = Field(default=[], max_length=100)
    """What may be answered: texts, or `{label, value, about}`. Shown as a menu where there is one."""
    many: bool = False
    """Several choices may be made; `value` is a list."""
    kind: ReplyKind = "any"
    """What the answer has to be. `email`, `phone`, `url` and `date` are read as people write them."""
    pattern: Raw[str] = ""
    """A pattern that has to be found in the answer."""
    valid: Expression = ""
    """A condition over the answer (`value`, `text`, `reply`), such as `value > 0 and value <= order.total`."""
    invalid_message: str = ""
    """What is said when the answer does not fit; a sentence about its kind when empty."""
    attempts: int = Field(default=3, ge=1, le=20)
    """How often the person may answer."""
    within_s: float = Field(default=86_400.0, ge=0)
    """Seconds for all of it; 0: for ever."""
    person: str = ""
    """Id of the person who is asked; the person of the run when empty."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The pattern is read before anything runs."""
        found: list[tuple[str, str]] = []
        try:
            compile_pattern(str(data.get("pattern") or ""))
        except PatternError as error:
            found.append(("pattern", str(error)))
        if data.get("many") is True and not data.get("choices"):
            found.append(("many", "there are no choices to choose from"))
        return found

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer that is looked at, for `valid`."""
        if field != "valid":
            return {}
        return {"value": _value_schema(data), "text": {"type": "string"}, "reply": shape_of(Reply)}

    async def run(self, ctx: NodeContext) -> Wait:
        if not ctx.run.conversation and not self.person:
            raise NodeFailed("nobody talks in this run, so nobody can be asked", code="no_conversation")
        until = (ctx.now() + timedelta(seconds=self.within_s)).isoformat() if self.within_s else ""
        return self._ask(self.question, self.within_s, tries=0, until=until)

    def _ask(self, question: str, within_s: float, *, tries: int, until: str) -> Wait:
        message: OutMessage | None = None
        if question or self.buttons or self.cards:
            message = message_of(question, buttons=self.buttons, cards=self.cards)
        wait = Wait("reply", message, expires_s=within_s, person_id=self.person, state={"tries": tries, "until": until})
        if not self.choices:
            return wait
        # With a schema the engine asks: by a menu, or by a numbered list where there is none.
        return replace(wait, payload={"schema": self._schema()})

    def _schema(self) -> dict[str, Any]:
        """The question as a form of one field, from which channels make a menu."""
        options = options_of(self.choices)
        one: dict[str, Any] = {
            "type": "string",
            "title": self.question[:100] or _FIELD,
            "oneOf": [{"const": option.value, "title": option.label} for option in options],
        }
        if self.many:
            items = {"anyOf": one["oneOf"]}
            one = {"type": "array", "title": one["title"], "items": items, "minItems": 1}
        return {"type": "object", "properties": {_FIELD: one}, "required": [_FIELD]}

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome | Wait:
        tries = int(signal.state.get("tries", 0)) + 1
        if signal.expired or signal.cancelled or signal.data.get("declined"):
            return Outcome("timeout", _reply(signal, None, tries - 1))
        try:
            value = self._value(ctx, signal)
        except Unfit as unfit:
            if tries >= self.attempts:
                return Outcome("invalid", _reply(signal, None, tries))
            until = str(signal.state.get("until") or "")
            left_s = (datetime.fromisoformat(until) - ctx.now()).total_seconds() if until else 0.0
            if until and left_s <= 0:
                return Outcome("timeout", _reply(signal, None, tries))
            return self._ask(self._again(str(unfit)), left_s, tries=tries, until=until)
        return Outcome("reply", _reply(signal, value, tries))

    def _again(self, reason: str) -> str:
        said = self.invalid_message or reason
        return f"{said}\n\n{self.question}" if self.choices and self.question else said

    def _value(self, ctx: NodeContext, signal: Signal) -> Any:
        value = self._meant(signal)
        if (
            self.pattern
            and compile_pattern(self.pattern).search(signal.text.encode("utf-8", "replace").decode()) is None
        ):
            raise Unfit("That does not have the form I need. Please try again.")
        if self.valid and not ctx.evaluate(self.valid, value=value, text=signal.text, reply=_reply(signal, value, 0)):
            raise Unfit("That cannot be right. Please try again.")
        return value

    def _meant(self, signal: Signal) -> Any:
        options = options_of(self.choices)
        pressed: Any = signal.data.get("values", signal.fields.get(_FIELD) if options else None)
        if options and pressed is not None:
            known = {option.value for option in options}
            values = [each for each in (pressed if isinstance(pressed, list) else [pressed]) if each in known]  # pyright: ignore[reportUnknownVariableType]
            if not values or (len(values) > 1 and not self.many):  # pyright: ignore[reportUnknownArgumentType]
                raise Unfit("Please choose one of these.")
            return values if self.many else values[0]  # pyright: ignore[reportUnknownVariableType]
        if signal.fields and not options:
            return dict(signal.fields)
        return value_of(signal.text, self.kind, options, many=self.many, files=len(signal.attachments))


def _value_schema(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer is once it was read; anything where its kind is only known when it runs."""
    if data.get("choices"):
        many: Any = data.get("many", False)
        if not isinstance(many, bool):
            return {}
        return {"type": "array", "items": {"type": "string"}} if many else {"type": "string"}
    kind = data.get("kind", "any")
    if kind in ("number", "integer", "boolean"):
        return {"type": kind}
    return {"type": "string"} if kind in get_args(ReplyKind) and kind != "any" else {}


def _reply(signal: Signal, value: Any, tries: int) -> Reply:
    return {
        "text": signal.text,
        "value": value,
        "fields": dict(signal.fields),
        "attachments": msgspec.to_builtins(list(signal.attachments)),
        "by": signal.by,
        "tries": tries,
    }
