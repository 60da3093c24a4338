"""Files of this machine that go with a message."""

from __future__ import annotations

__all__ = ["attached", "typed_path"]

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botkit.core.errors import NotFound

if TYPE_CHECKING:
    from botkit.app.operations import Operations
    from botkit.core.events import Attachment


async def attached(ops: Operations, paths: Sequence[Path]) -> list[Attachment]:
    """Stored where the bot runs, in order.

    Raises:
        NotFound: one cannot be read.
        LimitReached: one is larger than `settings.file_limit_bytes`.
    """
    found: list[Attachment] = []
    for path in paths:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror or error}") from error
        found.append(await ops.chat.attach(name=path.name, data=data))
    return found


def typed_path(text: str) -> Path:
    """A path as somebody types it: quoted, or from their home folder."""
    return Path(text.strip().strip("'\"")).expanduser()
