"""Asking a model for JSON that fits a schema: mended by rule, then by the model, then by a stronger one.

{step}              the first answer
{step}/again/0      the model was told what is wrong with it
{step}/again/1      and once more
{step}/sure         a stronger model, where the first was not sure
{any}/stronger      a stronger model, where the answer was cut or stopped
"""

from __future__ import annotations

__all__ = ["Fitted", "Structured", "ask_structured", "fitted"]

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from botkit.core.errors import BudgetUsedUp, ModelError
from botkit.core.models import ModelReply, ModelRequest, Signal, Usage
from botkit.core.structured import Answer, confidence_of, correction, instruction, read_answer
from botkit.runs.escalating import Climb, signal_of, stronger

REPAIRS = 1
"""Times a model is told what is wrong with its answer, unless somebody says otherwise."""

Message = dict[str, Any]
Again = Callable[[str, tuple[Message, ...]], Awaitable[ModelReply]]
"""Asks once more: under the step of this name, with these messages added to what was asked."""
Higher = Callable[[Signal, str], bool]
"""Whether a stronger model takes over from the step of this name on."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """An answer after all repairs."""

    answer: Answer
    reply: ModelReply
    """The one it is in."""


async def fitted(
    reply: ModelReply,
    schema: Mapping[str, Any],
    again: Again,
    *,
    repairs: int = REPAIRS,
    higher: Higher | None = None,
    sure: Callable[[], float] | None = None,
) -> Fitted:
    """The answer in a reply as an object that fits, or what is wrong with it at the end.

    Args:
        sure: below which confidence an answer is asked of a stronger model.

    Raises:
        whatever `again` does.
    """
    answer = read_answer(reply.text, schema)
    told = asked = 0
    while answer.wrong:
        step = f"again/{asked}"
        if told >= repairs:
            if higher is None or not higher("invalid", step):
                return Fitted(answer, reply)
            told = 0
        reply = await again(step, _mending(reply, answer))
        answer = read_answer(reply.text, schema)
        told, asked = told + 1, asked + 1
    confidence = confidence_of(answer.data)
    if confidence is None or sure is None or higher is None or confidence >= sure() or not higher("unsure", "sure"):
        return Fitted(answer, reply)
    try:
        other = await again("sure", ())
    except (ModelError, BudgetUsedUp):
        return Fitted(answer, reply)
    better = read_answer(other.text, schema)
    return Fitted(answer, reply) if better.wrong else Fitted(better, other)


def _mending(reply: ModelReply, answer: Answer) -> tuple[Message, ...]:
    said = reply.text.strip() or "(nothing)"
    return {"role": "assistant", "content": said}, {"role": "user", "content": correction(answer.wrong)}


@dataclass(frozen=True, slots=True)
class Structured:
    """What a model was asked for."""

    data: Any
    reply: ModelReply
    """The last one."""
    usage: Usage
    """Of all calls."""
    wrong: str = ""
    """Why the answer does not fit, after all repairs."""


async def ask_structured(
    call: Callable[[ModelRequest, str], Awaitable[ModelReply]],
    request: ModelRequest,
    schema: Mapping[str, Any] | None,
    *,
    climb: Climb | None = None,
    journaled: Callable[[str], bool] | None = None,
) -> Structured:
    """Ask, with the schema in the instructions.

    Args:
        call: makes one model call, under a step of this name; the first has none.
        request: with a system message first, or none.
        schema: without one every text will do, and only a cut or stopped answer is asked of a stronger model.
        climb: to stronger models, where there are some.
        journaled: whether a step of this name was made before.
    """
    if schema is not None:
        request = _instructed(request, schema)
    usage = Usage()

    def higher(why: Signal, step: str) -> bool:
        return climb is not None and climb.higher(why, step, journaled=bool(journaled and journaled(stronger(step))))

    async def one(step: str, messages: tuple[Message, ...]) -> ModelReply:
        nonlocal usage
        model = climb.next_model() if climb is not None else request.model
        reply = await call(msgspec.structs.replace(request, model=model, messages=messages), step)
        usage += reply.usage
        return reply

    async def again(step: str, more: tuple[Message, ...]) -> ModelReply:
        messages = (*request.messages, *more)
        reply = await one(step, messages)
        while (why := signal_of(reply)) is not None and higher(why, step):
            step = stronger(step)
            try:
                reply = await one(step, messages)
            except (ModelError, BudgetUsedUp):  # what there is is better than nothing
                return reply
        return reply

    reply = await again("", ())
    if schema is None:
        return Structured(None, reply, usage)
    found = await fitted(reply, schema, again, higher=higher, sure=lambda: climb.confidence if climb is not None else 0)
    return Structured(found.answer.data, found.reply, usage, "; ".join(found.answer.wrong))


def _instructed(request: ModelRequest, schema: Mapping[str, Any]) -> ModelRequest:
    told = instruction(schema)
    first, *rest = request.messages
    if first.get("role") == "system":
        messages = ({**first, "content": f"{first['content']}\n\n{told}"}, *rest)
    else:
        messages = ({"role": "system", "content": told}, first, *rest)
    return msgspec.structs.replace(request, messages=messages, response_schema=dict(schema))
