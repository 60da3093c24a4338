"""What a server answered, made safe to keep: well formed, bounded, without control characters or secrets.

Nothing is lost in silence: what was cut or left out is said in a text block that the model reads, in the tool's own
result, so it can ask for less.
"""

from __future__ import annotations

__all__ = ["clean_object", "clean_result", "error_result", "without_unwanted"]

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from botkit.core.errors import ToolError
from botkit.gateway.redact import SecretRedactor

_DEPTH_LIMIT = 64
_BLOCK_LIMIT = 1000
_TEXT_SHARE = 0.9
"""Part of the limit that text may fill when a result is cut, leaving room for escapes and the notice."""
_JSON_DEPTH_HINT = 32
"""With fewer brackets than this, nothing can be nested too deeply."""

# Terminal sequences, control characters but tab and line ends, bidirectional overrides that make a text read other
# than it is, and the invisible "tag" letters in which instructions are hidden.
_UNWANTED = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_ASCII_SIGNS = (b"\\u00", b"\\b", b"\\f", b"\x7f")
"""How unwanted ASCII characters look in JSON."""
_OTHER_SIGNS = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xf3\xa0[\x80\x81]")


def error_result(message: str) -> dict[str, Any]:
    """A `CallToolResult` that tells the model what went wrong."""
    return {"content": [{"type": "text", "text": message}], "isError": True}


def clean_result(raw: Mapping[str, Any], *, limit_bytes: int, redactor: SecretRedactor) -> tuple[dict[str, Any], int]:
    """Bound, clean and redact a `CallToolResult`. Returns it with its size in bytes before it was cut."""
    notes: list[str] = []
    result = _shaped(raw, notes)
    encoded, result = _encoded(result, notes)
    if _may_hold_unwanted(encoded):
        cleaned = without_unwanted(result)
        if cleaned != result:
            notes.append("control or invisible characters were removed")
        result = cleaned
    if not redactor.empty and redactor.finds(encoded.decode("utf-8", "replace")):
        result = redactor.value(result)
    size = len(encoded)
    if size > limit_bytes:
        result = _cut(result, size, limit_bytes)
    if notes:
        result["content"] = [*result["content"], _text(f"[Note: {'; '.join(notes)}.]")]
    return result, size


def clean_object(raw: Mapping[str, Any], *, limit_bytes: int, redactor: SecretRedactor) -> tuple[dict[str, Any], int]:
    """Clean and redact the result of another request than a tool call. Returns it with its size in bytes.

    Raises:
        ToolError: it is too large; what has no text of its own cannot be cut.
    """
    encoded, result = _encoded(dict(raw), [])
    if len(encoded) > limit_bytes:
        raise ToolError(f"The answer has {len(encoded)} bytes, the limit is {limit_bytes}.")
    if _may_hold_unwanted(encoded):
        result = without_unwanted(result)
    if not redactor.empty and redactor.finds(encoded.decode("utf-8", "replace")):
        result = redactor.value(result)
    return result, len(encoded)


def _shaped(raw: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """A copy with a list of blocks as `content`, whatever the server sent there."""
    result = dict(raw)
    content: Any = result.get("content")
    if content is None and "structuredContent" in result:
        content = [_text(_as_json(result["structuredContent"]))]
    elif isinstance(content, str):
        content = [_text(content)]
    elif not isinstance(content, list):
        notes.append("the server's answer held no content")
        content = []
    blocks = cast("list[Any]", content)
    if len(blocks) > _BLOCK_LIMIT:
        notes.append(f"{len(blocks) - _BLOCK_LIMIT} of {len(blocks)} parts were left out")
        blocks = blocks[:_BLOCK_LIMIT]
    result["content"] = [block if _is_block(block) else _text(_as_json(block)) for block in blocks]
    return result


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    typed = cast("dict[str, Any]", block)
    kind = typed.get("type")
    return isinstance(kind, str) and (kind != "text" or isinstance(typed.get("text"), str))


def _encoded(result: dict[str, Any], notes: list[str]) -> tuple[bytes, dict[str, Any]]:
    """The result as JSON, after flattening what is nested too deeply."""
    encoded = _json(result)
    if encoded is not None and encoded.count(b"[") + encoded.count(b"{") <= _JSON_DEPTH_HINT:
        return encoded, result
    if encoded is None or _is_deep(result):
        notes.append(f"parts nested deeper than {_DEPTH_LIMIT} levels were left out")
        result = cast("dict[str, Any]", _flattened(result, 0))
        encoded = _json(result) or b"{}"
    return encoded, result


def _json(value: object) -> bytes | None:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair, as broken servers send
        return json.dumps(value).encode()
    except RecursionError:
        return None


def _is_deep(value: Any) -> bool:
    """Walks level by level: depth must not cost stack."""
    level: list[Any] = [value]
    for _ in range(_DEPTH_LIMIT):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += cast("dict[Any, Any]", item).values()
            elif isinstance(item, list):
                below += cast("list[Any]", item)
        if not below:
            return False
        level = below
    return True


def _flattened(value: Any, depth: int) -> Any:
    if isinstance(value, dict | list) and depth >= _DEPTH_LIMIT:
        return "[left out: nested too deeply]"
    if isinstance(value, dict):
        return {key: _flattened(item, depth + 1) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_flattened(item, depth + 1) for item in cast("list[Any]", value)]
    return value


def _may_hold_unwanted(encoded: bytes) -> bool:
    """A cheap look before the thorough one."""
    if any(sign in encoded for sign in _ASCII_SIGNS):
        return True
    return not encoded.isascii() and _OTHER_SIGNS.search(encoded) is not None


def without_unwanted(value: Any) -> Any:
    """A copy without control, invisible and direction-changing characters, keys included."""
    if isinstance(value, str):
        return _UNWANTED.sub("", value)
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {without_unwanted(key): without_unwanted(item) for key, item in items}
    if isinstance(value, list):
        return [without_unwanted(item) for item in cast("list[Any]", value)]
    return value


def _cut(result: dict[str, Any], size: int, limit_bytes: int) -> dict[str, Any]:
    """Keep the beginning of the text; leave out structured content and files, which cannot be cut."""
    room = int(limit_bytes * _TEXT_SHARE)
    blocks: list[Any] = []
    for block in result["content"]:
        if room <= 0:
            break
        if block["type"] == "text":
            text = block["text"].encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
            blocks.append({**block, "text": text})
            room -= len(_json(text) or b"")
        elif len(_json(block) or b"") <= room:
            blocks.append(block)
            room -= len(_json(block) or b"")
        else:
            blocks.append(_text(f"[{str(block['type'])[:50]} left out: too large]"))
    notice = f"[Cut: the result has {size} bytes, the limit is {limit_bytes}. Ask for less, or for a part.]"
    kept: dict[str, Any] = {"content": [*blocks, _text(notice)]}
    if "isError" in result:
        kept["isError"] = bool(result["isError"])
    return kept


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _as_json(value: Any) -> str:
    encoded = _json(value)
    return encoded.decode() if encoded is not None else "[left out: nested too deeply]"
