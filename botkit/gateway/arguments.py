"""Arguments are checked against the tool's own schema before anything is sent.

A model that reads where it went wrong usually gets it right the second time, so every problem is named with its
place, and a misspelt property with its likely name.
"""

from __future__ import annotations

__all__ = ["ArgumentChecker", "compile_schema"]

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botkit.core.errors import InvalidArguments, Problem

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_PROBLEM_LIMIT = 10
_MESSAGE_CHARS = 300


class ArgumentChecker:
    """A compiled input schema. Made by `compile_schema`."""

    def __init__(self, schema: Mapping[str, Any]):
        import jsonschema_rs

        self._schema = schema
        self._validator = jsonschema_rs.validator_for(dict(schema), offline=True)

    def check(self, tool: str, arguments: dict[str, Any]) -> None:
        """Return when the arguments fit.

        Raises:
            InvalidArguments: with one `Problem` for each misfit, the message written for a model to act on.
        """
        if self._validator.is_valid(arguments):
            return
        problems: list[Problem] = []
        for error in self._validator.iter_errors(arguments):
            problems.append(self._explain(error))
            if len(problems) == _PROBLEM_LIMIT:
                break
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise InvalidArguments(
            f"The arguments do not fit {tool}; nothing was sent. Correct them and call again:\n{listed}",
            tuple(problems),
            tool=tool,
        )

    def _explain(self, error: ValidationError) -> Problem:
        path = ".".join(str(step) for step in error.instance_path)
        message = error.message
        return Problem(
            message=message if len(message) <= _MESSAGE_CHARS else f"{message[:_MESSAGE_CHARS]}…",
            path=path,
            hint=self._hint(error),
        )

    def _hint(self, error: ValidationError) -> str:
        """The nearest property to one that does not exist."""
        unexpected: list[str] = list(getattr(error.kind, "unexpected", None) or [])
        properties: Mapping[str, Any] = self._schema.get("properties") or {}
        if error.instance_path or not unexpected or not properties:
            return ""
        near = difflib.get_close_matches(unexpected[0], list(properties), n=1)
        return f"did you mean {near[0]}?" if near else f"there are: {', '.join(list(properties)[:20])}"


def compile_schema(schema: Mapping[str, Any]) -> ArgumentChecker:
    """Compile a tool's input schema. References to files and addresses are never followed.

    Raises:
        ValueError: the schema is not valid; the message says why, in one line.
    """
    import jsonschema_rs

    try:
        return ArgumentChecker(schema)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(error.message[:_MESSAGE_CHARS]) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)[:_MESSAGE_CHARS]) from error
