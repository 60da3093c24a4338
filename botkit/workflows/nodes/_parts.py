"""The base of what stands inside a node's fields: cases, rules, choices."""

from __future__ import annotations

__all__ = ["NodePart"]

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class NodePart(BaseModel):
    """Unknown fields are refused; `camelCase` names are understood, as in nodes themselves."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )
