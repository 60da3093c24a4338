"""Runs: what happened, and what to do about those that do not end by themselves."""

from __future__ import annotations

__all__ = ["RunOperations"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from botkit.app.replayed import ReplayReport
from botkit.core.console import TraceView
from botkit.core.data import JSON
from botkit.core.errors import NotFound
from botkit.core.journal import Run, Wait
from botkit.core.stores import RunSummary

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class RunOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(
        self,
        *,
        state: str = "",
        bot: str = "",
        person: str = "",
        conversation: str = "",
        workflow: str = "",
        limit: int = 50,
        before: str = "",
    ) -> Sequence[RunSummary]:
        """Newest first."""
        return await self._i.store.records.runs(
            state=state,
            bot=bot,
            person_id=person,
            conversation=conversation,
            workflow=workflow,
            limit=limit,
            before=before,
        )

    async def show(self, *, run: str) -> TraceView:
        """One run from platform event to delivered part. Raises `NotFound`."""
        found = await self._find(run)
        trace = await self._i.store.records.trace(found.id)
        if trace is None:
            raise _missing(run)
        person = await self._i.store.people.get(found.person_id)
        ended = found.ended_at or found.updated_at
        return TraceView(
            trace=trace,
            person=(person.name or person.id) if person is not None else found.person_id,
            latency_ms=max(0, ended - found.started_at) / 1000,
            cost_cents=found.usage.cost_micros / 10_000,
        )

    async def cancel(self, *, run: str, by: str, via: str = "cli") -> Run:
        """End a waiting run, or stop a running one at its next safe point. Raises `NotFound`, `Conflict`."""
        found = await self._find(run)
        cancelled = await self._i.engine.cancel(found.id, by=by, via=via)
        await self._i.audit(by=by, via=via, action="runs.cancel", target=found.id)
        return cancelled

    async def resolve(
        self,
        *,
        run: str,
        step: str,
        action: Literal["retry", "result", "fail"],
        by: str,
        result: JSON = None,
        message: str = "",
        via: str = "cli",
    ) -> Wait:
        """Tell what became of an effect that nobody could confirm. Raises `NotFound`, `Conflict`."""
        found = await self._find(run)
        answer: dict[str, Any] = {"action": action}
        if action == "result":
            answer["result"] = result
        if action == "fail":
            answer["message"] = message or f"{by} says that it did not happen"
        wait = await self._i.engine.resolve(found.id, step, answer, by=by, via=via)
        await self._i.audit(by=by, via=via, action="runs.resolve", target=f"{found.id}/{step}", resolution=action)
        return wait

    async def replay(self, *, run: str, model: str = "") -> ReplayReport:
        """Answer the message of a run again with the recorded tool results; nothing is called, sent or stored.

        Raises:
            NotFound: there is no such run, or its bot is gone.
        """
        from botkit.app.gateway_settings import gateway_settings
        from botkit.app.replay import replay

        found = await self._find(run)
        opened = await self._i.store.journal.load_run(found.id)
        if opened is None:
            raise _missing(run)
        if self._i.mode == "command":
            # Only what the tools look like is needed; where that is stored, no server has to start.
            self._i.gateway.apply(gateway_settings(self._i.configs.current))
            await self._i.gateway.fleet.catalogue.load()
        return await replay(self._i, opened, model=model)

    async def _find(self, reference: str) -> Run:
        found = await self._i.store.records.find_run(reference)
        if found is None:
            raise _missing(reference)
        return found


def _missing(reference: str) -> NotFound:
    return NotFound(f"there is no run `{reference}`; see `botkit runs list`", run=reference)
