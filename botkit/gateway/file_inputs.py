"""Files as arguments: a tool says which, a model names one by its id, the server gets the bytes.

A tool declares such an argument in its input schema, as the draft of the protocol has it, alone or in an array:

    {"type": "string", "format": "uri", "x-mcp-file": {"accept": ["image/*"], "maxSize": 1000000}}

Bots are told to give the id of a file of their conversation; right before the call it becomes a data URI with the
file's type and name. What is journaled, approved and logged is the id. Other MCP clients send data URIs themselves.

Source: https://github.com/modelcontextprotocol/modelcontextprotocol/pull/2356
"""

from __future__ import annotations

__all__ = ["CallFile", "CallFiles", "FileInput", "described", "file_inputs", "with_files"]

import base64
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol, cast
from urllib.parse import quote

from botkit.core.data import Data
from botkit.core.errors import InvalidArguments, LimitReached, NotFound, Problem

_KEYWORD = "x-mcp-file"
_CALL_LIMIT_BYTES = 10 * 1024 * 1024
"""Of all files of one call together: they travel within one message."""
_HOW = "Give the id of a file of this conversation, as it stands beside an attachment (`file id …`)."


class CallFile(Data):
    """A stored file."""

    name: str
    mime: str
    data: bytes


class CallFiles(Protocol):
    async def read(self, file_id: str, *, run_id: str, limit_bytes: int) -> CallFile:
        """A file of the conversation a run belongs to.

        Raises:
            NotFound: there is none of that id in that conversation.
            LimitReached: it is larger.
        """
        ...


class FileInput(Data):
    """An argument that takes a file, or several."""

    name: str
    many: bool = False
    accept: tuple[str, ...] = ()
    """Media types such as `image/*`; empty: any."""
    limit_bytes: int = _CALL_LIMIT_BYTES


def file_inputs(schema: Mapping[str, Any]) -> tuple[FileInput, ...]:
    """The arguments of a tool that take files."""
    properties = _mapping(schema.get("properties"))
    found: list[FileInput] = []
    for name, value in properties.items():
        one, items = _mapping(value), _mapping(_mapping(value).get("items"))
        for holder, many in ((one, False), (items, True)):
            if _KEYWORD in holder:
                found.append(_input(name, many, _mapping(holder[_KEYWORD])))
    return tuple(found)


def _input(name: str, many: bool, wanted: Mapping[str, Any]) -> FileInput:
    accept = wanted.get("accept")
    types = tuple(str(one) for one in cast("list[Any]", accept)) if isinstance(accept, list) else ()
    size = wanted.get("maxSize")
    limit = size if isinstance(size, int) and 0 < size < _CALL_LIMIT_BYTES else _CALL_LIMIT_BYTES
    return FileInput(name=name, many=many, accept=types, limit_bytes=limit)


def described(definition: Mapping[str, Any], inputs: Sequence[FileInput]) -> dict[str, Any]:
    """A tool's definition for a model, which has ids and no addresses."""
    schema = _mapping(definition.get("inputSchema"))
    properties = dict(_mapping(schema.get("properties")))
    for one in inputs:
        told = dict(_mapping(properties[one.name]))
        words = [str(told.get("description") or ""), _HOW, f"Takes {', '.join(one.accept)}." if one.accept else ""]
        told["description"] = " ".join(filter(None, words))
        told.pop("format", None)
        if one.many:
            told["items"] = {key: value for key, value in _mapping(told["items"]).items() if key != "format"}
        properties[one.name] = told
    return {**definition, "inputSchema": {**schema, "properties": properties}}


async def with_files(
    tool: str, arguments: Mapping[str, Any], inputs: Sequence[FileInput], files: CallFiles, *, run_id: str
) -> dict[str, Any]:
    """The arguments with data URIs in place of ids. What is one already stays.

    Raises:
        InvalidArguments: a file is not of this conversation, too large, or of another type; written for a model.
    """
    resolved = dict(arguments)
    room = _CALL_LIMIT_BYTES
    for one in inputs:
        given = arguments.get(one.name)
        values = cast("list[Any]", given) if one.many and isinstance(given, list) else [given]
        uris: list[Any] = []
        for value in values:
            if not isinstance(value, str) or value.startswith("data:"):
                uris.append(value)
                continue
            file = await _read(tool, one, value, files, run_id, min(room, one.limit_bytes))
            room -= len(file.data)
            uris.append(_data_uri(file))
        if given is not None:
            resolved[one.name] = uris if one.many and isinstance(given, list) else uris[0]
    return resolved


async def _read(tool: str, one: FileInput, file_id: str, files: CallFiles, run_id: str, limit_bytes: int) -> CallFile:
    try:
        file = await files.read(file_id.strip(), run_id=run_id, limit_bytes=limit_bytes)
    except NotFound:
        raise _refused(tool, one.name, f"there is no file {file_id[:100]!r} in this conversation. {_HOW}") from None
    except LimitReached:
        raise _refused(tool, one.name, f"the file is larger than the {limit_bytes} bytes that fit here") from None
    if one.accept and not any(fnmatchcase(file.mime.casefold(), pattern.casefold()) for pattern in one.accept):
        raise _refused(tool, one.name, f"it takes {', '.join(one.accept)}, and this file is {file.mime or 'unknown'}")
    return file


def _refused(tool: str, path: str, message: str) -> InvalidArguments:
    problem = Problem(message=message, path=path)
    return InvalidArguments(f"The arguments do not fit {tool}; nothing was sent:\n- {problem}", (problem,), tool=tool)


def _data_uri(file: CallFile) -> str:
    mime = file.mime.partition(";")[0].strip() or "application/octet-stream"
    name = f";name={quote(file.name, safe='')}" if file.name else ""
    return f"data:{mime}{name};base64,{base64.b64encode(file.data).decode()}"


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
