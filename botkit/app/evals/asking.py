"""Models beside the bot: one that judges its answers, and one that plays the person."""

from __future__ import annotations

__all__ = ["JudgedAnswer", "Played", "Unjudged", "ask_beside", "judge_answer", "next_message"]

from collections.abc import Mapping, Sequence
from typing import Any

from botkit.app.evals.stage import Stage, Try
from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import BotkitError
from botkit.core.evals import Judged, Simulated
from botkit.core.judging import JUDGE, judge_prompt, verdict_of, verdict_schema
from botkit.core.models import ModelReply, ModelRequest
from botkit.runs.model_calls import collect_reply
from botkit.runs.structured import ask_structured

_PLAY = (
    "You play a person who writes to a chat bot. Stay in your role, write short messages as people do, and never say "
    "that you are a model. Say in `reached` whether the bot has given you what you want; then, or when it is plain "
    "that it will not, set `done` and write no more message."
)
_PLAY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "done": {"type": "boolean"},
        "reached": {"type": "boolean"},
    },
    "required": ["message", "done", "reached"],
}
_TIMEOUT_S = 60.0
_MAX_OUTPUT_TOKENS = 2_048


class Unjudged(BotkitError):
    """A judge, or whoever plays a person, did not answer as asked."""

    code = "not_judged"


class JudgedAnswer(Data, omit_defaults=False):
    """What a judge said of an answer."""

    score: float
    band: str
    least: float
    """The score that had to be reached."""
    criteria: dict[str, float]
    reasons: str

    @property
    def ok(self) -> bool:
        return self.score >= self.least


class Played(Data):
    """What a played person does next."""

    message: str = ""
    """Empty: nothing more."""
    reached: bool = False


async def judge_answer(
    stage: Stage, one: Try, clock: Clock, wanted: Judged, *, model: str, answer: str, about: str
) -> JudgedAnswer:
    """Score an answer.

    Args:
        about: what it was an answer to, where the rubric does not say.

    Raises:
        ModelError, Unjudged: no judge answered as asked.
    """
    prompt = judge_prompt(answer, wanted.rubric, wanted.about or about)
    data = await ask_beside(stage, one, clock, wanted.model or model, JUDGE, prompt, verdict_schema(wanted.rubric))
    verdict = verdict_of(data, wanted.rubric, wanted.ranges)
    return JudgedAnswer(
        score=verdict["score"],
        band=verdict["band"],
        least=wanted.least_score,
        criteria=verdict["criteria"],
        reasons=verdict["reasons"],
    )


async def next_message(
    stage: Stage, one: Try, clock: Clock, wanted: Simulated, *, model: str, said: Sequence[tuple[str, str]]
) -> Played:
    """What the played person writes next.

    Args:
        said: what was said so far, as (`you` or `bot`, text).

    Raises:
        ModelError, Unjudged: nobody played as asked.
    """
    who = f"\n\nWho you are: {wanted.persona}" if wanted.persona else ""
    talk = "\n".join(f"{name}: {text}" for name, text in said) or "(nothing was said yet: you begin)"
    prompt = f"What you want: {wanted.goal}{who}\n\nThe conversation so far:\n<talk>\n{talk}\n</talk>"
    data: Mapping[str, Any] = await ask_beside(
        stage, one, clock, wanted.model or model, _PLAY, prompt, _PLAY_SCHEMA, temperature=None
    )
    message = str(data["message"]).strip()
    return Played(message="" if data["done"] else message, reached=bool(data["reached"]))


async def ask_beside(
    stage: Stage,
    one: Try,
    clock: Clock,
    model: str,
    system: str,
    prompt: str,
    schema: Mapping[str, Any],
    *,
    temperature: float | None = 0.0,
) -> Any:
    """A question that is not the bot's; the answer fits the schema. Raises `ModelError`, `Unjudged`."""

    async def call(request: ModelRequest, step: str) -> ModelReply:
        return await collect_reply(_Beside(stage, one), clock, request)

    request = ModelRequest(
        model=model,
        messages=({"role": "system", "content": system}, {"role": "user", "content": prompt}),
        temperature=temperature,
        max_output_tokens=_MAX_OUTPUT_TOKENS,
        timeout_s=_TIMEOUT_S,
        trace_id=one.key,
    )
    found = await ask_structured(call, request, schema)
    if found.wrong:
        raise Unjudged(f"{model} did not answer as it was asked to: {found.wrong}")
    return found.data


class _Beside:
    """Implements `Model` for calls that are not the bot's."""

    def __init__(self, stage: Stage, one: Try):
        self._stage = stage
        self._one = one

    def window_tokens(self, model: str) -> int:
        return 0

    def escalation(self, model: str) -> None:
        return None

    def stream(self, request: ModelRequest) -> Any:
        return self._stage.ask(self._one, request)
