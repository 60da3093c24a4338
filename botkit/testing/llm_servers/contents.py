"""Files inside requests, as strictly as providers judge them: the kind that is named must be the kind that is there."""

from __future__ import annotations

__all__ = ["data_url_problem", "encoded_problem"]

import base64
import binascii
import re

_DATA_URL = re.compile(r"^data:([\w.+-]+/[\w.+-]+);base64,(.*)$", re.DOTALL)
_SIGNS = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "audio/ogg": (b"OggS",),
    "audio/wav": (b"RIFF",),
    "audio/mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3"),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3"),
    "application/pdf": (b"%PDF-",),
}


def data_url_problem(url: str) -> str:
    """What is wrong with `data:image/png;base64,…`; empty for a good one. Other addresses are not fetched here."""
    match = _DATA_URL.match(url)
    if match is None:
        return "" if url.startswith("https://") else "Invalid URL: expected a base64-encoded data URL or an https URL."
    return encoded_problem(match[1], match[2])


def encoded_problem(mime: str, data: str, *, limit_bytes: int = 0) -> str:
    """What is wrong with a file of that kind; empty for a good one.

    Args:
        limit_bytes: of the encoded text; 0: none.
    """
    if limit_bytes and len(data) > limit_bytes:
        return f"image exceeds {limit_bytes // 1024**2} MB maximum: {len(data)} bytes > {limit_bytes} bytes"
    signs = _SIGNS.get(mime)
    if signs is None:
        return f"Unsupported media type: {mime}"
    try:
        head = base64.b64decode(data, validate=True)[:16]
    except (binascii.Error, ValueError):
        return "Invalid base64 data."
    return "" if head.startswith(signs) else f"The file was specified as {mime}, but does not appear to be one."
