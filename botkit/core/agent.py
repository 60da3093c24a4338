"""What the engine asks of an agent, and what comes back."""

from __future__ import annotations

__all__ = ["AgentOutcome", "AgentTask", "AgentWords", "ContextShares", "ReplySink", "TokenBreakdown", "ToolTrace"]

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.events import Attachment
from botkit.core.journal import TranscriptRow
from botkit.core.models import Usage
from botkit.core.notes import NoteKey, PutNote
from botkit.core.screening import Guards
from botkit.core.teams import Colleague
from botkit.core.tools import Principal


class ReplySink(Protocol):
    """Where the visible answer goes while it is being written. Ephemeral; the final text is the outcome's."""

    async def write(self, text: str) -> None:
        """A new piece."""
        ...

    async def restart(self) -> None:
        """What was written so far is void (a fallback model starts over, or the text was only a preamble
        to tool calls)."""
        ...


class AgentWords(Data):
    """What an agent says to people that no model wrote; in English unless somebody translates it. Placeholders in
    braces are filled by `str.format`."""

    model_filtered: str = "The model provider's filter stopped the answer."
    model_empty: str = "I have no answer to that. Please ask again in other words."
    model_busy: str = "The model is overloaded right now. Please try again in a minute."
    model_refused: str = (
        "I cannot answer right now: the model refused the request. The operator can see why in the log."
    )
    model_unreachable: str = "I cannot reach the model right now. Please try again in a moment."
    answer_cut: str = "(My answer reached its length limit here. Ask me to go on.)"
    not_read: str = "(I could not look into: {files}.)"
    """{files}: names of what was attached."""
    limit_reached: str = "I had to stop here: {why}.{so_far} Write again if I should go on."
    """{why}: one of the next; {so_far}: the one after them, or nothing."""
    limit_tokens: str = "this took {used} tokens and the limit for one message is {limit}"
    limit_cost: str = "the money limit for one message ({limit} ¢) is used up"
    limit_time: str = "the time limit for one message ({limit} s) is used up"
    limit_one_round: str = "I may use tools for 1 round per message and used it"
    limit_rounds: str = "I may use tools for {limit} rounds per message and used them all"
    limit_repeats: str = "the same call of {tool} was made over and over"
    used_so_far: str = " So far I used {tools}."
    """With a blank before it."""
    tool_failed: str = "failed"
    """Behind the name of a tool, in brackets."""


class ContextShares(Data):
    """What each part of the input may take at most, as a share of the room there is for all of them (SPEC §2).

    The instructions and the current message come first and the history gets what the others leave, a quarter at least.
    """

    tool_definitions: float = 0.25
    """Beyond, definitions are shown in short, and then by search."""
    memory: float = 0.1
    """Notes; the most relevant come first."""
    summary: float = 0.2
    """Of what came before the history."""
    tool_results: float = 0.35
    """Results of this turn; beyond, older ones shrink to a reference."""


class AgentTask(Data):
    """One turn, with everything decided: only the model and the tools remain to be asked."""

    bot: str
    prompt: str
    """The bot's system prompt."""
    model: str
    """Alias or LiteLLM name."""
    model_params: dict[str, Any] = {}
    temperature: float | None = None
    workspace: str
    principal: Principal
    text: str
    """What the person wrote; several messages of a burst joined by blank lines."""
    attachments: tuple[Attachment, ...] = ()
    history: tuple[TranscriptRow, ...] = ()
    """Oldest first, without the current message."""
    summary: str = ""
    """Facts and gist of what came before `history`."""
    person_name: str = ""
    now: datetime
    """Journaled at run start, so a replay reads the same clock."""
    timezone: str = "UTC"
    locale: str = ""
    words: AgentWords = AgentWords()
    """What it says itself, in the language of the person."""
    note: str = ""
    """What else the model should know: pending approvals, that messages are late."""
    max_iterations: int = 10
    """Tool-calling rounds."""
    max_output_tokens: int = 8192
    """Per model call."""
    max_turn_tokens: int = 0
    """Input and output of all model calls of the turn; 0: no limit."""
    max_cost_micros: int = 0
    """0: no limit."""
    timeout_s: float = 30.0
    """Of working time; waiting for people does not count."""
    max_context_tokens: int = 0
    """History beyond this is summarised first; 0: by the model's window."""
    shares: ContextShares = ContextShares()
    notes: tuple[NoteKey, ...] = ()
    """Whose notes it keeps in mind; the first is where what is said here is kept. Empty: it keeps none."""
    history_limit: int = 0
    """Rows of the history that the next turn reads at most; 0: it does not matter."""
    stream: bool = True
    output_schema: dict[str, Any] | None = None
    """JSON Schema its answer must fit; what fits is `AgentOutcome.output["data"]`."""
    output_say: str = ""
    """The property of the answer that the person reads; the whole object as JSON when empty."""
    output_repairs: int = 2
    """Times the model is told what is wrong with its answer and asked again."""
    guards: Guards = Guards()
    """What tools return and what is answered are checked for."""
    says_unread: bool = False
    """Tell the person below the answer which of their files nobody could look into."""
    colleagues: tuple[Colleague, ...] = ()
    """Other members of its team: it may ask them, or hand over to them."""
    max_hops: int = 3
    """Bots that may ask one another for one message, this one included in none."""


class TokenBreakdown(Data, rename="camel"):
    """Estimated split of the input tokens, and the output, summed over all model calls of the turn (SPEC §2)."""

    system_prompt: int = 0
    tool_definitions: int = 0
    memory: int = 0
    summary: int = 0
    conversation_history: int = 0
    current_message: int = 0
    tool_results: int = 0
    llm_output: int = 0
    total: int = 0


class ToolTrace(Data, rename="camel", omit_defaults=False):
    """One tool call of the turn as shown to developers."""

    tool_name: str
    arguments: Mapping[str, Any]
    result: str
    """Text of the result, redacted."""
    latency_ms: float
    success: bool


class AgentOutcome(Data):
    state: Literal["completed", "limit_reached", "failed"] = "completed"
    text: str
    """The reply; only a workflow may leave it empty, when its nodes said all there is to say."""
    rows: tuple[TranscriptRow, ...] = ()
    """What to add to the session: assistant and tool entries. `seq` is 0."""
    usage: Usage = Usage()
    breakdown: TokenBreakdown = TokenBreakdown()
    calls: tuple[ToolTrace, ...] = ()
    iterations: int = 0
    model: str = ""
    error: dict[str, Any] | None = None
    """`{"code", "message"}` when the turn did not end as wished."""
    output: dict[str, Any] = {}
    """More to keep in `Run.output`."""
    worked_ms: float = 0.0
    """Working time: model calls and the slowest tool of each round."""
    hand_over: str = ""
    """The colleague that shall answer in its place; `text` is what that one should know."""
    taint: tuple[str, ...] = ()
    """Where what it read came from, as far as others may have written it (`botkit.core.taint`)."""
    summary: str = ""
    """A new session summary, when history was compacted."""
    summary_seq: int = 0
    """It covers rows up to this seq."""
    notes: tuple[PutNote, ...] = ()
    """What to keep in mind of what leaves the history with this turn."""
