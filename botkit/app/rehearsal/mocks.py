"""The world of a rehearsal: tools, models, requests and small actions that answer as a case says."""

from __future__ import annotations

__all__ = [
    "Called",
    "CaseActions",
    "CaseHttp",
    "CaseModel",
    "CaseOutreach",
    "CaseTools",
    "Emitted",
    "Later",
    "tool_result",
]

import fnmatch
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, cast

from botkit.app.outreach import Plans
from botkit.app.rehearsal.functions import CaseFunctions
from botkit.app.rehearsal.memory import MemoryJournal
from botkit.core.clock import from_micros
from botkit.core.config import Config
from botkit.core.data import Data, encode, encode_text
from botkit.core.errors import BotkitError, ModelUnavailable
from botkit.core.events import Conversation
from botkit.core.journal import PutTimer, Run
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest, RequestedCall
from botkit.core.outbound import HttpReply, HttpRequest, HttpUnanswered, HttpUnsent
from botkit.core.outreach import Planned, Reach
from botkit.core.own_tools import READ_RESULT
from botkit.core.tags import clean_tags
from botkit.core.tools import CallRecord, Principal, Result, Tool, ToolCall, ToolEvent
from botkit.core.workflow_actions import EventFacts, Tagged, Told


class Called(Data, omit_defaults=False):
    """One call of a tool."""

    tool: str
    arguments: dict[str, Any] = {}
    ok: bool = True
    step: str = ""
    """Path of the step that made it."""


class Emitted(Data, omit_defaults=False):
    """One event of `emit_event`."""

    name: str
    data: Any = None


class Later(Data, omit_defaults=False):
    """One message for later."""

    key: str
    at: str
    """ISO 8601, UTC."""
    text: str = ""
    to: str = ""
    """Person or conversation key; empty in the conversation of the run."""
    cron: str = ""


class _Answers:
    """One answer, or a list of them, of which the last is for all further calls."""

    def __init__(self, given: Any):
        self._queue: deque[Any] = deque(cast("list[Any]", given) if isinstance(given, list) else [given])

    def next(self) -> Any:
        return self._queue.popleft() if len(self._queue) > 1 else self._queue[0] if self._queue else None


class CaseTools:
    """Implements `ToolPort`: the tools a case names, for everybody, and the functions of the project.

    Args:
        functions: are really called, but those that the case names.

    Attributes:
        called: what was called, in order.
        missing: tools that were wanted and that the case does not name.
    """

    def __init__(self, answers: Mapping[str, Any], functions: CaseFunctions | None = None):
        self._answers = {name: _Answers(given) for name, given in answers.items()}
        self._functions = functions
        self.called: list[Called] = []
        self.missing: list[str] = []
        self._given: dict[str, Result] = {}

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        return [_tool(name) for name in self._answers]

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return None if name == READ_RESULT else _tool(name)

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        if call.idempotency_key in self._given:  # a repeat of one request, after a crash
            yield self._given[call.idempotency_key]
            return
        answers = self._answers.get(call.tool)
        if answers is not None:
            result = tool_result(call, answers.next())
        elif self._functions is not None and call.tool in self._functions:
            result = await self._really(call, self._functions)
        else:
            self.missing.append(call.tool)
            result = tool_result(call, {"error": f"the case has no result for {call.tool}; add it under tools:"})
        if not result.is_error:
            self._given[call.idempotency_key] = result
        self.called.append(
            Called(tool=call.tool, arguments=call.arguments, ok=not result.is_error, step=call.step),
        )
        yield result

    async def _really(self, call: ToolCall, functions: CaseFunctions) -> Result:
        try:
            content = await functions.call(call.tool, call.arguments)
        except BotkitError as error:
            return tool_result(call, {"error": str(error)})
        return _result(call, content, is_error=bool(content.get("isError")))


def tool_result(call: ToolCall, given: Any) -> Result:
    """A result as a case writes it: a text, an object, `{error: …}`, or `{result: …}` for anything else."""
    is_error = isinstance(given, Mapping) and set(cast("Mapping[str, Any]", given)) == {"error"}
    value: Any = cast("Any", given)
    if isinstance(given, Mapping):
        held: dict[str, Any] = dict(cast("Mapping[str, Any]", given))
        value = held["error"] if is_error else held["result"] if set(held) == {"result"} else held
    text = value if isinstance(value, str) else encode_text(value)
    content: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": is_error}
    if isinstance(value, Mapping) and not is_error:
        content["structuredContent"] = dict(cast("Mapping[str, Any]", value))
    return _result(call, content, is_error=is_error)


def _result(call: ToolCall, content: dict[str, Any], *, is_error: bool) -> Result:
    record = CallRecord(
        id=call.id, at=0, workspace=call.workspace, tool=call.tool, status="error" if is_error else "ok"
    )
    return Result(content=content, record=record, is_error=is_error)


def _tool(name: str) -> Tool:
    server, _, upstream = name.partition("__")
    definition = {"name": name, "description": upstream.replace("_", " "), "inputSchema": {"type": "object"}}
    return Tool(
        name=name, server=server, upstream_name=upstream, definition=definition, tool_class="write", idempotent=True
    )


