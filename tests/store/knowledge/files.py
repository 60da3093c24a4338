"""Documents made as offices make them."""

# python-docx, python-pptx and openpyxl come without complete annotations
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
from typing import Any

from docx import Document
from openpyxl import Workbook
from pptx import Presentation


def a_docx() -> bytes:
    document = Document()
    document.add_heading("Handbook", 0)
    document.add_paragraph("Welcome.")
    document.add_heading("Refunds", 1)
    document.add_paragraph("Money comes back within 14 days.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((*table.rows[0].cells, *table.rows[1].cells), ("tea", "price", "green", "3"), strict=True):
        cell.text = text
    document.add_heading("Times", 2)
    document.add_paragraph("On Mondays.")
    return _saved(document)


def a_pptx() -> bytes:
    deck: Any = Presentation()
    for title, body in (("Start", "First words"), ("Prices", "Tea costs 3")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text_frame.text = title
        slide.placeholders[1].text_frame.text = body
    deck.slides[1].notes_slide.notes_text_frame.text = "Mention the discount."
    return _saved(deck)


def an_xlsx() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Prices"
    for row in (["name", "price"], ["Tea", 3], [None, None], ["Coffee", 4.5]):
        sheet.append(row)
    book.create_sheet("Empty")
    return _saved(book)


def _saved(document: object) -> bytes:
    held = io.BytesIO()
    document.save(held)  # pyright: ignore[reportAttributeAccessIssue] - all three have it
    return held.getvalue()
