"""Write to people who did not just write."""

from __future__ import annotations

__all__ = ["SendProactive"]

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from botkit.core.outreach import Reach
from botkit.runs.context import StepScope
from botkit.sdk.nodes import Outcome, Signal, Wait, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._outreach import OutreachFields, outreach_of

_MINUTE_S = 60.0
_FAILURES = ("opted_out", "window_closed", "unreachable")


class ProactiveOutput(TypedDict):
    """Who was written to."""

    delivered: int
    """Messages on their way."""
    people: dict[str, str]
    """By person: `delivered`, `opted_out`, `window_closed` or `unreachable`."""
    message_id: str
    """Of the only message; empty for several."""


@node("send_proactive")
class SendProactive(OutreachFields):
    """Write to a person, to everybody with a role, to a list of people, or to a room.

    Whoever said that they want no such messages (`/stop messages`) gets none, ever. People are written to in private,
    where they wrote last, or where the platform lets a bot begin. Where a platform takes only approved templates by
    now, `template` is sent, or the edge `window_closed` taken. Several people are written to at a pace, one message
    each, however often the process dies meanwhile.
    """

    category = "people"
    handles: ClassVar[Mapping[str, str]] = {
        "delivered": "the message is on its way, to one person at least",
        "opted_out": "they want no messages",
        "window_closed": "they wrote too long ago, and there is no template",
        "unreachable": "nobody to write to, or no way to them",
    }
    output: ClassVar[Any] = ProactiveOutput

    people: list[str] = Field(default=[], max_length=10_000)
    """Several people, as `person`."""
    role: str = ""
    """Everybody who has this role."""
    per_minute: int = Field(default=30, ge=1, le=1000)
    """Most messages a minute on one channel."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """One kind of address."""
        given = [name for name in ("person", "people", "role") if data.get(name)]
        found = super().check(data)
        if len(given) > 1:
            found.append((given[1], "say once to whom: by person, people or role"))
        if not given and not data.get("to"):
            found.append(("person", "say to whom: person, people, role, or to"))
        return found

    async def run(self, ctx: NodeRun) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        if self.to and not self.person and not self.people and not self.role:
            message_id = await ctx.say("message", self.message(), to=self.to)
            return Outcome("delivered", _output({}, 1, message_id))
        people = await ctx.scoped("people", lambda _: self._people(ctx), kind=list[str])
        return await self._write(ctx, people, 0, {})

    async def resume(self, ctx: NodeRun, signal: Signal) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        state = signal.state
        return await self._write(ctx, list(state["people"]), int(state["next"]), dict(state["done"]))

    async def _people(self, ctx: NodeRun) -> list[str]:
        if self.role:
            return list(await outreach_of(ctx).with_role(self.role))
        return list(dict.fromkeys([self.person] if self.person else self.people))

    async def _write(self, ctx: NodeRun, people: list[str], begin: int, done: dict[str, str]) -> Outcome | Wait:
        """Go on with the people from this number; pause when a channel had its share of this minute."""
        sent: Counter[str] = Counter()
        message_id = ""
        for number, person in enumerate(people[begin:], begin):
            found = await self._reach(ctx, f"reach/{begin}/{number}", person)
            if found.status == "open" or (found.status == "window_closed" and self.template is not None):
                if sent[found.channel] >= self.per_minute:
                    return Wait.timer(_MINUTE_S, people=people, next=number, done=done)
                message = self.message(template=found.status == "window_closed")
                message_id = await ctx.say(f"to/{number}", message, to=found.conversation)
                sent[found.channel] += 1
                done[person] = "delivered"
            else:
                done[person] = found.status
        delivered = sum(status == "delivered" for status in done.values())
        if delivered:
            return Outcome("delivered", _output(done, delivered, message_id if len(people) == 1 else ""))
        reasons = Counter(done.values())
        worst = max(_FAILURES, key=lambda status: (reasons[status], status == "unreachable"))
        return Outcome(worst, _output(done, 0, ""))

    async def _reach(self, ctx: NodeRun, step: str, person: str) -> Reach:
        bot = self.bot or ctx.run.bot

        async def look(_: StepScope) -> Reach:
            return await outreach_of(ctx).reach(
                person, bot=bot, channel=self.channel, to=self.to if self.person else ""
            )

        # looked at anew after a pause: somebody may have opted out meanwhile
        return await ctx.scoped(step, look, kind=Reach)


def _output(people: dict[str, str], delivered: int, message_id: str) -> ProactiveOutput:
    return {"delivered": delivered, "people": people, "message_id": message_id}