class CaseModel:
    """Implements `Model`: answers in the order of the calls.

    Attributes:
        asked: the last message of each request.
    """

    def __init__(self, answers: Sequence[Any]):
        self._answers = deque(answers)
        self.asked: list[str] = []

    @property
    def left(self) -> int:
        """Answers nobody asked for."""
        return len(self._answers)

    def window_tokens(self, model: str) -> int:
        return 128_000

    def escalation(self, model: str) -> Escalation | None:
        return None

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        last: Any = request.messages[-1].get("content") if request.messages else ""
        self.asked.append(last if isinstance(last, str) else encode_text(last))
        if not self._answers:
            raise ModelUnavailable(f"the case has no answer of a model left for: {self.asked[-1][:200]}")
        reply = _reply(self._answers.popleft(), request.model, len(self.asked))
        if reply.text:
            yield ModelDelta(text=reply.text)
        yield reply


def _reply(given: Any, model: str, number: int) -> ModelReply:
    if isinstance(given, str):
        return ModelReply(text=given, model=model)
    held: dict[str, Any] = dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else {}
    if "calls" not in held:
        return ModelReply(text=encode_text(cast("Any", given)), model=model)
    calls: list[RequestedCall] = []
    for index, wanted in enumerate(cast("list[Any]", held["calls"])):
        one: Mapping[str, Any] = {"tool": wanted} if isinstance(wanted, str) else wanted
        arguments = encode(one.get("arguments") or {}).decode()
        calls.append(RequestedCall(id=f"call_{number}_{index}", name=str(one["tool"]), arguments=arguments))
    return ModelReply(text=str(held.get("text") or ""), calls=tuple(calls), finish="tool_calls", model=model)


class CaseHttp:
    """Implements `HttpPort`.

    Attributes:
        sent: `METHOD address`, in order.
        missing: those that no answer fits.
    """

    def __init__(self, answers: Mapping[str, Any]):
        self._answers = {pattern: _Answers(given) for pattern, given in answers.items()}
        self.sent: list[str] = []
        self.missing: list[str] = []

    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        name = f"{request.method.upper()} {request.url}"
        self.sent.append(name)
        for pattern, answers in self._answers.items():
            if _fits(pattern, name) or _fits(pattern, request.url):
                return _http_reply(answers.next(), request.url)
        self.missing.append(name)
        raise HttpUnsent(f"the case has no answer for {name}; add it under http:", code="not_mocked")


def _fits(pattern: str, name: str) -> bool:
    literal = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(name, literal)


def _http_reply(given: Any, url: str) -> HttpReply:
    if not isinstance(given, Mapping):
        return HttpReply(status=200, body=str(given or "").encode(), url=url)
    held = cast("Mapping[str, Any]", given)
    if "unsent" in held:
        raise HttpUnsent(str(held["unsent"]))
    if "unanswered" in held:
        raise HttpUnanswered(str(held["unanswered"]))
    given_headers = cast("Mapping[str, Any]", held.get("headers") or {})
    headers = {name.lower(): str(value) for name, value in given_headers.items()}
    body = str(held.get("text") or "").encode()
    if "json" in held:
        body = encode(held["json"])
        headers.setdefault("content-type", "application/json")
    return HttpReply(status=int(held.get("status", 200)), headers=headers, body=body, url=url)


class CaseActions:
    """Implements `WorkflowActions`: keeps what is done, and does it to nobody.

    Args:
        tags: of the person of the run.

    Attributes:
        events: what was told, in order.
    """

    def __init__(self, person: str, tags: Iterable[str]):
        self._tags: dict[str, set[str]] = {person: set(tags)}
        self.events: list[Emitted] = []

    async def tag(self, run: Run, person_id: str, tags: Sequence[str], *, remove: bool) -> Tagged:
        given, before = clean_tags(tags), self._tags.get(person_id, set())
        self._tags[person_id] = before - set(given) if remove else before | set(given)
        return Tagged(tags=tuple(sorted(self._tags[person_id])), writes=())

    def tagged(self, person_id: str) -> None:
        return

    async def tell(self, run: Run, event: EventFacts) -> Told:
        self.events.append(Emitted(name=event.name, data=event.data))
        return Told(workflows=(), lanes=(), writes=())

    async def start(self, lanes: Sequence[str]) -> None:
        return


class CaseOutreach(Plans):
    """Implements `Outreach`: everybody can be written to, and nobody is."""

    def __init__(self, config: Config, journal: MemoryJournal):
        self._config = config
        self._journal = journal

    async def reach(self, person: str, *, bot: str, channel: str = "", to: str = "") -> Reach:
        place = Conversation.from_key(to) if to else Conversation(channel=channel or "sandbox", room=person)
        return Reach(status="open", person_id=person, conversation=place.key, channel=place.channel)

    async def with_role(self, role: str) -> Sequence[str]:
        return sorted(name for name in self._config.people if role in self._config.roles_of(name))

    def kick(self) -> None:
        return

    async def planned(self, id_: str) -> Planned | None:
        timer = self._journal.planned.get(id_)
        return None if timer is None else Planned(id=id_, at=timer.at, lane=timer.lane, event=timer.event)

    @property
    def later(self) -> list[Later]:
        """What is planned at the end, the next first."""
        found = sorted(self._journal.planned.values(), key=lambda timer: timer.at)
        return [_later(timer) for timer in found]


def _later(timer: PutTimer) -> Later:
    given: dict[str, Any] = (timer.event.signal or {})["input"]
    message: dict[str, Any] = given["message"]
    return Later(
        key=given["key"],
        at=from_micros(timer.at).isoformat(),
        text=message["text"],
        to=message["person"] or message["to"],
        cron=given["cron"],
    )
