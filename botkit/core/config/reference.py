"""The reference page of `bots.yaml`, written from the models: every key with its type, default and sentence."""

from __future__ import annotations

__all__ = ["model_sections", "reference_markdown"]

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from botkit.core.config.emit import inline
from botkit.core.config.locate import flat
from botkit.core.config.models import Document
from botkit.core.config.unavailable import UNAVAILABLE

_INTRO = """\
# bots.yaml

This page is generated from the models botkit checks your file with; `botkit check` tells every mistake with its
place. For completion in your editor, write the schema with `botkit schema > docs/bots.schema.json` and begin the
file with

```yaml
# yaml-language-server: $schema=./docs/bots.schema.json
```

## How values are written

- **Variables**: `${NAME}` takes a value from the environment or the project's `.env`; `${NAME:-default}` has a
  default for a missing or empty one; `$${` writes the characters themselves. A missing variable is a mistake.
  Numbers and flags may come from variables too. `${{name}}` is left alone.
- **Secrets**: `{secret: NAME}` names a stored secret, see `botkit secrets set`. Where a secret is expected, a value
  in the file is refused.
- **Lists**: where a list is expected, a single entry may stand alone.
- **Names** of bots, channels and so on have at most 32 lower-case letters, digits and single hyphens.
- **YAML 1.2**: `yes`, `no`, `on` and `off` are text; flags are `true` and `false`. A key that stands twice is a
  mistake; tags are refused; anchors, aliases and `<<` work.
- **Includes** are merged below the file that names them, key by key; the including file wins, and of two includes
  the later one. Paths of `include` and `prompt_file` are relative to their file, other paths to the project.
"""


def reference_markdown() -> str:
    """The page as Markdown, the same text for the same models."""
    return f"{_INTRO}\n{model_sections(Document)}"


def model_sections(top: type[BaseModel]) -> str:
    """The top keys of a kind of file, and every model below them, as Markdown."""
    lines = ["## Top keys", "", *_table(top), ""]
    for model in _models(top):
        lines += [f"## {_title(model)}", "", _prose(model), "", *_table(model), ""]
    return "\n".join(lines).rstrip() + "\n"


def _models(top: type[BaseModel]) -> list[type[BaseModel]]:
    """Every model below the top, each once, in the order of the file."""
    found: dict[type[BaseModel], None] = {}

    def visit(model: type[BaseModel]) -> None:
        for field in model.model_fields.values():
            for inner in _inner_models(field.annotation):
                if inner not in found and inner.__name__ not in _TOLD_ABOVE:
                    found[inner] = None
                    visit(inner)

    visit(top)
    return list(found)


_TOLD_ABOVE = frozenset({"SecretRef"})


def _inner_models(annotation: Any) -> Iterator[type[BaseModel]]:
    for one in flat(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
        for inner in get_args(one) if get_origin(one) is not Literal else ():
            if inner is not Ellipsis:
                yield from _inner_models(inner)


def _table(model: type[BaseModel]) -> list[str]:
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name == "discovered":  # set by botkit
            continue
        key = field.alias or name
        note = "*Not available yet.* " if _is_unavailable(model, key) else ""
        text = note + " ".join((field.description or "").split())
        lines.append(
            f"| `{key}` | {_escape(_type(field.annotation) + _limits(field))} | {_default(field)} | {_escape(text)} |"
        )
    return lines


def _is_unavailable(model: type[BaseModel], key: str) -> bool:
    if model is Document:
        return any(row.path == (key,) for row in UNAVAILABLE)
    section = next((s for s, f in Document.model_fields.items() if model in set(_inner_models(f.annotation))), None)
    return any(row.path == (section, "*", key) and row.value is None for row in UNAVAILABLE)


def _type(annotation: Any) -> str:
    """A type in words: `text`, `number`, `list of Rule`, `name → Bot`, `queue` \\| `merge`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _type(args[0])
    if origin is Literal:
        return " \\| ".join(f"`{inline(choice)}`" for choice in args)
    if origin in (Union, types.UnionType):
        members = [_type(member) for member in args if member is not type(None)]
        return " or ".join(dict.fromkeys(members))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"name → {_type(args[1])}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list of {_type(args[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "secret" if annotation.__name__ == "SecretRef" else f"[{_title(annotation)}](#{_anchor(annotation)})"
    return _WORDS.get(annotation, "any value")


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` \\| `false`",
    Decimal: "number",
}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, BaseModel) or (isinstance(value, str | Mapping | tuple) and not value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{_escape(inline(cast('Any', value)))}`"


def _limits(field: FieldInfo) -> str:
    """` (1 to 200)`, from the constraints of the field."""
    bounds = {key: getattr(m, key) for m in field.metadata for key in ("ge", "gt", "le") if hasattr(m, key)}
    low, above, high = (f"{bounds[key]:.15g}" if key in bounds else "" for key in ("ge", "gt", "le"))
    if low and high:
        return f" ({low} to {high})"
    words = [f"{low} or more" if low else "", f"above {above}" if above else "", f"up to {high}" if high else ""]
    return f" ({', '.join(word for word in words if word)})" if bounds else ""


def _title(model: type[BaseModel]) -> str:
    name = _TITLES.get(model.__name__, model.__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize().replace("Whats app", "WhatsApp")


_TITLES = {"ModelSpec": "Model"}


def _anchor(model: type[BaseModel]) -> str:
    return _title(model).lower().replace(" ", "-")


def _prose(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _escape(text: str) -> str:
    """A bar ends a table cell unless escaped, also inside of code."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)
