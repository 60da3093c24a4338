"""JSON-RPC as this door speaks it: reading a message, and the errors it answers with.

Source: https://www.jsonrpc.org/specification and https://modelcontextprotocol.io/specification/2026-07-28/schema
"""

from __future__ import annotations

__all__ = [
    "APPROVAL_NEEDED",
    "CANCELLED",
    "HEADER_MISMATCH",
    "INTERNAL",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "LIMITED",
    "METHOD_NOT_FOUND",
    "MISSING_CAPABILITY",
    "PARSE_ERROR",
    "RESOURCE_NOT_FOUND",
    "UNAUTHORIZED",
    "UNSUPPORTED_VERSION",
    "Refusal",
    "as_object",
    "encode",
    "encode_lossy",
    "error_message",
    "is_object",
    "is_request_id",
    "read_json",
    "result_message",
    "status_of",
]

import json
from typing import Any, cast

import msgspec

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
UNAUTHORIZED = -32001
RESOURCE_NOT_FOUND = -32002
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
LIMITED = -32029
APPROVAL_NEEDED = -32050
CANCELLED = -32800

_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
    LIMITED: 429,
}
"""HTTP status of an error in the modern era; others are 200."""

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Refusal(Exception):
    """A request is answered with an error.

    Args:
        status: of the HTTP answer, where it is not the one that belongs to the code.
    """

    def __init__(self, code: int, message: str, data: object = None, *, status: int = 0):
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status

    @property
    def retry_after_s(self) -> int:
        """Seconds to wait, for a limit that was reached; 0 when nobody knows."""
        seconds: Any = as_object(self.data).get("retryAfter") if self.code == LIMITED else 0
        return seconds if isinstance(seconds, int) else 0


def status_of(refusal: Refusal, *, modern: bool) -> int:
    """The HTTP status of an error that answers a request."""
    if refusal.status:
        return refusal.status
    if modern or refusal.code == LIMITED:
        return _STATUS.get(refusal.code, 200)
    return 200


def read_json(body: bytes) -> Any:
    """Decode a body. Raises `Refusal`."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refusal(PARSE_ERROR, "The body is not JSON.", status=400) from error


def is_request_id(value: object) -> bool:
    """Whether it can be the id of a request: a text or a whole number."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def result_message(request_id: object, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_message(request_id: object, refusal: Refusal) -> dict[str, Any]:
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.data is not None:
        error["data"] = refusal.data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def encode_lossy(message: Any) -> bytes:
    """JSON also of what holds half a surrogate pair, as broken servers send."""
    try:
        return encode(message)
    except UnicodeEncodeError:
        return json.dumps(message).encode()


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def as_object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
