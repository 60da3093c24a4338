"""`demo/offline`: a model without a network, a key or chance.

It reads the schemas of whatever tools it is given and the person's words, calls the tools that the words
ask for with arguments that fit, and reports what they returned. It has no knowledge of its own and says so.
"""

from __future__ import annotations

__all__ = ["DemoModel", "answer"]

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from botkit.agents.compaction import SUMMARY_INSTRUCTION
from botkit.agents.demo.memory import Conversation, Executed, read_conversation
from botkit.agents.demo.plan import Intent, needs_sentence, plan
from botkit.agents.demo.render import render_result
from botkit.agents.demo.structured import structured
from botkit.agents.demo.toolbox import Toolbox, ToolView
from botkit.agents.tokens import estimate_json_tokens, estimate_tokens
from botkit.agents.words import STOP_WORDS, words
from botkit.core.data import encode
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest, RequestedCall, Usage
from botkit.core.own_tools import KNOWLEDGE

NAME = "demo/offline"

_WINDOW_TOKENS = 200_000
_ROUNDS_LIMIT = 4
_PIECE = re.compile(r"\S+\s*|\s+")
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|hiya|howdy|moin|hallo|servus|good (?:morning|afternoon|evening|day)|greetings|yo)\b",
    re.IGNORECASE,
)
_THANKS = re.compile(r"^\W*(?:thanks?|thank you|thx|cheers|great|perfect|nice|cool|awesome|danke)\b", re.IGNORECASE)
_BYE = re.compile(r"^\W*(?:bye|goodbye|see you|good night|ciao|tschüss)\b", re.IGNORECASE)
_WHO = re.compile(
    r"\b(?:who|what) (?:are|r) (?:you|u)\b|\bare you (?:a|an|real|human|the|chatgpt|gpt|claude|gemini)\b|"
    r"\bwhat(?: kind of)? model\b|\bwhich (?:model|llm|ai)\b|\byour name\b",
    re.IGNORECASE,
)
_ABILITIES = re.compile(
    r"\bwhat (?:can|could|do) you (?:do|know|offer)\b|\bhow (?:can|do) you (?:help|work)\b|\bwhat (?:tools|commands)\b|"
    r"\b(?:list|show|which)(?: me)?(?: all)?(?: the| your)? tools\b|^\W*help\W*$",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?\s*$|^\W*(?:what|when|where|which|who|whom|whose|why|how)\b", re.IGNORECASE)
_KNOWLEDGE = f"{KNOWLEDGE}__search"
_CLOCK = re.compile(
    r"\bwhat(?:'s| is) the (?:date|time|day)\b|\bwhat (?:day|date|time) is it\b|\btoday'?s date\b", re.IGNORECASE
)
_SELF = (
    "I am the **demo model** of botkit (`demo/offline`). I run without a network or a key: I match your words to the "
    "tools I have been given and call them for real, but I have no knowledge of my own."
)


class DemoModel:
    """Fills the model port with `answer`. Same request, same reply."""

    def window_tokens(self, model: str) -> int:
        return _WINDOW_TOKENS

    def escalation(self, model: str) -> Escalation | None:
        return None

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        reply = answer(request)
        for piece in _PIECE.findall(reply.text):
            yield ModelDelta(text=piece)
        yield reply


def answer(request: ModelRequest) -> ModelReply:
    """The reply to a request. Pure."""
    talk = read_conversation(request.messages)
    if talk.system.startswith(SUMMARY_INSTRUCTION[:40]):
        return _reply(request, "")  # facts are lifted out by rule anyway; there is nothing to add
    if request.response_schema is not None:
        asked = next((str(one.get("content")) for one in reversed(request.messages) if one["role"] == "user"), "")
        return _reply(request, encode(structured(request.response_schema, asked)).decode())
    box = Toolbox(request.tools)
    if request.tool_choice == "none":
        return _reply(request, _report(talk, box, []) if talk.round else _about(talk, box))
    intents = plan(talk, box)
    calls = _due(intents, talk) if _rounds(talk, request) < _ROUNDS_LIMIT else []
    if calls:
        return _reply(request, "", calls)
    if talk.round or any(intent.missing for intent in intents):
        return _reply(request, _report(talk, box, intents))
    if said := _small_talk(talk, box):
        return _reply(request, said)
    if look_up := _look_up(talk, box):
        return _reply(request, "", [look_up])
    return _reply(request, f"None of my tools fits that. {_about(talk, box)}")


def _reply(request: ModelRequest, text: str, calls: Sequence[tuple[str, dict[str, Any]]] = ()) -> ModelReply:
    number = sum(message["role"] == "assistant" for message in request.messages)
    requested = tuple(
        RequestedCall(id=f"demo_{number}_{index}", name=name, arguments=encode(arguments).decode())
        for index, (name, arguments) in enumerate(calls)
    )
    read = sum(map(estimate_json_tokens, request.messages)) + sum(map(estimate_json_tokens, request.tools))
    written = estimate_tokens(text) + sum(estimate_json_tokens(msgspec.to_builtins(call)) for call in requested)
    return ModelReply(
        text=text,
        calls=requested,
        usage=Usage(input_tokens=read, output_tokens=written, estimated=True),
        model=NAME,
        finish="tool_calls" if requested else "stop",
    )


def _rounds(talk: Conversation, request: ModelRequest) -> int:
    """Rounds of tool calls already made for this message."""
    count = 0
    for message in reversed(request.messages):
        if message["role"] == "user" and str(message.get("content")).endswith(talk.text + talk.rest):
            break
        count += bool(message.get("tool_calls"))
    return count


def _due(intents: Sequence[Intent], talk: Conversation) -> list[tuple[str, dict[str, Any]]]:
    """Calls that are planned and were not made yet. A call that was made is never repeated."""
    made = [(call.tool, call.arguments) for call in talk.round]
    due: list[tuple[str, dict[str, Any]]] = []
    for intent in intents:
        look_up = intent.first
        wanted = intent if intent.calls or look_up is None else look_up
        due += [(wanted.tool.name, call) for call in wanted.calls if (wanted.tool.name, call) not in made]
    return due


def _report(talk: Conversation, box: Toolbox, intents: Sequence[Intent]) -> str:
    """What the tools returned, then what is still needed."""
    shown = [call for call in talk.round if not _only_a_look_up(call, talk, intents)]
    sections = [render_result(call, box.named(call.tool)) for call in shown]
    sections += [needs_sentence(intent) for intent in intents if intent.missing]
    return "\n\n".join(sections) or _about(talk, box)


def _only_a_look_up(call: Executed, talk: Conversation, intents: Sequence[Intent]) -> bool:
    """A look-up that led to the real thing need not be shown as well."""
    changed = any(other.ok and other is not call and other.tool != call.tool for other in talk.round)
    planned = {intent.tool.name for intent in intents}
    return changed and bool(planned) and call.tool not in planned


def _small_talk(talk: Conversation, box: Toolbox) -> str:
    """An answer without tools; empty when there is none."""
    text = talk.text
    if _ABILITIES.search(text) or _WHO.search(text):
        return _about(talk, box)
    if _CLOCK.search(text):
        return f"Today is {talk.today:%A}, {talk.today.day} {talk.today:%B %Y} ({talk.zone})."
    small = len([word for word in words(text) if word not in STOP_WORDS]) <= 2
    name = f", {talk.person}" if talk.person else ""
    if _GREETING.search(text) and small:
        return f"Hello{name}! {_offer(box)}"
    if _THANKS.search(text) and small:
        return f"You are welcome{name}."
    if _BYE.search(text) and small:
        return f"Goodbye{name}!"
    return ""


def _look_up(talk: Conversation, box: Toolbox) -> tuple[str, dict[str, Any]] | None:
    """A question that no tool is made for is looked up in the knowledge, where there is some."""
    if not _QUESTION.search(talk.text):
        return None
    return next(((tool.name, {"query": talk.text}) for tool in box.tools if tool.name == _KNOWLEDGE), None)


def _offer(box: Toolbox) -> str:
    """What to try first, in one sentence."""
    examples = _examples(box)
    if not examples:
        return "I am the demo model (`demo/offline`) and have no tools here yet."
    return f"I am the demo model (`demo/offline`). Try “{examples[0]}”, or ask what I can do."


def _about(talk: Conversation, box: Toolbox) -> str:
    if not box.tools:
        return f"{_SELF}\n\nNo tools are connected here: drop a server into `workspace/servers/` to give me some."
    lines = [f"- `{tool.name}` – {tool.summary or tool.label}" for tool in box.tools[:25]]
    more = [f"- … and {len(box.tools) - 25} more"] if len(box.tools) > 25 else []
    examples = [f"- “{example}”" for example in _examples(box)[:4]]
    tools = "\n".join([*lines, *more])
    return "\n\n".join([_SELF, f"I can use:\n\n{tools}", *(["Try:\n\n" + "\n".join(examples)] if examples else [])])


def _examples(box: Toolbox) -> list[str]:
    """Messages that would work, made from the schemas: of each server one that names something, then more."""
    harmless = [tool for tool in box.tools if tool.action == "read"] or box.tools
    by_server: dict[str, list[str]] = {}
    for tool in sorted(harmless, key=lambda tool: len(tool.required) != 1):
        example = _example(tool)
        if example:
            by_server.setdefault(tool.server, []).append(example)
    return [examples[rank] for rank in range(4) for examples in by_server.values() if rank < len(examples)]


def _example(tool: ToolView) -> str:
    """`get order A-1001`, or nothing when the schema gives no example for a required parameter."""
    values: list[str] = []
    for parameter in tool.required:
        given = next(iter(parameter.facet("examples") or ()), None)
        if given is None:
            given = parameter.options[0] if parameter.options else parameter.facet("default")
        if given is None:
            return ""
        values.append(str(given))
    clear = values or set(tool.label.split()) - {"list", "get", "search", "fetch"}
    subject = tool.label if clear else f"{tool.label} {tool.server}"
    return " ".join([subject, *values])
