"""Workflows of a running instance: moving paused runs to the definition of now."""

from __future__ import annotations

__all__ = ["WorkflowOperations"]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from botkit.app.moved import Moved
from botkit.core.errors import ConfigError, Conflict, NotFound
from botkit.core.journal import CloseWait, Wait

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.workflows.graph import Graph

_PAGE = 200


class WorkflowOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def migrate(
        self,
        *,
        by: str,
        run: str = "",
        workflow: str = "",
        names: Mapping[str, str] | None = None,
        dry_run: bool = False,
        via: str = "cli",
    ) -> Sequence[Moved]:
        """Let paused runs go on with the configuration that runs now, where that fits.

        Args:
            run: one run; or else
            workflow: all paused runs of it.
            names: old → new id of nodes that got another name.
            dry_run: only tell.

        Raises:
            NotFound: no such run or workflow.
            ConfigError: the workflow of now is not right.
        """
        if run:
            found = await self._i.store.records.find_run(run)
            if found is None:
                raise NotFound(f"there is no run `{run}`; see `botkit runs list`", run=run)
            return [await self._one(found.id, names or {}, by=by, via=via, dry_run=dry_run)]
        if workflow not in self._i.configs.current.workflows:
            raise NotFound(f"there is no workflow `{workflow}` in bots.yaml")
        moved: list[Moved] = []
        before = ""
        while True:
            page = await self._i.store.records.runs(state="waiting", workflow=workflow, limit=_PAGE, before=before)
            ids = [one.run.id for one in page]
            moved += [await self._one(id_, names or {}, by=by, via=via, dry_run=dry_run) for id_ in ids]
            if len(page) < _PAGE:
                return moved
            before = page[-1].run.id

    async def _one(self, run_id: str, names: Mapping[str, str], *, by: str, via: str, dry_run: bool) -> Moved:
        from botkit.app.workflow_moving import nodes_waits, plan_move
        from botkit.workflows.define import compile_workflow
        from botkit.workflows.own.describing import nodes_folder, versions_of
        from botkit.workflows.registry import builtin_registry

        config = self._i.configs.current
        opened = await self._i.store.journal.load_run(run_id)
        name = str(opened.run.input.get("workflow") or "") if opened is not None else ""
        if opened is None or not name:
            raise NotFound(f"`{run_id}` is not a run of a workflow", run=run_id)

        def other(slug: str) -> Graph | None:
            try:
                return compile_workflow(config, slug)
            except (ConfigError, NotFound):
                return None

        folder = nodes_folder(config.root.resolve())
        if name not in config.workflows:
            reason = f"there is no workflow `{name}` any more"
            return Moved(run_id=run_id, workflow=name, state="refused", reasons=(reason,))
        moved, write = plan_move(
            opened,
            compile_workflow(config, name),
            builtin_registry(),
            revision=config.revision,
            now=self._i.clock.micros(),
            names=names,
            other=other,
            versions=lambda graph: versions_of(folder, {node.type for node in graph.nodes}),
        )
        if write is None or dry_run:
            return moved
        try:
            asked = [_answered(wait, self._i.clock.micros(), by, via) for wait in nodes_waits(opened)]
            await self._i.store.journal.commit(None, (write, *asked))
        except Conflict as error:
            return msgspec.structs.replace(moved, state="refused", reasons=(str(error),))
        await self._i.audit(
            by=by,
            via=via,
            action="workflows.migrate",
            target=run_id,
            workflow=name,
            was=opened.run.revision[:12],
            to=config.revision[:12],
            renamed=list(moved.renamed),
        )
        if asked:
            await self._i.engine.lanes.wake(opened.run.lane)
        return msgspec.structs.replace(moved, state="moved")


def _answered(wait: Wait, at: int, by: str, via: str) -> CloseWait:
    return CloseWait(wait_id=wait.id, state="answered", at=at, answer={"action": "retry"}, by=by, via=via)
