"""Checking values against JSON Schemas that strangers may have written.

Source: https://json-schema.org/draft/2020-12
"""

# jsonschema_rs ships partial annotations: its validator and errors come through as Unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["problems", "schema_problem"]

from collections.abc import Sequence
from typing import Any, cast

from botkit.core.identity_cache import IdentityCache
from botkit.core.schemas import Schema


def _compile(schema: Schema) -> Any:
    import jsonschema_rs  # a library of megabytes, and many processes never check a value

    try:
        return jsonschema_rs.validator_for(schema, offline=True)
    except Exception:  # a broken schema binds nobody; the server will say what it wants
        return None


_validator = IdentityCache(_compile)


def problems(schema: Schema, value: object) -> list[str]:
    """What is wrong with a value, one sentence each; empty when they fit or the schema is no schema.

    Never follows a reference to another host: tool schemas come from strangers.
    """
    validator = _validator(schema)
    if validator is None:
        return []
    found = list(validator.iter_errors(value))
    sentences: list[str] = []
    for error in found:
        where = ".".join(str(step) for step in cast("Sequence[object]", error.instance_path))
        sentences.append(f"{where}: {error.message}" if where else str(error.message))
    return sentences


def schema_problem(schema: Schema) -> str:
    """What is wrong with a schema itself, in a sentence; empty when it can be used."""
    import jsonschema_rs

    try:
        jsonschema_rs.validator_for(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return str(getattr(error, "message", "") or error).splitlines()[0]
    return ""
