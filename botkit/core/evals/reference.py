"""The reference page and the JSON Schema of evaluations, written from the models.

python -m botkit.core.evals.reference
"""

from __future__ import annotations

__all__ = ["eval_reference", "eval_schema"]

from pathlib import Path
from typing import Any, cast

from botkit.core.config.reference import model_sections
from botkit.core.evals.models import EvalFile

_INTRO = """\
# Evaluations

This page is generated from the models botkit reads `workspace/evals/*.yaml` with; `botkit eval` tells every mistake
with its place. How to write and run them: [the guide](guides/evals.md). For completion in your editor, write the schema
with `botkit schema --evals --output evals.schema.json` and begin the file with

```yaml
# yaml-language-server: $schema=../../evals.schema.json
```

Where a list is expected, a single entry may stand alone. Files that end in `.test.yaml` are cases of workflows, for
`botkit workflows test`. A file with `team` and `cases: {MEMBER: [message, …]}` measures routing, and passes when the
fraction `at_least` (1 when it is not named) finds its member.
"""
_SHORT_FORMS: dict[str, dict[str, Any]] = {
    "Turn": {"type": "string", "description": "What is said."},
    "Called": {"type": "string", "description": "The tool."},
    "Money": {"type": ["number", "string"], "description": "The amount, such as 5 or 0.02 USD."},
}
"""What may stand instead of a mapping, by the name of the model."""


def eval_reference() -> str:
    """The page as Markdown."""
    return f"{_INTRO}\n{model_sections(EvalFile)}"


def eval_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a file."""
    schema: dict[str, Any] = EvalFile.model_json_schema(mode="validation", by_alias=True)
    definitions = cast("dict[str, dict[str, Any]]", schema["$defs"])
    for name, short in _SHORT_FORMS.items():
        definitions[name] = {"anyOf": [definitions[name], short]}
    rest = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Evaluation",
        "description": "Conversations as test cases of botkit.",
        **cast("dict[str, Any]", _untitled(rest)),
    }


def _untitled(node: Any) -> Any:
    """Without titles that only repeat the key."""
    if isinstance(node, list):
        return [_untitled(item) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    found = cast("dict[str, Any]", node)
    names = {"properties", "$defs"}
    return {
        key: {name: _untitled(child) for name, child in value.items()} if key in names else _untitled(value)
        for key, value in found.items()
        if not (key == "title" and isinstance(value, str))
    }


if __name__ == "__main__":
    Path("docs/evals-yaml.md").write_text(eval_reference(), encoding="utf-8")
