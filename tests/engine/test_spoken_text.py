"""What is read aloud of an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.engine.spoken_text import spoken_text


@pytest.mark.parametrize(("markdown", "spoken"), [
    ("It is **on its _way_**.", "It is on its way."),
    ("# Hours\n\n- Monday: `9`\n- Sunday: closed", "Hours\nMonday: 9\nSunday: closed"),
    ("See [our page](https://shop.example/a) or https://shop.example/b.", "See our page or"),
    ("Run this:\n\n```sh\nrm -rf /\n```\n\nThen wait.", "Run this:\nThen wait."),
    ("|day|open|\n|-|-|\n|Mon|9|\n", "day, open\nMon, 9"),
    ("one\ntwo  \nthree", "one two three"),
    ("Done ✅🎉 → next", "Done next"),
    ("```\nonly code\n```", ""),
])  # fmt: skip
def test_the_words_are_read_without_marks_code_and_addresses(markdown: str, spoken: str):
    assert spoken_text(markdown) == spoken


@given(st.text(max_size=300))
def test_anything_can_be_read(text: str):
    assert "\n\n" not in spoken_text(text)
