"""Other members of the team, as tools of the agent loop: one may be asked, or take over the person."""

from __future__ import annotations

__all__ = ["Colleagues", "colleague_specs", "handed_over"]

from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.core.agent import AgentTask
from botkit.core.allowance import Allowance
from botkit.core.json_repair import Unreadable, read_arguments
from botkit.core.models import RequestedCall
from botkit.core.teams import ASK, HAND_OVER, Colleague, Delegated
from botkit.core.tools import Principal
from botkit.runs.context import RunContext

_QUESTION_LIMIT = 20_000


def colleague_specs(task: AgentTask) -> tuple[dict[str, Any], ...]:
    """The two tools in the OpenAI shape; none where there is nobody to ask. Who was asked itself gives nobody away."""
    if not task.colleagues:
        return ()
    listed = "; ".join(f"{one.name}: {one.description or 'a colleague'}" for one in task.colleagues)
    colleague = {"type": "string", "enum": [one.name for one in task.colleagues], "description": listed}
    ask = {
        "colleague": colleague,
        "question": {"type": "string", "description": "Everything they need to know: they have not read this chat."},
    }
    hand_over = {
        "colleague": colleague,
        "summary": {"type": "string", "description": "What the person wants and what was found out so far."},
    }
    asking = _spec(ASK, "Ask a colleague and go on with the answer.", ask)
    if task.principal.via:
        return (asking,)
    about = "Let a colleague answer the person, when the subject is theirs and not yours."
    return (asking, _spec(HAND_OVER, about, hand_over))


def _spec(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def handed_over(task: AgentTask, calls: Sequence[RequestedCall]) -> tuple[str, str] | None:
    """(colleague, what they should know) when a model gives the person away in this round."""
    names = {one.name for one in task.colleagues} if not task.principal.via else set[str]()
    for call in calls:
        if call.name != HAND_OVER:
            continue
        try:
            arguments = read_arguments(call.arguments)
        except Unreadable:
            continue
        to = str(arguments.get("colleague") or "")
        if to in names:
            return to, str(arguments.get("summary") or "")[:_QUESTION_LIMIT]
    return None


class Colleagues:
    """Puts the questions of one turn to other members."""

    def __init__(self, ctx: RunContext, task: AgentTask):
        self._ctx = ctx
        self._task = task

    def knows(self, call: RequestedCall) -> bool:
        """Whether a call is one of ours, and no tool of the workspace."""
        return bool(self._task.colleagues) and call.name in (ASK, HAND_OVER)

    async def ask(
        self, key: str, call: RequestedCall, arguments: dict[str, Any], left: Allowance, principal: Principal
    ) -> Delegated:
        """What a colleague answered. Replayable; once answered, never asked again.

        Args:
            left: what the colleague may use.
            principal: on whose behalf, with what was read so far.

        Raises:
            Paused: the colleague waits for somebody.
        """
        if self._ctx.done(key):
            return await self._ctx.step(key, _never, kind=Delegated)
        to, question = str(arguments.get("colleague") or ""), str(arguments.get("question") or "").strip()
        colleague = next((one for one in self._task.colleagues if one.name == to), None)
        if call.name == HAND_OVER and colleague is not None:
            return Delegated(text="You cannot hand over now: a colleague asked you. Answer, or ask.", ok=False)
        if colleague is None:
            return Delegated(
                text=f"There is no colleague {to!r}. There are: {_names(self._task.colleagues)}.", ok=False
            )
        if not question:
            return Delegated(text="Say what you want to know.", ok=False)
        if self._ctx.delegate is None:
            return Delegated(text="Nobody can be asked here.", ok=False)
        below = self._ctx.under(f"{key}/")
        task = msgspec.structs.replace(
            self._task, principal=principal, max_cost_micros=left.cost_micros, max_turn_tokens=left.tokens
        )
        answered = await self._ctx.delegate(below, task, to, question[:_QUESTION_LIMIT], left.time_s)
        self._ctx.record(key, ASK, answered)
        return answered


async def _never(scope: object) -> Delegated:
    raise AssertionError("a finished step does not run")


def _names(colleagues: Sequence[Colleague]) -> str:
    return ", ".join(one.name for one in colleagues)
