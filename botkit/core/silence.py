"""The voice of `demo/offline`: silence that carries its words as a comment, and the ear that reads them back.

It makes a whole Ogg file with Opus, as long as the words would take to say, which every platform plays as a voice
message. Nothing is synthesised and nothing is recognised: recordings of people hold no such comment, and the demo model
says that it cannot hear them.

Source: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716 §3 (packets)
"""

from __future__ import annotations

__all__ = ["SILENCE_MIME", "silence_saying", "words_in"]

import struct

SILENCE_MIME = "audio/ogg"

_VENDOR = b"botkit demo/offline: silence with words"
_COMMENT = b"DESCRIPTION="
_RATE = 48_000
_FRAME = _RATE // 50
_SILENCE = b"\xf8\xff\xfe"
"""A packet of 20 ms, mono, without any sound."""
_PACKETS_PER_PAGE = 50
_CHARS_PER_S = 15.0
_SERIAL = 0x424F544B
_SEGMENT = 255


def silence_saying(text: str) -> bytes:
    """An Ogg file that says nothing for as long as the text takes to say. The same for the same text."""
    frames = max(1, round(len(text) / _CHARS_PER_S * 50))
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, _RATE, 0, 0)
    comment = _COMMENT + text.encode()
    tags = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<II", 1, len(comment)) + comment
    pages = [_page([head], 0, 0, 2), *_tag_pages(tags)]
    for start in range(0, frames, _PACKETS_PER_PAGE):
        count = min(_PACKETS_PER_PAGE, frames - start)
        is_last = start + count == frames
        pages.append(_page([_SILENCE] * count, len(pages), (start + count) * _FRAME, 4 if is_last else 0))
    return b"".join(pages)


def words_in(data: bytes) -> str | None:
    """The words in a file of `silence_saying`; None for any other."""
    packet = _second_packet(data)
    if packet is None or not packet.startswith(b"OpusTags"):
        return None
    (vendor_length,) = struct.unpack_from("<I", packet, 8)
    place = 12 + vendor_length
    if packet[12:place] != _VENDOR:
        return None
    _, length = struct.unpack_from("<II", packet, place)
    return packet[place + 8 : place + 8 + length].removeprefix(_COMMENT).decode("utf-8", "replace")


def _tag_pages(packet: bytes) -> list[bytes]:
    """The comment on as many pages as it needs: a page holds 255 segments."""
    room = _SEGMENT * _SEGMENT
    pieces = [packet[start : start + room] for start in range(0, len(packet), room)]
    pages: list[bytes] = []
    for number, piece in enumerate(pieces):
        ends = number == len(pieces) - 1
        pages.append(_page([piece], 1 + number, 0 if ends else -1, 1 if number else 0, ends=ends))
    return pages


def _page(packets: list[bytes], number: int, position: int, flags: int, *, ends: bool = True) -> bytes:
    lacing = bytearray()
    for packet in packets:
        full, rest = divmod(len(packet), _SEGMENT)
        lacing += bytes([_SEGMENT] * full)
        if ends:
            lacing.append(rest)
    body = bytes(lacing) + b"".join(packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, _SERIAL, number, 0, len(lacing))
    checked = struct.pack("<I", _crc(head + body))
    return head[:22] + checked + head[26:] + body


def _table() -> list[int]:
    table: list[int] = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


_CRC = _table()


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value = ((value << 8) & 0xFFFFFFFF) ^ _CRC[(value >> 24) ^ byte]
    return value


def _second_packet(data: bytes) -> bytes | None:
    """The packet after the head of the first stream, put together from its pages."""
    place, found = 0, bytearray()
    number = 0
    while data[place : place + 4] == b"OggS" and place + 27 <= len(data):
        count = data[place + 26]
        lacing = data[place + 27 : place + 27 + count]
        start = place + 27 + count
        for size in lacing:
            if number == 1:
                found += data[start : start + size]
            start += size
            if size < _SEGMENT:
                number += 1
            if number == 2:
                return bytes(found)
        place = start
    return None
