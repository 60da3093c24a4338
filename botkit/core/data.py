"""The base of everything that crosses a layer or is stored: frozen, fast to encode, strict to decode."""

from __future__ import annotations

__all__ = ["JSON", "Data", "decode", "encode", "encode_text"]

from typing import Any, TypeVar, dataclass_transform

import msgspec

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None
"""Any JSON value."""

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
class _DataMeta(msgspec.StructMeta):
    """Makes every record frozen and keyword-only, so that no class has to say it again."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> type:
        config.setdefault("frozen", True)
        config.setdefault("kw_only", True)
        config.setdefault("omit_defaults", True)
        return super().__new__(mcls, name, bases, namespace, **config)


class Data(msgspec.Struct, metaclass=_DataMeta):
    """A frozen record. Fields at their default are left out when encoded, unknown ones ignored when read,
    so a newer version reads an older row and the other way round."""


_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(value: object) -> bytes:
    """JSON bytes of a record or of plain values; datetimes as ISO 8601."""
    return _encoder.encode(value)


def encode_text(value: object) -> str:
    """`encode` as text, for a database column."""
    return _encoder.encode(value).decode()


def decode(raw: bytes | str, kind: type[T]) -> T:
    """Read a record back. Raises `msgspec.ValidationError` with a path when it does not fit."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(raw)
