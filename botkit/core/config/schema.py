"""The JSON Schema of `bots.yaml`, for editors: completion, descriptions, red underlines.

A file names it in its first line: `# yaml-language-server: $schema=./docs/bots.schema.json`. Editors check
one file at a time and know neither variables nor other files, so the schema allows a little more than
`botkit check`: a placeholder anywhere, and parts that another file may complete.

Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

__all__ = ["config_schema"]

from typing import Any, cast

from botkit.core.config.models import PLATFORMS, Document

Schema = dict[str, Any]

_VARIABLE = "#/$defs/Variable"
_SHORT_FORMS: dict[str, Schema] = {
    "Escalate": {"type": "string"},
    "ModelSpec": {"type": "string", "pattern": "/"},
    "Money": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9]"}]},
    "Workflow": {"type": "string"},
}
"""What may stand instead of a mapping, by the name of the model."""
_FROM_ELSEWHERE: Schema = {
    "type": {"enum": ["stdio", "http", "sse", "streamable-http", "streamableHttp", "streamable_http"]},
    "disabled": {"type": "boolean"},
}
"""Keys of servers in the files of Claude, Cursor and VS Code."""


def config_schema() -> Schema:
    """JSON Schema 2020-12 of the whole file, with a description for every key."""
    schema: Schema = Document.model_json_schema(mode="validation", by_alias=True)
    definitions = cast("dict[str, Schema]", schema["$defs"])
    _servers_as_pasted(schema, definitions)
    definitions["PluginChannel"]["properties"]["platform"]["not"] = {"enum": list(PLATFORMS)}
    for key, section in cast("dict[str, Schema]", schema["properties"]).items():
        schema["properties"][key] = _may_be_empty(section)
    schema = cast("Schema", _rewrite(schema))
    schema["$defs"]["Variable"] = {
        "type": "string",
        "pattern": r"\$\{(env:)?[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\}",
        "description": "A value from the environment: ${NAME} or ${NAME:-default}.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bots.yaml",
        "description": "Configuration of botkit.",
        **{k: v for k, v in schema.items() if k not in ("title", "description")},
    }


def _servers_as_pasted(schema: Schema, definitions: dict[str, Schema]) -> None:
    """What other programs write, and a hosted server whose file stands in `workspace/servers/`."""
    hosted, command, remote = (definitions[n] for n in ("HostedServer", "CommandServer", "RemoteServer"))
    hosted["properties"].pop("discovered")
    hosted["required"] = []
    for server in (command, remote):
        server["properties"].update(_FROM_ELSEWHERE)
    remote["properties"].update({"serverUrl": remote["properties"]["url"], "httpUrl": remote["properties"]["url"]})
    remote.pop("required")
    remote["anyOf"] = [{"required": [key]} for key in ("url", "serverUrl", "httpUrl")]
    servers = schema["properties"]["servers"]
    servers["properties"] = {
        "mcpServers": {"type": "object", "patternProperties": servers["patternProperties"]},
    }


def _may_be_empty(section: Schema) -> Schema:
    """`bots:` and `bots: {helper: }` are fine while somebody types."""
    entries = cast("dict[str, Schema]", section.get("patternProperties", {}))
    if entries:
        empty: Schema = {"type": "null"}
        section = {**section, "patternProperties": {k: {"anyOf": [v, empty]} for k, v in entries.items()}}
    description = section.get("description")
    return {"anyOf": [section, {"type": "null"}], **({"description": description} if description else {})}


def _rewrite(node: Any) -> Any:
    """Allow placeholders and short forms everywhere; drop titles that only repeat the key."""
    if isinstance(node, list):
        return [_rewrite(item) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    schema: Schema = {}
    for key, value in cast("Schema", node).items():
        if key in ("properties", "$defs", "patternProperties"):
            schema[key] = {name: _rewrite(child) for name, child in cast("Schema", value).items()}
        elif key == "default":
            if isinstance(value, str | int | float):  # others only say that nothing is there
                schema[key] = value
        elif key in ("const", "enum", "not", "propertyNames"):
            schema[key] = value
        elif key == "oneOf":
            schema["anyOf"] = _rewrite(value)
        elif key not in ("title", "discriminator"):
            schema[key] = _rewrite(value)
    if "patternProperties" in schema:
        schema.setdefault("additionalProperties", False)
    return _with_alternatives(schema)


def _with_alternatives(schema: Schema) -> Schema:
    short = _SHORT_FORMS.get(str(schema.get("$ref", "")).rpartition("/")[2])
    if short is not None:
        return _any_of(schema, short)
    if schema.get("type") in ("integer", "number", "boolean") or "enum" in schema or "const" in schema:
        return _any_of(schema, {"$ref": _VARIABLE})
    if schema.get("type") == "string" and ("pattern" in schema or "maxLength" in schema):
        return _any_of(schema, {"$ref": _VARIABLE})
    return schema


def _any_of(schema: Schema, other: Schema) -> Schema:
    """Either; what describes the value moves outside, where editors look for it."""
    outside = {key: schema[key] for key in ("description", "default") if key in schema}
    inside = {key: value for key, value in schema.items() if key not in outside}
    return {"anyOf": [inside, other], **outside}
