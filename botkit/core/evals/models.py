"""The shape of an evaluation: who talks with whom, what is said, and what must come of it."""

from __future__ import annotations

__all__ = ["Called", "Case", "EvalFile", "Expect", "Judged", "Limits", "Simulated", "Turn"]

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from botkit.core.config.models.base import (
    Bool,
    Float,
    Int,
    Json,
    Model,
    ModelName,
    Money,
    Name,
    OneOrMany,
    ProjectPath,
    Slug,
    Text,
    ToolPattern,
    problem,
)
from botkit.core.judging import BANDS, Band, Criterion
from botkit.core.patterns import PatternError, compile_pattern


def _check_pattern(value: str) -> str:
    try:
        compile_pattern(value)
    except PatternError as error:
        raise problem(f"this is not a pattern of RE2: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression of RE2."""

_ACTS = ("say", "press", "fill", "approve", "decline")


def _text_turn(value: object) -> object:
    return {"say": value} if isinstance(value, str) else value


def _tool_alone(value: object) -> object:
    return {"tool": value} if isinstance(value, str) else value


class Called(Model, frozen=True):
    """A call of a tool. A name alone is short for `{tool: NAME}`."""

    tool: ToolPattern
    """`server__tool`, or a pattern such as `orders__*`."""
    arguments: dict[str, Json] = Field(default_factory=dict)
    """Arguments that count: objects by the keys that are named, everything else as a whole."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return _tool_alone(value)


class Limits(Model, frozen=True):
    """What it may take."""

    cost: Money | None = None
    """Money for model calls."""
    tokens: Int | None = Field(default=None, ge=0)
    """Input and output of all model calls."""
    latency_s: Float | None = Field(default=None, ge=0)
    """Seconds that models took; of recorded answers those of then."""
    steps: Int | None = Field(default=None, ge=0)
    """Model calls and tool calls together."""


class Judged(Model, frozen=True):
    """The answer, scored by a model against a rubric."""

    rubric: tuple[Criterion, ...] = Field(min_length=1, max_length=20)
    """What is looked at."""
    bands: tuple[Band, ...] = Field(default=(), max_length=10)
    """Names for ranges of scores; `good` from 0.7, `fair` from 0.4 and `poor` from 0 when empty."""
    at_least: Name | Annotated[float, Field(ge=0, le=1)] = BANDS[0].name
    """The band, or the score from 0 to 1, that must be reached."""
    model: ModelName | None = None
    """Who judges: an alias of `models` or a LiteLLM name; the file's `judge` when empty."""
    about: str = ""
    """What the answer was meant to be; what the person said when empty."""

    @model_validator(mode="after")
    def _known_band(self) -> Judged:
        names = [band.name for band in self.ranges]
        if isinstance(self.at_least, str) and self.at_least not in names:
            raise problem(f"`at_least` names none of the bands: {', '.join(names)}")
        return self

    @property
    def ranges(self) -> tuple[Band, ...]:
        """The bands, where none are named those everybody has."""
        return self.bands or BANDS

    @property
    def least_score(self) -> float:
        """The score that must be reached."""
        if not isinstance(self.at_least, str):
            return self.at_least
        return next(band.at_least for band in self.ranges if band.name == self.at_least)


class Expect(Model, frozen=True):
    """What must come of a turn, or of the whole conversation. What is not named is not looked at."""

    contains: OneOrMany[Text] = ()
    """Texts that stand in the reply, in whatever case."""
    not_contains: OneOrMany[Text] = ()
    """Texts that do not."""
    matches: OneOrMany[Pattern] = ()
    """Regular expressions (RE2) that match somewhere in the reply."""
    tools: tuple[Called, ...] | None = None
    """Calls of tools that must have been made. An empty list: none at all."""
    order: Literal["any", "in-order", "exact"] = "any"
    """`any`: each of `tools` was called; `in-order`: in this order, others may stand between; `exact`: these calls in
    this order and no others."""
    not_called: OneOrMany[ToolPattern] = ()
    """Tools or patterns that were not called."""
    member: Slug | None = None
    """The member of the team that answered."""
    state: Literal["completed", "waiting", "failed", "limit_reached", "cancelled", "answered"] | None = None
    """How the turn, or the last one, ended. `answered`: without a run, such as a command."""
    waits_for: Literal["approval", "reply", "identity", "timer", "schedule", "webhook", "takeover"] | None = None
    """What it waits for, with `state: waiting`."""
    output: dict[str, Json] | None = None
    """JSON Schema of the structured output: of the run, else of the reply read as JSON."""
    judged: OneOrMany[Judged] = ()
    """Rubrics that a model scores the reply by."""
    limits: Limits = Limits()
    """What it may take."""

    @model_validator(mode="before")
    @classmethod
    def _one_judged(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("judged"), dict):  # pyright: ignore[reportUnknownMemberType] - plain YAML values
            return {**value, "judged": [value["judged"]]}  # pyright: ignore[reportUnknownVariableType] - see above
        return value  # pyright: ignore[reportUnknownVariableType] - see above


class Turn(Model, frozen=True):
    """One thing the person does, and what must come of it. A text alone is short for `{say: …}`."""

    say: str | None = None
    """A message; also the answer to a question the bot asked."""
    files: OneOrMany[ProjectPath] = ()
    """Files of the project that come with the message."""
    press: Text | None = None
    """A button of an earlier message, by its label or value."""
    fill: dict[str, Json] | None = None
    """The fields of a form the bot asked for."""
    approve: Literal[True] | None = None
    """A reviewer approves what waits for approval."""
    decline: Literal[True] | None = None
    """A reviewer declines what waits for approval."""
    by: Name = "operator"
    """Who decides, with `approve` and `decline`."""
    comment: str = ""
    """What the reviewer says to it."""
    expect: Expect = Expect()
    """What must come of it."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return _text_turn(value)

    @model_validator(mode="after")
    def _one_act(self) -> Turn:
        acts = [name for name in _ACTS if getattr(self, name) is not None]
        if self.files and not acts:
            return self
        if len(acts) != 1:
            raise problem(f"a turn does one thing: {', '.join(_ACTS)}")
        if self.files and acts != ["say"]:
            raise problem("`files` come with `say`")
        return self


class Simulated(Model, frozen=True):
    """A person played by a model, who talks until the goal is reached or given up."""

    goal: Text
    """What the person wants."""
    persona: str = ""
    """Who the person is, and how they talk."""
    turns: Int = Field(default=6, ge=1, le=50)
    """Messages at most."""
    model: ModelName | None = None
    """Who plays: an alias of `models` or a LiteLLM name; the file's `judge`, else `default`, when empty."""
    must_reach: Bool = True
    """Whether the case fails when the person does not reach the goal."""


class Case(Model, frozen=True):
    """One conversation."""

    name: Name
    """What is tried, in words."""
    tags: OneOrMany[Name] = ()
    """For `--tag`."""
    bot: str = ""
    """Another bot or team than the file's; `@NAME` is a workflow without a bot."""
    person: Name | None = Field(default=None, alias="as")
    """Somebody of `people`; a stranger with `roles` when empty."""
    roles: OneOrMany[Name] | None = None
    """Roles of the stranger."""
    tools: dict[ToolPattern, Json] = Field(default_factory=dict)
    """Tool → its result, in place of a real call: a text, an object, `{error: …}`, or a list with one result for each
    call, the last one for all further ones. Beside those of the file."""
    writes: Bool = False
    """Really call tools that are not read-only. The case then has servers and data of its own."""
    turns: tuple[Turn, ...] = ()
    """What the person does, in order."""
    simulate: Simulated | None = None
    """Who talks on after `turns`, played by a model."""
    expect: Expect = Expect()
    """What must come of the whole conversation."""
    repeat: Int | None = Field(default=None, ge=1, le=1000)
    """How often it is tried; the file's when empty."""
    pass_rate: Float | None = Field(default=None, gt=0, le=1)
    """Part of the tries that must pass; the file's when empty."""
    skip: str = ""
    """Why it is not run."""

    @model_validator(mode="after")
    def _somebody_talks(self) -> Case:
        if not self.turns and self.simulate is None:
            raise problem("a case needs `turns` or `simulate`")
        if self.person is not None and self.roles is not None:
            raise problem("`as` and `roles` exclude each other: the roles of people stand in bots.yaml")
        return self


def _has_cases(value: object) -> object:
    # not `min_length`, which counts what is right: one wrong case would be a missing one besides
    if isinstance(value, list) and not value:
        raise problem("there is no case in it")
    return value  # pyright: ignore[reportUnknownVariableType] - plain YAML values


class EvalFile(Model, frozen=True):
    """A file of conversations with one bot or team."""

    bot: str = ""
    """A bot or a team of bots.yaml; `@NAME` is a workflow without a bot. The first bot when empty."""
    person: Name | None = Field(default=None, alias="as")
    """Somebody of `people` who talks; a stranger with `roles` when empty."""
    roles: OneOrMany[Name] = ("guest",)
    """Roles of the stranger."""
    tags: OneOrMany[Name] = ()
    """Of every case."""
    judge: ModelName | None = None
    """The model that judges and plays people: an alias of `models` or a LiteLLM name; `default` when empty."""
    tools: dict[ToolPattern, Json] = Field(default_factory=dict)
    """Results of tools for every case, in place of real calls."""
    repeat: Int = Field(default=1, ge=1, le=1000)
    """How often each case is tried."""
    pass_rate: Float = Field(default=1.0, gt=0, le=1)
    """Part of the tries that must pass."""
    cases: Annotated[tuple[Case, ...], BeforeValidator(_has_cases)]
    """The conversations."""

    @model_validator(mode="after")
    def _names_differ(self) -> EvalFile:
        names = [case.name for case in self.cases]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise problem(f"two cases are called `{twice}`: `--case` and recordings know them by their names")
        return self
