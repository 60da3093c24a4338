"""One API call as the server sees it, whatever its encoding, and the errors it can answer with."""

from __future__ import annotations

__all__ = ["ApiError", "Call", "Upload", "bad_request", "read_call"]

import json
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import BodyPartReader, web

from botkit.core.data import JSON


class ApiError(Exception):
    """A refused call: `{"ok": false, "error_code": …, "description": …, "parameters": …}`."""

    def __init__(self, code: int, description: str, **parameters: int):
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(description: str) -> ApiError:
    """A 400 with Telegram's prefix; the first letter goes lower case as its server does it."""
    if description[1:2] != "_" and not description[1:2].isupper():
        description = description[:1].lower() + description[1:]
    return ApiError(400, f"Bad Request: {description}")


@dataclass(slots=True)
class Upload:
    name: str
    data: bytes
    mime: str = "application/octet-stream"


@dataclass(slots=True)
class Call:
    """A method with its arguments. Forms carry everything as text, JSON bodies carry values: both read alike."""

    method: str
    args: dict[str, Any] = field(default_factory=dict[str, Any])
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name).strip())
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def value(self, name: str, what: str) -> JSON:
        """Decode a JSON argument; None when absent. `what` names it in the refusal."""
        value = self.args.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return cast("JSON", value)
        try:
            return cast("JSON", json.loads(value))
        except json.JSONDecodeError as error:
            raise bad_request(f"can't parse {what} JSON object") from error

    def items(self, name: str, what: str) -> list[dict[str, Any]]:
        """Decode a JSON array of objects; empty when absent."""
        value = self.value(name, what)
        if value is None:
            return []
        if not isinstance(value, list):
            raise bad_request(f"expected an Array of {what}")
        return [item for item in value if isinstance(item, dict)]

    def upload(self, name: str) -> Upload | None:
        """The file of an argument: a multipart part of that name, or `attach://other`."""
        reference = self.text(name)
        if reference.startswith("attach://"):
            return self.uploads.get(reference.removeprefix("attach://"))
        return self.uploads.get(name)


async def read_call(request: web.Request, method: str) -> Call:
    """Decode query, form, multipart or JSON body.

    Raises:
        ApiError: the body is not what its content type says.
    """
    call = Call(method, dict(request.query))
    match request.content_type:
        case "application/json":
            call.args |= _read_json(await request.read())
        case "multipart/form-data":
            await _read_multipart(request, call)
        case "application/x-www-form-urlencoded":
            call.args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        case _:
            await request.read()
    return call


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        value: object = json.loads(body) if body else {}
    except ValueError as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(value, dict):
        raise bad_request("JSON object expected")
    return cast("dict[str, Any]", value)


async def _read_multipart(request: web.Request, call: Call) -> None:
    try:
        reader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            data = bytes(await part.read())
            if part.filename is None:
                call.args[part.name] = data.decode("utf-8", "replace")
            else:
                mime = part.headers.get("Content-Type", "application/octet-stream")
                call.uploads[part.name] = Upload(part.filename, data, mime)
    except ValueError as error:
        raise bad_request("unexpected end of request content") from error
