"""Small things: end, reset, tag, remember, notify, emit."""

from __future__ import annotations

__all__ = ["Action"]

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from botkit.core.clock import to_micros
from botkit.core.journal import EndSession
from botkit.core.workflow_actions import EVENT_NAME, EVENT_PATTERN, EventFacts, WorkflowActions
from botkit.runs.context import StepScope
from botkit.sdk.nodes import ChannelName, Node, NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._messages import check_place, message_of, place_of
from botkit.workflows.nodes._notes import forget, keep, notes_of

Kind = Literal[
    "end", "reset_conversation", "tag_user", "untag_user", "set_memory", "forget_memory", "notify", "emit_event"
]
_NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "tag_user": (("tags",),),
    "untag_user": (("tags",),),
    "set_memory": (("name",), ("value",)),
    "forget_memory": (("name",),),
    "notify": (("text",), ("to", "channel")),
    "emit_event": (("name",),),
}


@node("action")
class Action(Node):
    """Do one small thing.

    * `end`: end the whole run here, with `value` as its output.
    * `reset_conversation`: forget what was said, as `/reset` does.
    * `tag_user`, `untag_user`: add or take `tags` of the person. They are there in later runs too, as `user.tags`.
    * `set_memory`, `forget_memory`: keep `value` under `name`, or forget it, for the person or the conversation.
    * `notify`: say `text` elsewhere: to a conversation, or a room of a channel.
    * `emit_event`: start every workflow with a trigger `kind: event` of this `name`, once, with `value` as
      `trigger.body`. They act for the same person and bot. Eight events may follow each other.
    * `human_handoff`: the same as the node of that name.
    """

    category = "data"
    output = Any

    action_type: Kind
    """What to do."""
    tags: list[str] = Field(default=[], max_length=50)
    """Of `tag_user` and `untag_user`."""
    name: str = Field(default="", max_length=200)
    """Of the note or the event."""
    value: Any = None
    """What is kept or told, or the output of the run."""
    scope: Literal["person", "conversation"] = "person"
    """Whose note it is."""
    person: str = ""
    """Id of the person; that of the run when empty."""
    text: str = ""
    """Of `notify`."""
    channel: ChannelName = ""
    """Of `notify`, with `room`."""
    room: str = ""
    """The platform's id of the room there, or of a person's direct chat."""
    thread: str = ""
    """A thread in that room."""
    to: str = ""
    """In place of channel, room and thread: a conversation key."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What this kind of action cannot do without."""
        kind = str(data.get("action_type", data.get("actionType")) or "")
        found = [
            (names[0], f"`{kind}` needs {' or '.join(names)}")
            for names in _NEEDS.get(kind, ())
            if all(data.get(name) in (None, "", []) for name in names)
        ]
        name = data.get("name")
        if kind == "emit_event" and isinstance(name, str) and name and "{{" not in name:
            found += [] if EVENT_PATTERN.fullmatch(name) else [("name", f"the name of an event has {EVENT_NAME}")]
        return found + check_place(data)

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        if self.action_type == "end":
            return Outcome(output=self.value, end=True)
        if self.action_type == "notify":
            to = place_of(self.channel, self.room, self.thread, self.to)
            if not to:
                raise NodeFailed("`notify` needs a place: channel and room, or to", code="invalid_config")
            return Outcome(output={"message_id": await ctx.say("notify", message_of(self.text), to=to)})
        if self.action_type == "reset_conversation":
            return await self._reset(ctx)
        if self.action_type in ("set_memory", "forget_memory"):
            return await self._note(ctx)
        actions = ctx.services.actions
        if actions is None:
            raise NodeFailed(f"`{self.action_type}` is not available here", code="unavailable")
        return await (self._emit(ctx, actions) if self.action_type == "emit_event" else self._tag(ctx, actions))

    async def _reset(self, ctx: NodeRun) -> Outcome:
        """End the session: the next message begins a new one."""
        session, at = ctx.run.session_id, to_micros(ctx.now())
        if not session:
            raise NodeFailed("nobody talks in this run: there is nothing to forget", code="no_conversation")

        async def end(scope: Any) -> None:
            scope.write(EndSession(session_id=session, at=at))

        await ctx.scoped("reset_conversation", end)
        return Outcome()

    async def _note(self, ctx: NodeRun) -> Outcome:
        """As the node `memory` does it: of whoever the run is for, with the step."""
        if self.person and self.person != ctx.ctx.run.person_id:
            raise NodeFailed("a run keeps notes about its own person alone", code="not_allowed")
        key = notes_of(ctx, "person" if self.scope == "person" else "chat")

        async def work(scope: StepScope) -> Any:
            if self.action_type == "set_memory":
                return await keep(ctx, scope, key, self.name, self.value)
            return forget(scope, key, self.name)

        return Outcome(output=await ctx.scoped(self.action_type, work))

    async def _tag(self, ctx: NodeRun, actions: WorkflowActions) -> Outcome:
        run = ctx.ctx.run
        person = self.person or run.person_id
        if not person:
            raise NodeFailed("nobody talks in this run: name a person", code="no_person")

        async def work(scope: StepScope) -> list[str]:
            changed.append(person)
            tagged = await actions.tag(run, person, self.tags, remove=self.action_type == "untag_user")
            scope.write(*tagged.writes)
            return list(tagged.tags)

        changed: list[str] = []
        tags = await ctx.scoped(self.action_type, work, kind=list[str])
        for one in changed:
            actions.tagged(one)
        user = ctx.variables.get("user")
        if person != run.person_id or not isinstance(user, dict):
            return Outcome(output={"tags": tags})
        return Outcome(output={"tags": tags}, set={"user": {**cast("dict[str, Any]", user), "tags": tags}})

    async def _emit(self, ctx: NodeRun, actions: WorkflowActions) -> Outcome:
        lanes: list[str] = []
        principal = ctx.principal

        async def work(scope: StepScope) -> dict[str, Any]:
            event = EventFacts(
                name=self.name, data=self.value, key=scope.idempotency_key, bot=principal.bot, taint=principal.taint
            )
            told = await actions.tell(ctx.ctx.run, event)
            scope.write(*told.writes)
            lanes.extend(told.lanes)
            return {"event": self.name, "workflows": list(told.workflows)}

        output = await ctx.scoped(self.action_type, work)
        if lanes:
            await actions.start(lanes)
        return Outcome(output=output)
