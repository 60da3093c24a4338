"""Tags and events of workflows, as writes for the commit of the step that asks for them."""

from __future__ import annotations

__all__ = ["InstanceActions"]

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import structlog

from botkit.app.configs import ConfigBook
from botkit.core.clock import Clock
from botkit.core.data import encode
from botkit.core.errors import BotkitError, InvalidArguments, LimitReached, NotFound
from botkit.core.journal import Run, Wake
from botkit.core.stores import People
from botkit.core.tags import TAGS_LIMIT, SetTags, clean_tags
from botkit.core.workflow_actions import EVENT_NAME, EVENT_PATTERN, EventFacts, Tagged, Told
from botkit.engine.workflow_events import CHAIN_LIMIT, EVENT, chain_of, event_run

if TYPE_CHECKING:
    from botkit.gateway.redact import SecretRedactor
    from botkit.workflows.graph import Plan

_DATA_LIMIT_BYTES = 256 * 1024
_log = structlog.get_logger("botkit.workflows")


class InstanceActions:
    """Implements `WorkflowActions`.

    Args:
        plan: the graph of (revision, workflow). Raises `NotFound`.
        wake: works on a lane that was given an event by a commit.
        changed: told whose tags changed.
    """

    def __init__(
        self,
        configs: ConfigBook,
        people: People,
        clock: Clock,
        redactor: SecretRedactor,
        *,
        plan: Callable[[str, str], Awaitable[Plan]],
        wake: Callable[[str], Awaitable[None]],
        changed: Callable[[str], None],
    ):
        self._configs = configs
        self._people = people
        self._clock = clock
        self._redactor = redactor
        self._plan = plan
        self._wake = wake
        self._changed = changed

    async def tag(self, run: Run, person_id: str, tags: Sequence[str], *, remove: bool) -> Tagged:
        """See the port."""
        person = await self._people.get(person_id)
        if person is None:
            raise NotFound(f"there is no person {person_id}", person=person_id)
        given = clean_tags(self._redactor.text(tag) for tag in tags)
        after = set(person.tags) - set(given) if remove else {*person.tags, *given}
        if not remove and len(after) > TAGS_LIMIT:
            raise LimitReached(f"nobody has more than {TAGS_LIMIT} tags", limit="tags", value=TAGS_LIMIT)
        change = SetTags(person_id=person_id, tags=given, remove=remove, at=self._clock.micros(), by=f"run:{run.id}")
        return Tagged(tags=tuple(sorted(after)), writes=(change,))

    def tagged(self, person_id: str) -> None:
        self._changed(person_id)

    async def tell(self, run: Run, event: EventFacts) -> Told:
        """See the port."""
        if not EVENT_PATTERN.fullmatch(event.name):
            raise InvalidArguments(f"the name of an event has {EVENT_NAME}, not {event.name[:120]!r}")
        chain = chain_of(run)
        if len(chain) >= CHAIN_LIMIT:
            circle = " → ".join([*chain, event.name])
            raise LimitReached(
                f"`{event.name}` would be event {len(chain) + 1} of a chain, and {CHAIN_LIMIT} may follow each other; "
                f"do these workflows start each other in a circle? {circle}",
                limit="events.chain",
                value=CHAIN_LIMIT,
            )
        told = EventFacts(name=event.name, data=self._kept(event.data), key=event.key, bot=event.bot, taint=event.taint)
        now = self._clock.now()
        listeners = await self._listeners(event.name)
        wakes = [event_run(run, told, workflow, now) for workflow in listeners]
        return Told(
            workflows=listeners,
            lanes=tuple(one.conversation.key for one in wakes),
            writes=tuple(Wake(lane=one.conversation.key, event=one) for one in wakes),
        )

    async def start(self, lanes: Sequence[str]) -> None:
        for lane in lanes:
            try:
                await self._wake(lane)
            except BotkitError as error:
                _log.warning("event_run_not_started", lane=lane, code=error.code, detail=str(error))

    async def _listeners(self, name: str) -> tuple[str, ...]:
        """Workflows of the current revision with a trigger for this event, in the order of the file."""
        config = self._configs.current
        found: list[str] = []
        for workflow in config.workflows:
            try:
                plan = await self._plan(config.revision, workflow)
            except NotFound as error:
                _log.warning("workflow_not_readable", workflow=workflow, detail=str(error))
                continue
            if any(node.type == "trigger" and _listens(node.data, name) for node in plan.graph.nodes):
                found.append(workflow)
        return tuple(found)

    def _kept(self, data: Any) -> Any:
        if len(encode(data)) > _DATA_LIMIT_BYTES:
            raise InvalidArguments(f"the data of an event has more than {_DATA_LIMIT_BYTES // 1024} KiB as JSON")
        return self._redactor.value(data)


def _listens(data: Mapping[str, Any], name: str) -> bool:
    return EVENT in _many(data.get("kind")) and name in _many(data.get("name"))


def _many(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
