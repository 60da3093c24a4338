"""One try of a case: a conversation on the stage, turn by turn, and what was seen of each."""

from __future__ import annotations

__all__ = ["STRANGER", "VISITOR", "Performer", "Seen", "TurnSeen"]

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from botkit.app.evals.asking import next_message
from botkit.app.evals.stage import CalledTool, ModelUse, Stage, StagePlatforms, Try
from botkit.app.names import SANDBOX
from botkit.app.operations.chat import ChatOperations
from botkit.app.report import TurnReport, report_of
from botkit.core.data import Data
from botkit.core.errors import BotkitError, NotFound
from botkit.core.evals import Case, Turn
from botkit.core.events import Event
from botkit.core.ids import new_id
from botkit.core.live import LiveEvent
from botkit.core.messages import Part
from botkit.core.models import Usage

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_TURN_S = 300.0
"""How long one turn may take before the try is given up."""
_WELCOME = "welcome/"
VISITOR = "Visitor"
"""Name of a person that bots.yaml does not know."""
STRANGER = "evaluated-stranger"
"""A role nobody has rights by: the sandbox takes those who are guests and nothing else for members."""


class TurnSeen(Data, omit_defaults=False):
    """What came of one turn."""

    said: str
    """What the person did: their words, or `[approve]` and the like."""
    reply: str = ""
    calls: tuple[CalledTool, ...] = ()
    member: str = ""
    """Of the team: who answered."""
    state: str = ""
    waits_for: str = ""
    output: Any = None
    """Of the run, where it has one."""
    answer: str = ""
    """What the journal keeps as the answer of the run: without questions and notices on the way."""
    usage: Usage = Usage()
    model_calls: int = 0
    model_ms: float = 0.0
    error: dict[str, Any] | None = None
    run_id: str = ""

    @property
    def steps(self) -> int:
        """Model calls and tool calls."""
        return self.model_calls + len(self.calls)


class Seen(Data, omit_defaults=False):
    """What came of the whole conversation."""

    turns: tuple[TurnSeen, ...] = ()
    reached: bool | None = None
    """Whether the played person got what they wanted; None: nobody was played."""
    error: str = ""
    """Why the conversation could not go on."""

    def whole(self) -> TurnSeen:
        """The turns as one: texts joined, calls and costs summed, the end of the last."""
        if not self.turns:
            return TurnSeen(said="")
        last, usage = self.turns[-1], Usage()
        for turn in self.turns:
            usage += turn.usage
        return msgspec.structs.replace(
            last,
            said="\n".join(turn.said for turn in self.turns),
            reply="\n\n".join(turn.reply for turn in self.turns if turn.reply),
            calls=tuple(call for turn in self.turns for call in turn.calls),
            member=next((turn.member for turn in reversed(self.turns) if turn.member), ""),
            output=next((turn.output for turn in reversed(self.turns) if turn.output is not None), None),
            usage=usage,
            model_calls=sum(turn.model_calls for turn in self.turns),
            model_ms=sum(turn.model_ms for turn in self.turns),
        )


