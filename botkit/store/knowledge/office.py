"""Documents of offices: DOCX, PPTX and XLSX.

The libraries are imported when a file of theirs is read, in the reader's process.

Source: https://python-docx.readthedocs.io, https://python-pptx.readthedocs.io, https://openpyxl.readthedocs.io
"""

# python-docx, python-pptx and openpyxl come without complete annotations
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["read_docx", "read_pptx", "read_xlsx"]

import io
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from botkit.store.knowledge.blocks import Block, Unreadable, row_text

_ROW_LIMIT = 100_000
_COLUMN_LIMIT = 200
_SLIDE_LIMIT = 5_000
_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)


def read_docx(data: bytes) -> Iterator[Block]:
    """Paragraphs and rows of tables under their headings, with the pages Word last saw them on. Raises `Unreadable`."""
    with _reading("DOCX"):
        import docx
        from docx.table import Table

        document = docx.Document(io.BytesIO(data))
        headings: list[tuple[int, str]] = []
        page = int(bool(document.element.body.xpath(".//w:lastRenderedPageBreak")))
        for item in document.iter_inner_content():
            above = tuple(text for _, text in headings)
            if isinstance(item, Table):
                yield from _table([[cell.text for cell in row.cells] for row in item.rows], above, page)
                continue
            breaks = len(item.rendered_page_breaks) if page else 0
            text = item.text.strip()
            level = _level(str(item.style.name if item.style is not None else ""))
            if level is None:
                yield Block(text=text, headings=above, page=page)
            elif text:
                headings = [*(one for one in headings if one[0] < level), (level, " ".join(text.split()))]
            page += breaks


def _level(style: str) -> int | None:
    """Of a heading; None for other paragraphs."""
    if style.casefold() == "title":
        return 0
    found = _HEADING.match(style)
    return int(found[1]) if found else None


def _table(rows: list[list[str]], headings: tuple[str, ...], page: int) -> Iterator[Block]:
    names = rows[0] if len(rows) > 1 else []
    for row in rows[1:] if names else rows:
        yield Block(text=row_text([" ".join(name.split()) for name in names], row), headings=headings, page=page)


def read_pptx(data: bytes) -> Iterator[Block]:
    """The texts of each slide under its title: shapes, tables, notes. Raises `Unreadable`."""
    with _reading("PPTX"):
        import pptx

        for number, slide in enumerate(pptx.Presentation(io.BytesIO(data)).slides, 1):
            if number > _SLIDE_LIMIT:
                raise Unreadable(f"it has more than {_SLIDE_LIMIT} slides")
            title = slide.shapes.title
            heading = " ".join(title.text_frame.text.split()) if title is not None else ""
            above = (heading,) if heading else ()
            bodies = [shape for shape in _shapes(slide.shapes) if title is None or shape.shape_id != title.shape_id]
            empty = True
            for shape in bodies:
                if shape.has_text_frame and shape.text_frame.text.strip():
                    empty = False
                    yield Block(text=shape.text_frame.text.strip(), headings=above, page=number)
                elif getattr(shape, "has_table", False):
                    empty = False
                    yield from _table([[cell.text for cell in row.cells] for row in shape.table.rows], above, number)
            if slide.has_notes_slide:
                notes = slide.notes_slide.notes_text_frame
                if notes is not None and notes.text.strip():
                    empty = False
                    yield Block(text=notes.text.strip(), headings=above, page=number)
            if empty and heading:
                yield Block(text=heading, headings=above, page=number)


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    """Shapes in order, those in groups too."""
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < 8:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def read_xlsx(data: bytes) -> Iterator[Block]:
    """A block for each row of each sheet, with the names of its columns; values, not formulas. Raises `Unreadable`."""
    with _reading("XLSX"):
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        seen = 0
        for sheet in book.worksheets:
            names: list[str] | None = None
            for number, row in enumerate(sheet.iter_rows(max_col=_COLUMN_LIMIT, values_only=True), 1):
                seen += 1
                if seen > _ROW_LIMIT:
                    raise Unreadable(f"it has more than {_ROW_LIMIT} rows; a table that large belongs behind a tool")
                cells = ["" if value is None else " ".join(str(value).split()) for value in row]
                if not any(cells):
                    continue
                if names is None:
                    names = cells
                    continue
                yield Block(text=row_text(names, cells), headings=(sheet.title,), line=number, line_end=number)


@contextmanager
def _reading(kind: str) -> Generator[None]:
    """Whatever a library raises over a broken file is one refusal."""
    try:
        yield
    except Unreadable:
        raise
    except ImportError as error:
        raise Unreadable(f"{kind} files need the extra `knowledge`: install `botkit[knowledge]`") from error
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(f"it is no {kind} file that can be read") from error
