"""Stored files as arguments of tools: only those of the conversation a run belongs to."""

from __future__ import annotations

__all__ = ["RunFiles"]

from botkit.core.errors import LimitReached, NotFound
from botkit.core.stores import FileStore, Records
from botkit.gateway.file_inputs import CallFile


class RunFiles:
    """Implements `botkit.gateway.file_inputs.CallFiles`."""

    def __init__(self, records: Records, files: FileStore):
        self._records = records
        self._files = files

    async def read(self, file_id: str, *, run_id: str, limit_bytes: int) -> CallFile:
        row = await self._records.run_file(run_id, file_id)
        if row is None:
            raise NotFound(f"there is no file {file_id} in this conversation", file=file_id, run=run_id)
        if row.size_bytes > limit_bytes:
            raise LimitReached(f"the file has {row.size_bytes} bytes", limit="file", value=limit_bytes)
        return CallFile(name=row.name, mime=row.mime, data=await self._files.read(file_id))
