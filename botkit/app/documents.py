"""Documents people send: read by what reads knowledge, each in a process of its own that ends with it."""

from __future__ import annotations

__all__ = ["SentDocuments"]

import asyncio
from pathlib import PurePosixPath

from botkit.store.knowledge.blocks import Block
from botkit.store.knowledge.documents import KINDS
from botkit.store.knowledge.reading import DocumentReader

_TIMEOUT_S = 20.0
_MEMORY_BYTES = 768 * 1024 * 1024
_ENDINGS = {
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "text/html": ".html",
}


class SentDocuments:
    """Implements `DocumentTexts`. One document at a time: reading may take a processor and much memory."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    def takes(self, name: str, mime: str) -> bool:
        return _ending(name, mime) in KINDS

    async def text(self, name: str, mime: str, data: bytes, *, limit_chars: int) -> str:
        async with self._turn:
            passages = await asyncio.to_thread(_passages, f"document{_ending(name, mime)}", data)
        return _joined(passages, limit_chars)


def _ending(name: str, mime: str) -> str:
    """The kind of a file: by the end of its name, else by what the platform says."""
    by_name = PurePosixPath(name).suffix.casefold()
    return by_name if by_name in KINDS else _ENDINGS.get(mime, by_name)


def _passages(name: str, data: bytes) -> list[Block]:
    with DocumentReader(timeout_s=_TIMEOUT_S, memory_bytes=_MEMORY_BYTES) as reader:
        return reader.passages(name, data)


def _joined(passages: list[Block], limit_chars: int) -> str:
    """One text, with pages and headings where they change."""
    parts: list[str] = []
    length, page, headings = 0, 0, ()
    for one in passages:
        marks = [f"[page {one.page}]"] if one.page and one.page != page else []
        marks += [f"# {' / '.join(one.headings)}"] if one.headings and one.headings != headings else []
        page, headings = one.page or page, one.headings
        parts.append("\n".join([*marks, one.text]))
        length += len(parts[-1]) + 2
        if length > limit_chars:
            whole = sum(len(each.text) + 2 for each in passages)
            begin = "\n\n".join(parts)[:limit_chars]
            return f"{begin}\n[… cut here, after {limit_chars} of about {whole} characters]"
    return "\n\n".join(parts)
