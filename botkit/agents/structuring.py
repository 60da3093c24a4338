"""The answer of an agent as an object: as `botkit.runs.structured`, within the limits of the turn.

turn/2/model     an answer that does not fit
turn/2/again/0   the model was told what is wrong with it
"""

from __future__ import annotations

__all__ = ["Forbidden", "cleaned", "said", "structured", "with_output"]

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.agents.asking import Asker, TimeUp
from botkit.agents.limits import Budget, Limit
from botkit.core.agent import AgentOutcome, AgentTask
from botkit.core.data import encode_text
from botkit.core.errors import ModelUnavailable
from botkit.core.models import ModelReply
from botkit.core.redact import Redactor
from botkit.runs.structured import Fitted, fitted

Message = dict[str, Any]


class Forbidden(Exception):
    """A limit of the turn forbade to ask again."""

    def __init__(self, limit: Limit):
        super().__init__(limit.sentence)
        self.limit = limit


async def structured(
    asker: Asker,
    task: AgentTask,
    budget: Budget,
    number: int,
    reply: ModelReply,
    *,
    messages: Sequence[Message],
    tools: tuple[Message, ...],
    estimated: Mapping[str, int],
    stable_chars: int = 0,
) -> Fitted:
    """The answer as an object that fits `task.output_schema`, or what is wrong with it at the end.

    Args:
        number: of the round that ended in `reply`.
        messages: what the model has read.

    Raises:
        Forbidden: a limit of the turn ended it.
        TimeUp, ModelError, BudgetUsedUp: as `Asker.ask`.
    """

    async def again(step: str, more: tuple[Message, ...]) -> ModelReply:
        if (limit := budget.exceeded()) is not None:
            raise Forbidden(limit)
        try:
            return await asker.ask(
                f"turn/{number}/{step}",
                [*messages, *more],
                tools=tools,
                estimated=estimated,
                final=True,
                stable_chars=stable_chars,
            )
        except TimeUp as error:
            if more:
                raise
            raise ModelUnavailable("the time was up") from error  # the answer that is there fits

    return await fitted(
        reply,
        task.output_schema or {},
        again,
        repairs=task.output_repairs,
        higher=lambda why, step: asker.escalate(why, f"turn/{number}/{step}"),
        sure=lambda: asker.climb.confidence if budget.exceeded() is None else 0.0,
    )


def with_output(outcome: AgentOutcome, **more: Any) -> AgentOutcome:
    """The outcome with more to keep in the output of the run."""
    return msgspec.structs.replace(outcome, output={**outcome.output, **more})


def cleaned(redactor: Redactor, data: Any) -> Any:
    """An object without the secrets that stand in it, or nothing where it cannot do without."""
    before = encode_text(data)
    after = redactor.text(before)
    if after == before:
        return data
    try:
        return msgspec.json.decode(after)
    except msgspec.DecodeError:
        return None


def said(task: AgentTask, data: object) -> str:
    """What the person reads of an object."""
    fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    value = fields.get(task.output_say)
    return value.strip() if isinstance(value, str) and value.strip() else encode_text(cast("object", data))