class Performer:
    """Plays one try.

    Args:
        bot: a bot, a team, or `@WORKFLOW`.
        sender: platform id of the person in the sandbox.
        judge: the model that plays a person when the case names none.
        name: of a sender that bots.yaml does not know.
    """

    def __init__(
        self,
        instance: Instance,
        stage: Stage,
        platforms: StagePlatforms,
        one: Try,
        case: Case,
        *,
        bot: str,
        sender: str,
        judge: str,
        name: str = VISITOR,
    ):
        self._name = name
        self._instance = instance
        self._stage = stage
        self._platforms = platforms
        self._try = one
        self._case = case
        self._bot = bot
        self._sender = sender
        self._judge = judge
        self._chat = ChatOperations(instance)
        self._room = one.room
        self._parts: dict[str, Part] = {}
        self._waits: list[dict[str, Any]] = []

    async def run(self) -> Seen:
        """The whole conversation, or as far as it went."""
        turns: list[TurnSeen] = []
        reached: bool | None = None
        try:
            for turn in self._case.turns:
                turns.append(await self.turn(turn))  # noqa: PERF401 - what came before a failure counts
            if self._case.simulate is not None:
                reached = await self._played(turns)
        except BotkitError as error:
            return Seen(turns=tuple(turns), reached=reached, error=str(error))
        return Seen(turns=tuple(turns), reached=reached)

    async def _played(self, turns: list[TurnSeen]) -> bool:
        wanted = self._case.simulate
        assert wanted is not None, "only called where a person is played"
        for number in range(wanted.turns + 1):
            said = [pair for turn in turns for pair in (("you", turn.said), ("bot", turn.reply))]
            played = await next_message(
                self._stage, self._try, self._instance.clock, wanted, model=self._judge, said=said
            )
            if not played.message or number == wanted.turns:
                return played.reached
            turns.append(await self.turn(Turn(say=played.message)))
        return False

    # ── one turn ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def waits_for_call(self) -> tuple[str, dict[str, Any]] | None:
        """The call that waits for approval: its tool and arguments."""
        payload: dict[str, Any] = self._waits[0]["payload"] if self._waits else {}
        return (str(payload["tool"]), dict(payload["arguments"])) if "tool" in payload else None

    async def turn(self, turn: Turn) -> TurnSeen:
        """Do one thing and see what comes of it.

        Raises:
            BotkitError: the conversation cannot go on.
        """
        called, asked = len(self._try.calls), len(self._try.models)
        try:
            async with asyncio.timeout(_TURN_S):
                events = await self._act(turn)
        except TimeoutError:
            raise BotkitError(f"the bot did not end its turn within {_TURN_S:g} seconds") from None
        report = report_of(events)
        self._waits = [wait for wait in report.waits if wait["kind"] == "approval"]
        return await self._seen(turn, events, report, self._try.calls[called:], self._try.models[asked:])

    async def _act(self, turn: Turn) -> list[LiveEvent]:
        if turn.approve or turn.decline:
            if not self._waits:
                raise NotFound("nothing waits for approval here")
            wait = str(self._waits.pop(0)["wait_id"])
            return await self._decided(wait, turn)
        what: dict[str, Any] = {"text": turn.say or ""}
        if turn.fill is not None:
            what = {"text": "\n".join(f"{name}: {_plain(value)}" for name, value in turn.fill.items())}
        run = ""
        if turn.press is not None:
            part, value = self._button(turn.press)
            what, run = {"press": value, "message_id": part.message_id or part.id}, part.run_id
        event = self._event(what)
        if turn.files:
            files = tuple(self._platforms.attachment(path) for path in turn.files)
            event = msgspec.structs.replace(event, attachments=files)
        return [one async for one in self._chat.follow(event, run=run)]

    async def _decided(self, wait: str, turn: Turn) -> list[LiveEvent]:
        deciding = self._chat.decide(
            room=self._room, wait=wait, approved=bool(turn.approve), by=turn.by, comment=turn.comment
        )
        return [one async for one in deciding]

    def _event(self, what: dict[str, Any]) -> Event:
        declared = self._instance.configs.current.people.get(self._sender)
        name = (declared.name if declared is not None else "") or self._name
        given = {"id": new_id("msg"), "room": self._room, "person": self._sender, "name": name, "bot": self._bot}
        (event,) = self._instance.channels.renderer(SANDBOX).parse({**given, **what})
        return event

    def _button(self, wanted: str) -> tuple[Part, str]:
        """The newest button, or option of a menu, of that label or value."""
        labels: list[str] = []
        for part in reversed(self._parts.values()):
            for label, value in _pressable(part):
                if wanted in (label, value):
                    return part, value
                labels.append(label)
        there = f"there is: {', '.join(labels)}" if labels else "there is none"
        raise NotFound(f"no button is called “{wanted}”; {there}")

    # ── what came of it ──────────────────────────────────────────────────────────────────────────────────

    async def _seen(
        self,
        turn: Turn,
        events: Sequence[LiveEvent],
        report: TurnReport,
        calls: Sequence[CalledTool],
        models: Sequence[ModelUse],
    ) -> TurnSeen:
        trace = await self._instance.store.records.trace(report.run_id) if report.run_id else None
        output: dict[str, Any] = {}
        reply = report.response
        if trace is not None:
            output = trace.run.run.output or {}
            reply = self._new_text(trace.parts) or reply
        routed = [str(event.data.get("member") or "") for event in events if event.kind == "route"]
        usage = Usage()
        for one in models:
            usage += one.usage
        return TurnSeen(
            said=_said(turn),
            reply=reply,
            calls=tuple(calls),
            member=str(output.get("member") or (routed[-1] if routed else "")),
            state=report.status,
            waits_for=report.waiting_for,
            output=output.get("output"),
            answer=str(output.get("text") or ""),
            usage=usage,
            model_calls=len(models),
            model_ms=sum(one.latency_ms for one in models),
            error=report.error,
            run_id=report.run_id,
        )

    def _new_text(self, parts: Sequence[Part]) -> str:
        """What was said here since the last turn; a greeting at the first contact is not of the turn."""
        new = [part for part in parts if part.id not in self._parts and part.conversation.key == self._try.key]
        self._parts |= {part.id: part for part in new}
        return "\n\n".join(part.text for part in new if part.text and not part.id.startswith(_WELCOME))


def _pressable(part: Part) -> list[tuple[str, str]]:
    """(label, value) of what can be pressed or chosen in a message."""
    rich: dict[str, Any] = part.payload.get("rich") or {}
    rows = cast("list[list[dict[str, str]]]", part.payload.get("buttons") or [])
    selects = cast("list[dict[str, Any]]", rich.get("selects") or [])
    found = [*(button for row in rows for button in row), *(one for menu in selects for one in menu["options"])]
    return [(one["label"], one["value"]) for one in found]


def _said(turn: Turn) -> str:
    if turn.approve or turn.decline:
        return "[approve]" if turn.approve else "[decline]"
    if turn.press is not None:
        return f"[{turn.press}]"
    if turn.fill is not None:
        return "\n".join(f"{name}: {_plain(value)}" for name, value in turn.fill.items())
    files = "".join(f" [{path}]" for path in turn.files)
    return f"{turn.say or ''}{files}".strip()


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in cast("list[object]", value))
    return str(value)
