"""Documents become passages that know where they stand; what cannot be read says why."""

from __future__ import annotations

import io

import pytest

from botkit.store.knowledge.blocks import Unreadable
from botkit.store.knowledge.chunks import chunked
from botkit.store.knowledge.documents import read_document


def test_markdown_keeps_headings_and_lines() -> None:
    text = (
        "intro\n\n# Refunds #\n\nWithin **14** days.\nAlways.\n\n## Times\n\n"
        "```\n# no heading\n\nx\n```\n\nLate\n====\nToo late.\n"
    )
    blocks = read_document("a.md", text.encode())
    assert [(block.headings, block.line, block.line_end, block.text) for block in blocks] == [
        ((), 1, 1, "intro"),
        (("Refunds",), 5, 6, "Within **14** days.\nAlways."),
        (("Refunds", "Times"), 10, 14, "```\n# no heading\n\nx\n```"),
        (("Late",), 18, 18, "Too late."),
    ]


def test_a_page_is_read_without_what_nobody_reads() -> None:
    page = (
        "<html><head><title>T</title><script>var x = 'evil';</script></head><body><nav>Home</nav>"
        "<h1>Refunds</h1>\n<p>Within&nbsp;14 <b>days</b>.</p>\n<h2>Times</h2><ul><li>one<li>two</ul>"
        "<table><tr><td>a</td><td>b</td></tr></table><style>p {}</style>rest"
    )
    blocks = read_document("a.html", page.encode())
    assert [(block.headings, block.text) for block in blocks] == [
        (("Refunds",), "Within 14 days."),
        (("Refunds", "Times"), "one"),
        (("Refunds", "Times"), "two"),
        (("Refunds", "Times"), "a b"),
        (("Refunds", "Times"), "rest"),
    ]
    assert [block.line for block in blocks][:2] == [2, 3]


def test_tables_and_data_keep_the_names_of_their_parts() -> None:
    rows = read_document("a.csv", b'name;price\nTea;3\n"Two\nlines";\n')
    assert [(row.text, row.line, row.line_end) for row in rows] == [
        ("name: Tea; price: 3", 2, 2),
        ("name: Two\nlines", 3, 4),
    ]
    data = read_document("a.json", b'{"shop": {"hours": ["9-12", "14-18"]}, "open": true}')
    assert [(one.headings, one.text) for one in data] == [(("shop",), "hours: 9-12\nhours: 14-18"), (("open",), "true")]
    lines = read_document("a.jsonl", b'{"a": 1}\n\n{"a": "two"}\n')
    assert [(one.text, one.line) for one in lines] == [("a: 1", 1), ("a: two", 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encoding_it_has(encoding: str) -> None:
    (block,) = read_document("a.txt", "Größe: 5 €".encode(encoding))
    assert block.text == "Größe: 5 €"


def a_pdf(*pages: str) -> bytes:
    """A small PDF with one line of text on each page."""
    pypdf = pytest.importorskip("pypdf")
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(width=300, height=200)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)  # pyright: ignore[reportPrivateUsage] - pypdf has no other way to write text
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def test_a_pdf_is_read_page_by_page() -> None:
    blocks = read_document("a.pdf", a_pdf("Refunds within 14 days", "Opening hours"))
    assert [(block.page, block.text) for block in blocks] == [(1, "Refunds within 14 days"), (2, "Opening hours")]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.docx", b"PK", "no DOCX"),
        ("a.odt", b"PK", "cannot be read"),
        ("Makefile", b"all:", "cannot be read"),
        ("a.txt", b"GIF89a\x00\x01", "not text"),
        ("a.json", b"{", "no JSON"),
        ("a.jsonl", b'{"a": 1}\n{', "line 2"),
        ("a.pdf", b"%PDF-1.4 broken", "no PDF"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    if name.endswith(".pdf"):
        pytest.importorskip("pypdf")
    with pytest.raises(Unreadable, match=reason):
        read_document(name, data)


def test_a_picture_of_text_is_no_text() -> None:
    with pytest.raises(Unreadable, match="only pictures"):
        read_document("a.pdf", a_pdf(""))


def test_passages_have_one_place_and_a_readable_size() -> None:
    sentences = " ".join(f"Sentence number {number} says a little." for number in range(200))
    text = f"# A\n\nfirst\n\nsecond\n\n# B\n\nthird\n\n{sentences}\n"
    passages = list(chunked(read_document("a.md", text.encode())))
    assert (passages[0].text, passages[0].line, passages[0].line_end) == ("first\nsecond", 3, 5)
    assert {passage.headings for passage in passages[1:]} == {("B",)}
    assert all(len(passage.text) <= 1600 for passage in passages)
    assert all(passage.text.endswith((".", "third")) for passage in passages[1:])
    joined = " ".join(passage.text for passage in passages[1:])
    assert joined.split() == f"third {sentences}".split()


def test_lines_of_a_long_block_are_those_it_stands_on() -> None:
    text = "\n".join(f"line {number:04}" for number in range(1, 1001))
    for passage in chunked(read_document("a.txt", text.encode())):
        held = passage.text.split("\n")
        assert (held[0], held[-1]) == (f"line {passage.line:04}", f"line {passage.line_end:04}")
