"""What kind of value a parameter wants, read from its name, format, pattern and description."""

from __future__ import annotations

__all__ = ["ID_WORDS", "fits", "is_text", "takes_files", "text_kind"]

from typing import Any

from botkit.agents.demo.toolbox import Parameter
from botkit.agents.schemas import problems
from botkit.core.schemas import as_schema

_ID_TEXT = "id key code number no num ref reference sku isbn iban uuid ticket tracking nr order issue pr"
ID_WORDS = frozenset(_ID_TEXT.split())
"""Last words in the names of parameters that take an identifier."""
_URL_WORDS = frozenset(("url", "link", "uri", "href", "website", "site", "domain", "host", "endpoint"))
_DATE_WORDS = frozenset(("date", "day", "due", "deadline", "since", "until", "before", "after", "birthday", "by"))
_TIME_WORDS = frozenset(("time", "start", "end", "when", "starts", "ends", "datetime", "timestamp", "at"))


def text_kind(parameter: Parameter) -> str:
    """What kind of text a parameter wants."""
    if takes_files(parameter):
        return "file"
    named = set(parameter.words)
    form = str(parameter.facet("format") or "")
    pattern = str(parameter.facet("pattern") or "")
    about = parameter.description.lower()
    if form == "email" or "email" in named or "@" in pattern:
        return "email"
    if form in ("uri", "url", "iri") or named & _URL_WORDS:
        return "url"
    if form == "date-time" or (named & _TIME_WORDS and ("iso" in about or "timestamp" in about)):
        return "time"
    if form == "date" or "yyyy-mm-dd" in about or (named & _DATE_WORDS and not named - _DATE_WORDS):
        return "date"
    if named & {"phone", "mobile", "telephone", "tel", "fax"}:
        return "phone"
    if pattern:
        return "pattern"
    if named & {"symbol", "ticker"}:
        return "ticker"
    if named & {"currency", "currencies"} or (named & {"from", "to", "base", "target"} and "currency" in about):
        return "currency"
    if named & {"path", "file", "filename", "filepath", "folder", "directory", "dir"}:
        return "path"
    if named & {"expression", "formula", "equation", "calculation", "expr"}:
        return "expression"
    last = parameter.words[-1] if parameter.words else ""
    if last in ID_WORDS and (last in ("id", "uuid", "sku", "iban", "isbn") or len(named) > 1 or "such as" in about):
        return "id"
    return "text"


def takes_files(parameter: Parameter) -> bool:
    """Whether it wants the id of a file, or several (`botkit.gateway.file_inputs`)."""
    return "x-mcp-file" in parameter.schema or "x-mcp-file" in as_schema(parameter.schema.get("items"))


def is_text(parameter: Parameter) -> bool:
    """Whether it takes free words: nothing about it says which ones."""
    kinds = parameter.types
    plain = not kinds or "string" in kinds
    simple = not parameter.options and parameter.facet("const") is None and "array" not in kinds
    return plain and simple and not {"integer", "number", "boolean"} & set(kinds) and text_kind(parameter) == "text"


def fits(parameter: Parameter, value: Any) -> bool:
    """Whether a value from earlier could be meant: the schema takes it, and it says something."""
    if value is None or isinstance(value, bool) or value == "":
        return False
    wrapped = {"type": "object", "properties": {parameter.name: parameter.schema}}
    definitions = {key: parameter.root[key] for key in ("$defs", "definitions") if key in parameter.root}
    return not problems({**wrapped, **definitions}, {parameter.name: value})
