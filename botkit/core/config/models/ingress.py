"""`webhooks:`, `endpoints:` and `schedules:`, what starts work without a chat message."""

from __future__ import annotations

__all__ = ["Endpoint", "Schedule", "Webhook"]

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

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
    PlatformId,
    SecretRef,
    Slug,
    TimeZone,
    problem,
)
from botkit.core.config.models.workspaces import ToolRules


class Webhook(Model, frozen=True):
    """An event from another system, handled by instructions or by a workflow."""

    name: Name | None = None
    """For people; the key is used when absent."""
    description: str = Field(default="", max_length=500)
    """What it is for."""
    enabled: Bool = True
    """`false`: events are answered and dropped."""
    source: Literal["github", "stripe", "shopify", "custom"] = "custom"
    """Who sends; tells how events are named and signed."""
    events: Annotated[OneOrMany[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=50)] = ("*",)
    """Event types it acts on; `"*"` is all."""
    signing_secret: SecretRef | None = None
    """Proves the sender: HMAC-SHA256 of the raw body."""
    unsigned: Bool = False
    """`true`: whoever knows its address may begin runs."""
    instructions: str | None = Field(default=None, min_length=1, max_length=10_000)
    """What to do with an event, in plain words."""
    workflow: Slug | None = None
    """The workflow to run instead of instructions."""
    workspace: Slug = "default"
    """Where its tools come from."""
    tools: ToolRules = ToolRules()
    """Which tools it may use."""
    owner: str | None = None
    """Person whose rights cap its own."""
    model: ModelName | None = None
    """An alias of `models` or a LiteLLM name."""
    max_tool_calls: Int = Field(default=10, ge=1, le=50)
    """Most tool calls for one event."""
    timeout_s: Float = Field(default=30.0, ge=1, le=120)
    """Seconds one event may take."""

    @model_validator(mode="after")
    def _one_task(self) -> Webhook:
        if (self.instructions is None) == (self.workflow is None):
            raise problem("a webhook needs either instructions or workflow")
        if (self.signing_secret is None) != self.unsigned:
            raise problem("a webhook needs a signing_secret; without one, say unsigned: true")
        return self


class Endpoint(Model, frozen=True):
    """An agent other programs call: `POST /api/run/NAME`."""

    name: Name | None = None
    """For people; the key is used when absent."""
    description: str = Field(default="", max_length=500)
    """What it is for."""
    enabled: Bool = True
    """`false`: it refuses."""
    prompt: str | None = Field(default=None, min_length=1, max_length=10_000)
    """Its instructions."""
    workflow: Slug | None = None
    """The workflow to run instead of instructions."""
    agent_type: Literal["extractor", "actor", "pipeline"] | None = None
    """For people: what kind of work it does."""
    workspace: Slug = "default"
    """Where its tools come from."""
    tools: ToolRules = ToolRules()
    """Which tools it may use."""
    owner: str | None = None
    """Person whose rights cap its own."""
    model: ModelName | None = None
    """An alias of `models` or a LiteLLM name."""
    max_output_tokens: Int = Field(default=4096, ge=100, le=32_768)
    """Most output tokens of one model call."""
    temperature: Float = Field(default=0.3, ge=0, le=2)
    """Sampling temperature."""
    input_schema: Mapping[str, Json] | None = None
    """JSON Schema of the input."""
    output_schema: Mapping[str, Json] | None = None
    """JSON Schema the output must fit."""
    output_format: Literal["text", "json", "markdown"] = "text"
    """How the output is written."""
    max_tool_calls: Int = Field(default=10, ge=1, le=50)
    """Most tool calls in one run."""
    timeout_s: Float = Field(default=30.0, ge=1, le=600)
    """Seconds one run may take."""
    stream: Bool = False
    """Answer as server-sent events."""
    background: Bool = False
    """Answer at once with a run id and work on."""
    auth: Literal["api_key", "public"] = "api_key"
    """Who may call: holders of its key, or everybody."""
    price: Money | None = None
    """What a run counts for in reports, besides its cost."""

    @model_validator(mode="after")
    def _one_task(self) -> Endpoint:
        if (self.prompt is None) == (self.workflow is None):
            raise problem("an endpoint needs either prompt or workflow")
        if self.stream and self.background:
            raise problem("choose one of stream and background")
        return self


_CRON_FIELD = r"(?:\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/[0-9]+)?"
_CRON = re.compile(rf"{_CRON_FIELD}(?:,{_CRON_FIELD})*")


def _check_cron(value: str) -> str:
    fields = value.split()
    if len(fields) != 5 or not all(_CRON.fullmatch(field) for field in fields):
        raise problem('cron has five fields: minute hour day month weekday, such as "0 9 * * mon-fri"')
    return value


class Schedule(Model, frozen=True):
    """Work at set times."""

    description: str = ""
    """What it is for."""
    enabled: Bool = True
    """`false`: it never fires."""
    cron: Annotated[str, AfterValidator(_check_cron)] = Field()
    """Minute, hour, day of month, month, weekday."""
    timezone: TimeZone | None = None
    """Where the clock hangs; `settings.timezone` when absent."""
    workflow: Slug | None = None
    """The workflow to run."""
    function: Slug | None = None
    """The function to call."""
    bot: Slug | None = None
    """The bot that acts on `message`."""
    message: str | None = None
    """What the bot is told."""
    channel: Slug | None = None
    """Where the result is sent."""
    room: PlatformId | None = None
    """Room of that channel."""
    inputs: Mapping[str, Json] = {}
    """Values for the workflow or function."""
    owner: str | None = None
    """Person whose rights cap its own."""
    missed: Literal["skip", "once", "all"] = "once"
    """What happens to times that passed while nothing ran."""

    @model_validator(mode="after")
    def _one_task(self) -> Schedule:
        if sum(task is not None for task in (self.workflow, self.function, self.bot)) != 1:
            raise problem("a schedule needs exactly one of workflow, function or bot")
        if (self.bot is None) != (self.message is None):
            raise problem("bot and message belong together")
        return self
