"""Small files of each kind, as platforms deliver them."""

from __future__ import annotations

__all__ = ["JPEG", "MP3", "OGG", "PDF", "PNG", "WAV", "keeper"]

import base64
from collections.abc import Awaitable, Callable, Mapping

from botkit.core.errors import NotFound

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(40)
OGG = b"OggS" + bytes(60)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20)
MP3 = b"ID3\x04" + bytes(60)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"


def keeper(files: Mapping[str, bytes]) -> Callable[[str], Awaitable[bytes]]:
    """A file store of these."""

    async def read(file_id: str) -> bytes:
        if file_id not in files:
            raise NotFound("there is no such file", file=file_id)
        return files[file_id]

    return read
