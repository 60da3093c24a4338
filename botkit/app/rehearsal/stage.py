"""What a rehearsal really does, because it harms nobody: code, functions, nodes of the operator, looking things up.

Everything is started when a case first needs it, and serves all cases of one command.
"""

from __future__ import annotations

__all__ = ["CaseKnowledge", "Stage"]

import asyncio
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

from botkit.app.guests import spawn_guest
from botkit.app.knowledge import Library
from botkit.app.rehearsal.functions import CaseFunctions
from botkit.app.rehearsal.mocked import Mocked
from botkit.core.clock import SystemClock
from botkit.core.config import Config
from botkit.core.knowledge import KnowledgePort
from botkit.sdk.nodes import Node
from botkit.workflows.own.describing import nodes_folder
from botkit.workflows.own.host import OwnNodes
from botkit.workflows.own.proxy import node_types
from botkit.workflows.sandbox.pool import Sandbox


class Stage:
    """The real parts of rehearsals of one project; `async with` ends their processes."""

    def __init__(self, config: Config):
        folder = nodes_folder(config.root.resolve())
        self.sandbox = Sandbox(spawn_guest, slots=2)
        self.own = OwnNodes(spawn_guest, folder)
        self.functions = CaseFunctions(config)
        self._config = config
        self._index: tempfile.TemporaryDirectory[str] | None = None
        self._found = node_types(folder)

    @property
    def node_type(self) -> Callable[[str], type[Node]]:
        """As the runner asks for it. Raises `NotFound`."""
        return lambda name: cast("type[Node]", Mocked) if name == Mocked.type else self._found(name)

    @cached_property
    def knowledge(self) -> KnowledgePort:
        """The project's files, read anew into an index that is thrown away at the end."""
        self._index = tempfile.TemporaryDirectory(prefix="botkit-rehearsal-")
        book: Any = SimpleNamespace(current=self._config)
        return Library(Path(self._index.name), book, SystemClock())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(self.sandbox.close(), self.own.close(), self.functions.close())
        if self._index is not None:
            await asyncio.to_thread(self._index.cleanup)


class CaseKnowledge:
    """Implements `KnowledgePort`: no file is read before something is looked up."""

    def __init__(self, stage: Stage):
        self._stage = stage

    async def search(self, workspace: str, query: str, **more: Any) -> Any:
        return await self._stage.knowledge.search(workspace, query, **more)
