"""Documents of offices keep their headings, slides, sheets and rows."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from botkit.store.knowledge.blocks import Unreadable
from botkit.store.knowledge.documents import read_document
from tests.store.knowledge.files import a_docx, a_pptx, an_xlsx


def test_a_docx_keeps_headings_and_tables() -> None:
    blocks = read_document("a.docx", a_docx())
    assert [(block.headings, block.text) for block in blocks] == [
        (("Handbook",), "Welcome."),
        (("Handbook", "Refunds"), "Money comes back within 14 days."),
        (("Handbook", "Refunds"), "tea: green; price: 3"),
        (("Handbook", "Refunds", "Times"), "On Mondays."),
    ]


def test_pages_of_a_docx_are_those_word_saw() -> None:
    def paged(xml: str) -> str:
        return xml.replace("14 days.", "14 days.</w:t><w:lastRenderedPageBreak/><w:t>")

    source, held = zipfile.ZipFile(io.BytesIO(a_docx())), io.BytesIO()
    with zipfile.ZipFile(held, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, paged(data.decode()) if name == "word/document.xml" else data)
    assert [block.page for block in read_document("a.docx", held.getvalue())] == [1, 1, 2, 2]


def test_a_pptx_keeps_slides_titles_and_notes() -> None:
    blocks = read_document("a.pptx", a_pptx())
    assert [(block.page, block.headings, block.text) for block in blocks] == [
        (1, ("Start",), "First words"),
        (2, ("Prices",), "Tea costs 3"),
        (2, ("Prices",), "Mention the discount."),
    ]


def test_an_xlsx_keeps_sheets_rows_and_columns() -> None:
    blocks = read_document("a.xlsx", an_xlsx())
    assert [(block.headings, block.line, block.text) for block in blocks] == [
        (("Prices",), 2, "name: Tea; price: 3"),
        (("Prices",), 4, "name: Coffee; price: 4.5"),
    ]


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive", a_docx()[:900]])
def test_what_is_broken_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(Unreadable, match="file that can be read"):
        read_document(name, data)


def test_entities_of_an_xml_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    source, held = zipfile.ZipFile(io.BytesIO(a_docx())), io.BytesIO()
    with zipfile.ZipFile(held, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "word/document.xml":
                head = f'<!DOCTYPE x [<!ENTITY leak SYSTEM "file://{tmp_path}/secret">]><w:document'.encode()
                data = data.replace(b"<w:document", head, 1).replace(b"Welcome.", b"&leak;!")
            target.writestr(name, data)
    try:
        text = "".join(block.text for block in read_document("a.docx", held.getvalue()))
    except Unreadable:
        return
    assert "canary" not in text
