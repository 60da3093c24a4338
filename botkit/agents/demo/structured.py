"""Objects for a schema from the words of a message: what `demo/offline` answers where JSON is asked for.

By rule and without knowledge, like everything it does: choices by the words they share with the text, numbers and
identifiers where they stand, grades by whether the text sounds sure.
"""

from __future__ import annotations

__all__ = ["structured"]

import re
from collections.abc import Sequence
from typing import Any, cast

from botkit.agents.words import STOP_WORDS, root, words
from botkit.core.schemas import Schema, as_schema, resolve, types_of

_NUMBER = re.compile(r"(?<![\w.#-])-?\d+(?:[.,]\d+)?(?![\w-])")
_IDENTIFIER = re.compile(r"\b(?=[\w-]*\d)[A-Za-z][\w-]*\d[\w-]*\b|#\w+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://\S+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_QUOTED = re.compile(r"<text>\n(.*?)\n</text>", re.DOTALL)
_UNSURE = re.compile(
    r"\b(?:not sure|unsure|don'?t know|do not know|maybe|perhaps|guess|cannot|can'?t|unable|unknown|no idea|failed|"
    r"error|none of|nothing)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:no|not|never|without|don'?t|doesn'?t|isn'?t)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)
_GRADES = frozenset(("score", "confidence", "certainty", "probability", "rating", "grade"))
_OPEN = ("other", "unknown", "none", "general", "else", "default")
_TEXT_LIMIT = 280
_DEPTH_LIMIT = 8


def structured(schema: Schema, prompt: str) -> Any:
    """A value that fits the schema, as far as rules can tell. Pure."""
    quoted = _QUOTED.search(prompt)
    return _value(schema, schema, "", quoted[1] if quoted else prompt, 0)


def _value(schema: Schema, root_schema: Schema, name: str, text: str, depth: int) -> Any:
    schema = resolve(schema, root_schema)
    if "const" in schema:
        return schema["const"]
    if options := cast("list[Any]", schema.get("enum") or []):
        return _choice(options, text)
    if depth > _DEPTH_LIMIT:
        return None
    wanted = types_of(schema, root_schema)
    if "object" in wanted:
        return _object(schema, root_schema, text, depth)
    if "array" in wanted:
        return _array(schema, root_schema, name, text, depth)
    if "boolean" in wanted:
        return _is_said(name, text)
    if "integer" in wanted or "number" in wanted:
        return _number(schema, name, text, whole="number" not in wanted)
    if "null" in wanted and "string" not in wanted:
        return None
    return _text(schema, name, text)


def _object(schema: Schema, root_schema: Schema, text: str, depth: int) -> dict[str, Any]:
    properties = as_schema(schema.get("properties"))
    return {
        name: _value(as_schema(child), root_schema, name, _labelled(name, text) or text, depth + 1)
        for name, child in properties.items()
    }


def _labelled(name: str, text: str) -> str:
    """What stands after `name:` on its line."""
    label = re.escape(name).replace("_", r"[ _]")
    found = re.search(rf"(?im)^\W*{label}\W*:\s*(.+)$", text)
    return found[1].strip() if found else ""


def _choice(options: Sequence[Any], text: str) -> Any:
    """The option that shares most words with the text; on none the open one, else the first."""
    said = {root(word) for word in words(text)}
    scored = [(len(said & {root(word) for word in words(str(option).replace("_", " "))}), option) for option in options]
    best = max(score for score, _ in scored)
    if best:
        return next(option for score, option in scored if score == best)
    return next((option for option in options if str(option).lower() in _OPEN), options[0])


def _array(schema: Schema, root_schema: Schema, name: str, text: str, depth: int) -> list[Any]:
    items = resolve(as_schema(schema.get("items")), root_schema)
    options = cast("list[Any]", items.get("enum") or [])
    if options:
        said = {root(word) for word in words(text)}
        found = [option for option in options if said & {root(word) for word in words(str(option))}]
        return found or options[: int(schema.get("minItems", 0))]
    lines = [
        line.lstrip("-*• 0123456789.").strip() for line in text.splitlines() if line.strip()[:1] in ("-", "*", "•")
    ]
    most = int(schema.get("maxItems", 20))
    if lines:
        return [_value(items, root_schema, name, line, depth + 1) for line in lines[:most]]
    return [_value(items, root_schema, name, text, depth + 1) for _ in range(int(schema.get("minItems", 0)))]


def _is_said(name: str, text: str) -> bool:
    """Whether the text has the words of the name, and does not deny them."""
    for word in words(name.replace("_", " ")):
        if word in STOP_WORDS or word in ("is", "has", "needs", "should"):
            continue
        for found in re.finditer(rf"(?i)\b{re.escape(root(word))}\w*", text):
            if not _NEGATED.search(text[: found.start()]):
                return True
    return False


def _number(schema: Schema, name: str, text: str, *, whole: bool) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low == 0 and high == 1:
        graded = any(part in _GRADES for part in name.lower().split("_")) or not _NUMBER.search(text)
        if graded:
            return 0.2 if _UNSURE.search(text) else 0.9
    found = _NUMBER.search(text)
    value = float(found[0].replace(",", ".")) if found else float(low or 0)
    value = max(value, float(low)) if low is not None else value
    value = min(value, float(high)) if high is not None else value
    return int(value) if whole or value.is_integer() else value


def _text(schema: Schema, name: str, text: str) -> str:
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        try:
            found = re.search(pattern.removeprefix("^").removesuffix("$"), text)
        except re.error:
            found = None
        if found:
            return found[0]
    kind = f"{name} {schema.get('format', '')}".lower()
    for word, shape in (("email", _EMAIL), ("mail", _EMAIL), ("url", _URL), ("uri", _URL), ("date", _DATE)):
        if word in kind:
            found = shape.search(text)
            return found[0] if found else ""
    if any(word in kind.replace("_", " ").split() for word in ("id", "order", "number", "ticket", "sku", "code")):
        found = _IDENTIFIER.search(text) or _NUMBER.search(text)
        return found[0].lstrip("#") if found else ""
    first = _SENTENCE.search(text.strip())
    limit = min(int(schema.get("maxLength", _TEXT_LIMIT)), _TEXT_LIMIT)
    return (first[0].strip() if first else "")[:limit]
