"""Parts of long texts: nothing is shown that is not there, and nothing left out without saying so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.errors import InvalidArguments
from botkit.core.excerpts import clip, laid_out, outline, page_of, passages, value_at

ORDERS: dict[str, Any] = {
    "orders": [{"id": f"ORD-{n}", "total": n * 1.5, "lines": [{"sku": f"S{n}"}]} for n in range(400)],
    "next": None,
    "a.b": {"deep": True},
}


def test_the_outline_of_json_tells_its_shape_its_first_items_and_how_many_more_there_are():
    text = outline(json.dumps(ORDERS), 2_000)

    assert "orders: list of 400 × {id: text, total: number, lines: list of 1" in text
    assert 'orders[0] = {"id": "ORD-0"' in text
    shown = text.count("orders[")
    assert f"[… {400 - shown} more in orders …]" in text
    assert len(text) < 2_500


def test_the_outline_of_text_counts_it_and_keeps_head_and_tail():
    text = outline("first line\n" + "x" * 50_000 + "\nlast line", 1_000)

    assert text.startswith("50,021 characters in 3 lines:\nfirst line")
    assert "characters left out" in text
    assert text.endswith("last line")


def test_the_outline_of_one_huge_item_still_shows_where_it_begins():
    text = outline(json.dumps({"html": "<p>" + "word " * 20_000}), 1_000)

    assert "html: text of 100,003" in text
    assert "<p>word word" in text


@given(st.text(max_size=500), st.integers(min_value=1, max_value=60))
def test_the_pages_of_a_text_are_the_text(text: str, page_chars: int):
    pages = max(1, -(-len(text) // page_chars))
    read = [page_of(text, number, page_chars=page_chars).split("]\n", 1)[1] for number in range(1, pages + 1)]

    assert "".join(read) == text
    with pytest.raises(InvalidArguments, match=f"it has {pages}"):
        page_of(text, pages + 1, page_chars=page_chars)


def test_passages_are_found_in_json_without_line_breaks():
    found = passages(laid_out(json.dumps(ORDERS)), "ord-77")

    assert '"id": "ORD-77"' in found
    assert found.startswith("[1 of 1 lines")


def test_passages_of_many_lines_say_how_many_there_are():
    found = passages("\n".join(f"{n} refund" for n in range(1_000)), "refund")

    assert "of 1000 lines" in found.splitlines()[0]
    assert len(found) < 8_000


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("orders[3].id", "ORD-3"),
        ("$.orders[-1].lines[0].sku", "S399"),
        ("orders[0:2].id", ["ORD-0", "ORD-1"]),
        ("orders[398:].id", ["ORD-398", "ORD-399"]),
        ('["a.b"].deep', True),
        ("next", None),
    ],
)
def test_a_path_leads_to_what_stands_there(path: str, value: object):
    assert value_at(ORDERS, path) == value


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("orders[900].id", "nothing stands at orders[900]; orders is list of 400"),
        ("customers", "nothing stands at customers; the whole is {orders: "),
        ("next[*]", "next is no list but null"),
        ("orders[[", "cannot be read at '[['"),
        ("a" + ".a" * 100, "cannot be read"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_there_is(path: str, said: str):
    with pytest.raises(InvalidArguments) as refused:
        value_at(ORDERS, path)
    assert said in str(refused.value)


def test_a_short_text_is_not_clipped():
    assert clip("short", 10) == "short"
