"""`bots:`, who answers: prompt, model, workspace and limits."""

from __future__ import annotations

__all__ = ["Bot", "BotOutput", "Busy", "WhileWaiting"]

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from botkit.core.config.models.base import (
    Bool,
    Float,
    Int,
    Json,
    Language,
    Model,
    ModelName,
    Money,
    Name,
    ProjectPath,
    Slug,
    problem,
)
from botkit.core.config.models.context import Context
from botkit.core.config.models.guardrails import Guardrails
from botkit.core.config.models.speech import SpeaksWhen
from botkit.core.config.models.workspaces import ToolRules
from botkit.core.schemas import as_schema
from botkit.core.tool_search import ToolsMode
from botkit.core.validation import schema_problem

Busy = Literal["queue", "merge", "interrupt"]
WhileWaiting = Literal["new_turn", "notice", "queue"]


class BotOutput(Model, frozen=True):
    """An answer that is an object."""

    answer_schema: Mapping[str, Json] = Field(alias="schema")
    """JSON Schema it must fit. It is in the output of the run as `data`."""
    say: str = ""
    """The property of the object that is sent to the person. Empty: the object as JSON."""
    repairs: Int = Field(default=2, ge=0, le=5)
    """How often the model is told what is wrong with its answer and asked again. What a rule can mend is mended
    before."""

    @model_validator(mode="after")
    def _schema_is_one(self) -> BotOutput:
        schema = dict(self.answer_schema)
        if schema.get("type") != "object":
            raise problem("the schema of an answer has `type: object`")
        if wrong := schema_problem(schema):
            raise problem(f"this is no JSON Schema: {wrong}")
        if self.say and self.say not in as_schema(schema.get("properties")):
            raise problem(f"`say` names the property `{self.say}`, which the schema does not have")
        return self


class Bot(Model, frozen=True):
    """One bot."""

    name: Name | None = None
    """What people call it; the key is used when absent."""
    description: str = ""
    """What it is for, for people and for the bots that delegate to it."""
    enabled: Bool = True
    """`false`: it answers nowhere."""
    model: ModelName = "demo/offline"
    """An alias of `models`, a tier (`fast`, `standard`, `strong`) or a LiteLLM name. Absent: the alias `default`, else
    `demo/offline`."""
    workspace: Slug = "default"
    """Where its tools come from."""
    prompt: str = ""
    """Its instructions. After loading, also the text of `prompt_file`."""
    prompt_file: ProjectPath | None = None
    """A text file with its instructions, relative to the file that names it."""
    welcome: str | None = None
    """Sent once, when a person writes for the first time."""
    examples: tuple[str, ...] = Field(default=(), max_length=12)
    """Messages worth trying; the page offers them before the first one."""
    fallback: str | None = None
    """Sent when a turn fails; a general sentence with the trace id when absent."""
    max_iterations: Int = Field(default=10, ge=1, le=200)
    """Most rounds of tool calls for one message."""
    max_output_tokens: Int = Field(default=8192, ge=1, le=1_000_000)
    """Most output tokens of one model call."""
    max_turn_tokens: Int | None = Field(default=None, ge=1)
    """Most tokens, in and out, of all model calls for one message. Empty: no limit."""
    max_turn_cost: Money | None = None
    """Most money the model calls for one message may cost. Empty: no limit."""
    timeout_s: Float = Field(default=30.0, gt=0, le=600)
    """Seconds one turn may work; waiting for people does not count."""
    history_messages: Int | None = Field(default=None, ge=0, le=10_000)
    """Messages of the conversation the model sees. Absent: `settings.sessions.window_messages`."""
    session_ttl_hours: Float | None = Field(default=None, gt=0, le=87_600)
    """Hours of silence after which a conversation begins anew. Absent: `settings.sessions.ttl_hours`."""
    spending_cap: Money | None = None
    """Most it may ever spend on models; then it answers with `fallback`."""
    temperature: Float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; the model's own when absent."""
    tools: ToolRules = ToolRules()
    """Which of its workspace's tools it may use."""
    tools_mode: ToolsMode | None = None
    """How it is shown them: `auto`, `full`, `compact` or `search`; as its workspace says when absent."""
    busy: Busy = "queue"
    """A message during a turn waits its turn, is merged into the next, or interrupts the running one."""
    while_waiting: WhileWaiting = "new_turn"
    """A message while a run waits for somebody starts a new turn, gets a notice, or waits too."""
    memory: Bool = False
    """Whether it keeps notes about people and conversations: those that matter are shown to it, facts that leave
    the history become notes, and it gets the tools `memory__remember`, `memory__recall` and `memory__forget`, for
    whoever it talks with."""
    context: Context = Context()
    """How the room in a model's input is shared out."""
    stream: Bool = True
    """Show the answer while it is written, where the platform can."""
    voice: SpeaksWhen = "never"
    """Answer by voice message too: `never`, `when_spoken_to`, or `always`. Needs `settings.speech.synthesis`; the text
    is always written."""
    locale: Language | None = None
    """Language of fixed sentences, as in `settings.locale`."""
    commands: Mapping[str, str] = {}
    """Commands of its own: name without slash → what the model is told when a person uses it."""
    guardrails: Guardrails = Guardrails()
    """What its texts are checked for."""
    output: BotOutput | None = None
    """Answer with an object that fits a schema, for programs that read it. Such a bot does not stream."""
    workflow: Slug | None = None
    """Answer by this workflow instead of the agent loop."""

    @model_validator(mode="after")
    def _commands_are_words(self) -> Bot:
        for name in self.commands:
            if not name.isascii() or not name.replace("_", "").isalnum() or name != name.lower() or len(name) > 32:
                raise problem("a command has at most 32 lower-case letters, digits and underscores, no slash")
            if name in _RESERVED:
                raise problem(f"/{name} belongs to botkit; choose another name")
        return self


_RESERVED = frozenset({"start", "help", "new", "reset", "stop", "status", "whoami", "link", "memory", "forget"})
