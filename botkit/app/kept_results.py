"""Large results of tools, read on where they are kept: in the steps of the runs that got them.

Nothing is stored for this. A step holds what a tool answered, cleaned, redacted and bounded, and lives and dies with
its run: retention and erasure need no rule of their own.
"""

from __future__ import annotations

__all__ = ["FindTool", "KeptResults"]

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from botkit.core.errors import InvalidArguments, NotFound
from botkit.core.excerpts import PAGE_CHARS, json_of, laid_out, page_of, passages, value_at
from botkit.core.journal import Journal, Run
from botkit.core.own_tools import OwnAnswer
from botkit.core.tools import NeedsApproval, NeedsInput, Principal, Result, Tool, ToolCall, result_body

_GONE = "There is no such result here, or it is not kept any more. Call the tool again."
FindTool = Callable[[str, Principal, str], Awaitable[Tool | None]]
_Ended = Result | NeedsApproval | NeedsInput


class KeptResults:
    """Answers `results__read`.

    Args:
        find_tool: a tool as somebody may call it now, as the gateway says: what one may not ask any more, one may not
            read any more.
    """

    def __init__(self, journal: Journal, find_tool: FindTool):
        self._journal = journal
        self._find_tool = find_tool

    async def read(self, call: ToolCall) -> OwnAnswer:
        """A page of a result, the passages that hold a text, or what stands at a path.

        Raises:
            NotFound: it is not there, or was got for somebody else, in another conversation, in another workspace, or
                by a tool they may not call: all the same to whoever asks.
            InvalidArguments: there is no such page or path.
        """
        given = call.arguments
        if sum(given.get(name) is not None for name in ("find", "path")) > 1:
            raise InvalidArguments("give find or path, not both")
        result = await self._find(call, str(given["ref"]))
        text = result_body(result.content)
        if (path := given.get("path")) is not None:
            value = result.content.get("structuredContent")
            value = json_of(text) if value is None else value
            if value is None:
                raise InvalidArguments("the result is no JSON; use page or find")
            found = json.dumps(value_at(value, str(path)), ensure_ascii=False)
            shown = found if len(found) <= PAGE_CHARS else page_of(found, int(given.get("page") or 1))
        elif (words := given.get("find")) is not None:
            shown = passages(laid_out(text), str(words))
        else:
            shown = page_of(text, int(given.get("page") or 1))
        content = {"content": [{"type": "text", "text": shown}], "isError": False}
        return OwnAnswer(content=content, taint=(result.taint,) if result.taint else ())

    async def _find(self, call: ToolCall, ref: str) -> Result:
        run_id, _, key = ref.partition("/")
        own = await self._journal.load_run(call.run_id) if call.run_id else None
        kept = own if own is not None and run_id == own.run.id else await self._journal.load_run(run_id)
        step = kept.steps.get(key) if kept is not None else None
        if own is None or kept is None or step is None or step.state != "done" or not _same(own.run, kept.run):
            raise NotFound(_GONE)
        try:
            ended: Any = msgspec.json.decode(step.result, type=_Ended)
        except msgspec.ValidationError as error:
            raise NotFound(_GONE) from error
        if not isinstance(ended, Result) or ended.record.workspace != call.workspace:
            raise NotFound(_GONE)
        if await self._find_tool(call.workspace, call.principal, ended.record.tool) is None:
            raise NotFound(_GONE)
        return ended


def _same(one: Run, other: Run) -> bool:
    """Whether both are of one person in one conversation with one bot or team."""
    if one.id == other.id:
        return True
    return bool(one.session_id) and (one.session_id, one.person_id) == (other.session_id, other.person_id)
