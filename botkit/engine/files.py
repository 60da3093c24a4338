"""Files people send: fetched once, stored once, passed on by reference; what cannot be read is said aloud."""

from __future__ import annotations

__all__ = ["Files"]

from collections.abc import AsyncIterator

import msgspec
import structlog

from botkit.core.errors import BotkitError
from botkit.core.events import Attachment
from botkit.core.journal import PutFile
from botkit.engine.services import Services
from botkit.runs.context import RunContext, StepScope

_log = structlog.get_logger("botkit.engine")

_TEXT_CHARS = 20_000
_TEXT_BYTES = 200_000
_TEXT_MIMES = ("application/json", "application/xml", "application/yaml", "application/x-yaml", "application/csv")
_TEXT_SUFFIXES = (".txt", ".md", ".csv", ".tsv", ".json", ".yaml", ".yml", ".log", ".xml", ".ini", ".toml")


class Files:
    def __init__(self, services: Services):
        self._s = services

    async def fetch(self, ctx: RunContext, items: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        """The attachments of a turn with `file_id`, and with `text` where they are text files.

        Each is one step, so a resumed run does not download again. One that cannot be had keeps an empty
        `file_id` and says why in `text`.
        """
        fetched: list[Attachment] = []
        for index, item in enumerate(items):
            if not item.remote or item.file_id:
                fetched.append(item)
                continue

            async def work(scope: StepScope, item: Attachment = item) -> Attachment:
                return await self._one(ctx, scope, item)

            fetched.append(await ctx.step(f"files/{index}", work, kind=Attachment, name=item.name or item.kind))
        return tuple(fetched)

    async def _one(self, ctx: RunContext, scope: StepScope, item: Attachment) -> Attachment:
        limit_bytes = self._s.configs.current.settings.file_limit_bytes
        adapter = self._s.channels.adapter(ctx.run.channel)
        try:
            if item.size_bytes > limit_bytes:
                return _unreadable(item, f"it is larger than the limit of {limit_bytes} bytes")
            if adapter is None:
                return _unreadable(item, "the channel is not connected")
            head = _Head(adapter.fetch(item))
            file_id, size_bytes, sha256 = await self._s.files.put(head.stream(), limit_bytes=limit_bytes)
        except BotkitError as error:
            _log.warning("file_not_fetched", run=ctx.run.id, code=error.code, detail=str(error))
            return _unreadable(item, str(error))
        scope.write(
            PutFile(
                file_id=file_id,
                lane=ctx.run.lane,
                person_id=ctx.run.person_id,
                name=item.name,
                mime=item.mime,
                size_bytes=size_bytes,
                sha256=sha256,
                at=self._s.clock.micros(),
            )
        )
        text = item.text
        if _is_text(item) and size_bytes <= _TEXT_BYTES:
            text = head.data.decode("utf-8", "replace")[:_TEXT_CHARS]
        return msgspec.structs.replace(item, file_id=file_id, size_bytes=size_bytes, text=text)


class _Head:
    """Passes bytes through and keeps the first ones."""

    def __init__(self, source: AsyncIterator[bytes]):
        self._source = source
        self.data = b""

    async def stream(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            if len(self.data) < _TEXT_BYTES:
                self.data += chunk[: _TEXT_BYTES - len(self.data)]
            yield chunk


def _is_text(item: Attachment) -> bool:
    mime = item.mime.partition(";")[0].strip().casefold()
    return mime.startswith("text/") or mime in _TEXT_MIMES or item.name.casefold().endswith(_TEXT_SUFFIXES)


def _unreadable(item: Attachment, reason: str) -> Attachment:
    return msgspec.structs.replace(item, text=f"[could not be fetched: {reason}]")
