"""What kind of sound a file is and how long it lasts, read from its container without decoding it.

Source: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), the RIFF/WAVE format
"""

from __future__ import annotations

__all__ = ["guessed_seconds", "sound_mime", "sound_seconds"]

import struct

_PAGE = b"OggS"
_OPUS_RATE = 48_000
_TAIL_BYTES = 70_000
"""The last page begins within these: a page has at most 65,307 bytes."""
_VOICE_BYTES_PER_S = 2_000
"""Of voice notes, at 16 kbit a second; what is guessed with it is rather too long than too short."""


def sound_mime(data: bytes) -> str:
    """What kind of sound a file is by how it begins; empty for none that is known."""
    if data.startswith(_PAGE):
        return "audio/ogg"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data.startswith(b"fLaC"):
        return "audio/flac"
    if data.startswith(b"ID3") or data[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return "audio/mpeg"
    return "audio/mp4" if data[4:8] == b"ftyp" else ""


def sound_seconds(data: bytes) -> float:
    """Seconds of an Ogg (Opus, Vorbis) or WAV file; 0 for what says nothing that can be read here."""
    try:
        if data.startswith(_PAGE):
            return _ogg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return _wav(data)
    except (struct.error, ZeroDivisionError):
        return 0.0
    return 0.0


def guessed_seconds(size_bytes: int) -> float:
    """About how long a voice note of that size lasts, where nobody says."""
    return size_bytes / _VOICE_BYTES_PER_S


def _ogg(data: bytes) -> float:
    """The position of the last page, in samples, less what a player skips."""
    last = data.rfind(_PAGE, max(0, len(data) - _TAIL_BYTES))
    (samples,) = struct.unpack_from("<q", data, last + 6)
    opus = data.find(b"OpusHead", 0, 200)
    if opus >= 0:
        (skipped,) = struct.unpack_from("<H", data, opus + 10)
        return max(0.0, (samples - skipped) / _OPUS_RATE)
    vorbis = data.find(b"\x01vorbis", 0, 200)
    if vorbis >= 0:
        (rate,) = struct.unpack_from("<I", data, vorbis + 12)
        return max(0.0, samples / rate)
    return 0.0


def _wav(data: bytes) -> float:
    place, rate = 12, 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", data, place + 16)
        elif name == b"data":
            return min(size, len(data) - place - 8) / rate
        place += 8 + size + size % 2
    return 0.0
