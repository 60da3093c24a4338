"""Say something later, once or again and again."""

from __future__ import annotations

__all__ = ["ScheduleMessage"]

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypedDict

from botkit.core.errors import InvalidArguments
from botkit.core.journal import DropTimer
from botkit.core.outreach import Later
from botkit.runs.context import StepScope
from botkit.sdk.nodes import NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._outreach import OutreachFields, outreach_of
from botkit.workflows.nodes._times import duration_s, moment, zone_of

_LONGEST = timedelta(days=3660)
_WHEN = ("delay", "at", "cron")


class ScheduledOutput(TypedDict):
    """The message that waits."""

    key: str
    """Its name: a node with `cancel` takes it back."""
    due: str
    """When it is said (next): ISO 8601, UTC; empty when it is cancelled or over."""
    cancelled: bool
    """Whether there was one to take back."""


@node("schedule_message")
class ScheduleMessage(OutreachFields):
    """Say something later: after a while, at a time, or again and again. The run goes on at once.

    The message is a row that costs nothing until its time comes, also when nothing runs then: it is said once, late.
    It goes to the person and conversation of the run unless another is named, by the rules of `send_proactive`.
    """

    category = "people"
    handles: ClassVar[Mapping[str, str]] = {"default": "it is planned, or taken back", "over": "it comes no more"}
    output: ClassVar[Any] = ScheduledOutput

    delay: str = ""
    """After so long, such as `15m`, `2h 30m`, `3d`."""
    at: str = ""
    """At this time: ISO 8601, such as `2026-12-24T18:00`."""
    cron: str = ""
    """Again and again, such as `0 9 * * mon`: minute, hour, day, month, weekday."""
    timezone: str = ""
    """Where these times are meant; the person's zone when empty."""
    until: str = ""
    """With `cron`: the last moment it may be said, ISO 8601."""
    key: str = ""
    """Its name among the messages of the bot, for taking it back; the same name again replaces it."""
    cancel: bool = False
    """Take the message of this `key` back."""
    again: bool = False
    """Plan the next time of a message that is being said now."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Exactly one time; a key where one is needed."""
        if data.get("cancel"):
            return [] if data.get("key") else [("key", "say which message to take back")]
        found = super().check(data)
        if sum(bool(data.get(name)) for name in _WHEN) != 1:
            found.append(("delay", "a scheduled message has exactly one of delay, at and cron"))
        if data.get("until") and not data.get("cron"):
            found.append(("until", "only what comes again has an end"))
        return found

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        output = await ctx.scoped("cancel" if self.cancel else "plan", lambda scope: self._do(ctx, scope))
        outreach_of(ctx).kick()
        return Outcome("over" if self.again and not output["due"] else "default", output)

    async def _do(self, ctx: NodeRun, scope: StepScope) -> ScheduledOutput:
        outreach, run = outreach_of(ctx), ctx.ctx.run
        key = self.key or f"{run.id}/{ctx.path}"
        try:
            if self.cancel:
                id_ = outreach.timer_id(run, key)
                waiting = await outreach.planned(id_) is not None
                scope.write(DropTimer(id=id_))
                return {"key": key, "due": "", "cancelled": waiting}
            due = self._due(ctx)
            if due is None:
                return {"key": key, "due": "", "cancelled": False}
            later = Later(
                key=key,
                at=due,
                message=self._said(ctx),
                cron=self.cron,
                timezone=self._zone(ctx),
                until=self.until,
            )
            scope.write(outreach.timer(run, later))
        except InvalidArguments as error:
            raise NodeFailed(str(error), code="invalid_time") from error
        return {"key": key, "due": due.isoformat(), "cancelled": False}

    def _zone(self, ctx: NodeRun) -> str:
        return self.timezone or ctx.run.timezone

    def _due(self, ctx: NodeRun) -> datetime | None:
        """When it is said next; None when its repetition is over."""
        now, zone = ctx.now(), zone_of(self._zone(ctx))
        if self.cron:
            due = outreach_of(ctx).next_time(self.cron, self._zone(ctx), now)
            if self.until and due > moment(self.until, zone):
                return None
            return due
        due = moment(self.at, zone) if self.at else now + timedelta(seconds=min(duration_s(self.delay), 1e10))
        if due - now > _LONGEST:
            raise NodeFailed("a message can wait for ten years at most", code="invalid_time")
        return max(due, now)

    def _said(self, ctx: NodeRun) -> dict[str, Any]:
        """The fields of `send_proactive`. Raises `NodeFailed` for a message that could never be sent."""
        self.message()
        run = ctx.ctx.run
        to, person = self.to, self.person
        if not to and not person and not self.again:
            nobody = run.channel.startswith("@") or not run.conversation
            to = "" if nobody else run.conversation
            person = run.person_id if run.conversation_kind == "dm" and not nobody else ""
            if not to:
                raise NodeFailed("nobody talks in this run: say to whom", code="no_conversation")
        return {
            "text": self.text,
            "buttons": self.buttons,
            "cards": self.cards,
            "template": self.template,
            "person": person,
            "to": to,
            "channel": self.channel,
            "bot": self.bot or run.bot,
        }
