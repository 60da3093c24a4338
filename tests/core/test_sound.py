"""How long sounds last, by their containers alone."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.silence import silence_saying, words_in
from botkit.core.sound import guessed_seconds, sound_mime, sound_seconds


def a_wav(seconds: float, rate: int = 8000) -> bytes:
    data = bytes(int(seconds * rate))
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_a_wav_lasts_as_long_as_its_data():
    assert sound_seconds(a_wav(2.5)) == 2.5


@pytest.mark.parametrize(
    "data", [b"", b"OggS", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt ", b"OggS" + bytes(40), b"ID3"]
)
def test_what_says_nothing_is_unknown(data: bytes):
    assert sound_seconds(data) == 0


@given(st.text(max_size=600))
def test_words_survive_being_spoken_by_the_demo(text: str):
    data = silence_saying(text)

    assert words_in(data) == text
    assert sound_seconds(data) == pytest.approx(max(0.02, len(text) / 15), abs=0.011)


@given(st.binary(max_size=300))
def test_no_other_sound_is_taken_for_one_of_the_demo(data: bytes):
    assert words_in(b"OggS" + data) is None


def test_an_unknown_length_is_guessed_by_size():
    assert guessed_seconds(120_000) == 60


@pytest.mark.parametrize(("data", "mime"), [
    (silence_saying("x"), "audio/ogg"),
    (a_wav(0.1), "audio/wav"),
    (b"fLaC\0", "audio/flac"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90", "audio/mpeg"),
    (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
    (b"<html>", ""),
    (b"", ""),
])  # fmt: skip
def test_a_sound_is_known_by_how_it_begins(data: bytes, mime: str):
    assert sound_mime(data) == mime
