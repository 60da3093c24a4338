"""The lines that travel over the control socket.

    → {"id": 1, "op": "runs.list", "args": {"limit": 20}}
    ← {"id": 1, "kind": "item", "value": …}      any number, for operations that stream
    ← {"id": 1, "kind": "result", "value": …}    or  {"id": 1, "kind": "error", "error": {…}}
    → {"id": 1, "op": ""}           stop a running operation

Arguments and results are the records of the operation's signature: `Operation` reads both from its
annotations, so an operation is declared once, as a method.
"""

from __future__ import annotations

__all__ = ["LINE_LIMIT_BYTES", "Operation", "Reply", "Request", "WireError", "find_operation", "from_wire", "to_wire"]

import inspect
from collections.abc import AsyncGenerator
from dataclasses import asdict
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

import botkit.core.errors as errors_module
from botkit.core.data import Data
from botkit.core.errors import BotkitError, NotFound, Problem

LINE_LIMIT_BYTES = 32 * 1024 * 1024
"""Longest line: a configuration with its files, a page of traces."""


class Request(Data):
    id: int
    op: str = ""
    """`group.name`; empty: stop this id."""
    args: msgspec.Raw = msgspec.Raw(b"{}")


class WireError(Data):
    """A `BotkitError` on its way to the other side."""

    kind: str
    """Class name in `botkit.core.errors`."""
    message: str
    problems: tuple[dict[str, Any], ...] = ()
    facts: dict[str, str] = {}


class Reply(Data):
    id: int
    kind: Literal["item", "result", "error"]
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: WireError | None = None


class Operation:
    """One method of one group, as both sides of the socket see it."""

    def __init__(self, function: Any):
        hints = get_type_hints(function)
        returned = hints.pop("return", None)
        self.streams = get_origin(returned) is AsyncGenerator
        """It is an async generator of items instead of a result."""
        self.returns: Any = get_args(returned)[0] if self.streams else returned
        self.args: type[msgspec.Struct] = msgspec.defstruct(
            f"{function.__qualname__}Args",
            [
                (name, hints[name])
                if parameter.default is inspect.Parameter.empty
                else (name, hints[name], parameter.default)
                for name, parameter in inspect.signature(function).parameters.items()
                if name != "self"
            ],
            forbid_unknown_fields=True,
            kw_only=True,
        )

    def encode_args(self, values: dict[str, Any]) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(self.args(**values)))

    def decode_args(self, raw: msgspec.Raw) -> dict[str, Any]:
        record = msgspec.json.decode(raw, type=self.args)
        return {name: getattr(record, name) for name in record.__struct_fields__}

    def decode(self, raw: msgspec.Raw) -> Any:
        return msgspec.json.decode(raw, type=self.returns if self.returns is not None else None)


@cache
def find_operation(operations: type, path: str) -> Operation:
    """The operation `group.name` of an operations class.

    Raises:
        NotFound: no such operation: the two processes are of different versions.
    """
    group, _, name = path.partition(".")
    kind = get_type_hints(operations).get(group)
    function = None if kind is None or name.startswith("_") else inspect.getattr_static(kind, name, None)
    if not inspect.isfunction(function):
        raise NotFound(f"the running botkit does not know '{path}': restart it, it is of another version")
    return Operation(function)


def to_wire(error: BotkitError) -> WireError:
    return WireError(
        kind=type(error).__name__,
        message=BotkitError.__str__(error) if not hasattr(error, "problems") else error.args[0],
        problems=tuple(asdict(problem) for problem in getattr(error, "problems", ())),
        facts={key: str(value) for key, value in error.facts.items()},
    )


def from_wire(wire: WireError) -> BotkitError:
    kind = getattr(errors_module, wire.kind, BotkitError)
    facts: dict[str, Any] = dict(wire.facts)
    if wire.problems:
        facts["problems"] = tuple(Problem(**problem) for problem in wire.problems)
    return kind(wire.message, **facts)
