"""PDF files: the text of each page under the bookmarks that lead to it.

Source: https://pypdf.readthedocs.io/en/stable/user/extract-text.html
"""

from __future__ import annotations

__all__ = ["read_pdf"]

import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from botkit.store.knowledge.blocks import Block, Unreadable, paragraphs

_PAGE_LIMIT = 5_000
_BOOKMARK_LIMIT = 2_000
_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])")
"""A word divided at the end of a line."""


def read_pdf(data: bytes) -> Iterator[Block]:
    """The paragraphs of each page. Raises `Unreadable`."""
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError as error:
        raise Unreadable("PDF files need the extra `knowledge`: install `botkit[knowledge]`") from error
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it needs a password")
        if len(reader.pages) > _PAGE_LIMIT:
            raise Unreadable(f"it has more than {_PAGE_LIMIT} pages")
        above = _bookmarks(reader)
        headings: tuple[str, ...] = ()
        found = False
        for number, page in enumerate(reader.pages, 1):
            headings = above.get(number, headings)
            text = _HYPHEN.sub("", page.extract_text().replace("\x00", ""))
            found = found or bool(text.strip())
            for block in paragraphs(text.split("\n"), headings):
                yield msgspec.structs.replace(block, line=0, line_end=0, page=number)
    except Unreadable:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise Unreadable("it is no PDF that can be read") from error
    if not found:
        raise Unreadable("it holds no text, only pictures of it; put a version with text beside it")


def _bookmarks(reader: Any) -> dict[int, tuple[str, ...]]:
    """Page → the first bookmark on it with those it is under. Empty when they are missing or broken."""
    found: dict[int, tuple[str, ...]] = {}
    seen = 0

    def walk(items: Any, above: tuple[str, ...]) -> None:
        nonlocal seen
        last = above
        for item in items:
            seen += 1
            if seen > _BOOKMARK_LIMIT:
                return
            if isinstance(item, list):
                walk(item, last)
                continue
            last = (*above, " ".join(str(item.title).split()))
            number = reader.get_destination_page_number(item)
            if number is not None:
                found.setdefault(number + 1, last)

    try:
        walk(reader.outline, ())
    except Exception:  # bookmarks are an extra; a file is not refused for them
        return {}
    return found
