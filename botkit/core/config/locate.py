"""What pydantic found wrong → sentences with file, line, column, path and the nearest valid name."""

from __future__ import annotations

__all__ = ["flat", "known_keys", "locate_errors", "looks_secret", "nearest", "problem_at", "sentence_of", "shown"]

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from botkit.core.config.tree import Branch, Leaf, Node, Path, Place, dotted, find, value_place
from botkit.core.errors import Problem


def problem_at(root: Node, path: Sequence[str | int], message: str, hint: str = "", *, key: bool = False) -> Problem:
    """A problem with what stands at `path` (with its last key), or where its nearest existing parent stands."""
    found, node, place = find(root, path)
    whole = len(found) == len(path) and not key
    return _problem(value_place(node, place) if whole else place, message, path, hint)


def nearest(word: str, names: Iterable[str]) -> str:
    """`did you mean X?`, or nothing when no name is close."""
    close = difflib.get_close_matches(word, sorted(set(names)), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


_LOOKS_SECRET = re.compile(
    r"(?i)^((sk|pk|rk)[-_]|xox|xapp-|gh[a-z]?_|mwt_|aek_|akia|bearer$|eyj)|[0-9]{6,}:|[a-z0-9+/_-]{25,}"
)


def looks_secret(text: str) -> bool:
    """Whether a word of the text is shaped like a key or a token."""
    return any(_LOOKS_SECRET.search(word) for word in text.split())


def shown(text: str) -> str:
    """A short, harmless value in backticks, else `this value`: what was pasted may be a secret."""
    harmless = 0 < len(text) <= 40 and text.isprintable() and not looks_secret(text)
    return f"`{text}`" if harmless else "this value"


def locate_errors(error: ValidationError, root: Branch, model: type[BaseModel]) -> list[Problem]:
    """Every error of a validation, in words, at its place in the tree."""
    return [_located(detail, root, model) for detail in error.errors(include_url=False, include_input=False)]


def _located(detail: ErrorDetails, root: Branch, model: type[BaseModel]) -> Problem:
    loc: Path = detail["loc"]
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx") or {}
    path, node, place = find(root, loc)
    if kind == "missing":
        return _problem(place, f"`{loc[-1]}` is missing", path)
    if kind == "extra_forbidden":
        return _unknown_key(path, place, known_keys(model, loc[:-1]))
    if loc and loc[-1] != "[key]":
        place = value_place(node, place)
    if kind == "literal_error":
        return _wrong_choice(path, node, place, str(context.get("expected", "")))
    if kind == "botkit":
        return _problem(place, str(context["message"]) if "message" in context else detail["msg"], path)
    if kind == "string_pattern_mismatch":
        what = "this key" if loc and loc[-1] == "[key]" else "this"
        return _problem(place, f"{what} does not have the form expected here", path, _description(model, loc))
    sentence = _SENTENCES.get(kind)
    return _problem(place, sentence(context) if sentence else detail["msg"], path)


def sentence_of(detail: ErrorDetails) -> str:
    """One error of a validation in words, without its place."""
    context: dict[str, Any] = detail.get("ctx") or {}
    kind = detail["type"]
    if kind in ("literal_error", "enum"):
        return _wrong_choice((), Branch(Place("", 0, 0)), Place("", 0, 0), str(context.get("expected", ""))).message
    if kind == "string_pattern_mismatch":
        return "this does not have the form expected here"
    sentence = _SENTENCES.get(kind)
    return sentence(context) if sentence else detail["msg"].removeprefix("Value error, ")


def _problem(place: Place, message: str, path: Sequence[str | int], hint: str = "") -> Problem:
    return Problem(message, place.file, place.line, place.column, dotted(path), hint)


def _unknown_key(path: Path, place: Place, names: Iterable[str]) -> Problem:
    known = sorted(set(names))
    hint = nearest(str(path[-1]), known) if path else ""
    if not hint and known:
        hint = f"known here: {', '.join(known)}"
    return _problem(place, "unknown key", path, hint)


def _wrong_choice(path: Path, node: Node, place: Place, expected: str) -> Problem:
    choices = re.findall(r"'([^']*)'", expected) or [expected.lower()]
    wanted = ", ".join(choices[:-1]) + (" or " if len(choices) > 1 else "") + choices[-1]
    if len(choices) > 1 and isinstance(node, Leaf) and node.text:
        return _problem(place, f"{shown(node.text)} is not {wanted}", path, nearest(node.text, choices))
    return _problem(place, f"must be {wanted}", path)


def _number(bound: str) -> Callable[[dict[str, Any]], str]:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return lambda context: f"must be {words[bound]} {context[bound]:.15g}"


_SENTENCES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_equal": _number("ge"),
    "greater_than": _number("gt"),
    "less_than_equal": _number("le"),
    "less_than": _number("lt"),
    "int_type": lambda _: "must be a whole number, without quotes",
    "float_type": lambda _: "must be a number, without quotes",
    "bool_type": lambda _: "must be true or false, without quotes",
    "string_type": lambda _: "must be text; put numbers, true, false and null in quotes",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "finite_number": lambda _: "must be a finite number",
    "dict_type": lambda _: "must be a mapping of `key: value` lines",
    "mapping_type": lambda _: "must be a mapping of `key: value` lines",
    "model_type": lambda _: "must be a mapping of `key: value` lines",
    "model_attributes_type": lambda _: "must be a mapping of `key: value` lines",
    "list_type": lambda _: "must be a list of `- item` lines",
    "tuple_type": lambda _: "must be a list of `- item` lines",
    "too_short": lambda context: f"needs at least {context['min_length']} entries",
    "too_long": lambda context: f"takes at most {context['max_length']} entries",
    "string_too_short": lambda context: f"needs at least {context['min_length']} characters",
    "string_too_long": lambda context: f"takes at most {context['max_length']} characters",
    "decimal_max_places": lambda context: f"takes at most {context['decimal_places']} decimals",
    "decimal_max_digits": lambda context: f"takes at most {context['max_digits']} digits",
    "decimal_whole_digits": lambda context: "is too large an amount",
    "decimal_type": lambda _: "must be an amount of money such as 5 or 2.50",
    "union_tag_not_found": lambda _: "this does not have the form expected here",
    "union_tag_invalid": lambda _: "this does not have the form expected here",
}


def _description(model: type[BaseModel], loc: Path) -> str:
    """The first sentence about the field at `loc`, which says what form it has."""
    for end in range(len(loc), 0, -1):
        for parent in _models_at(model, loc[: end - 1]):
            for name, field in parent.model_fields.items():
                if loc[end - 1] in (name, field.alias) and field.description:
                    return " ".join(field.description.split()).split(". ")[0].rstrip(".")
    return ""


def known_keys(model: type[BaseModel], loc: Path) -> list[str]:
    """Keys a mapping at `loc` may have, found by walking the models' annotations along it."""
    return [field.alias or name for m in _models_at(model, loc) for name, field in m.model_fields.items()]


def _models_at(model: type[BaseModel], loc: Path) -> list[type[BaseModel]]:
    """Models that may stand at `loc`."""
    here: list[Any] = [model]
    for part in loc:
        tagged = [inner for a in here for inner in _tagged(a, part)]
        here = tagged or [inner for a in here for inner in _step(a, part)]
    return [m for a in here for m in flat(a) if isinstance(m, type) and issubclass(m, BaseModel)]


def flat(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation: members of unions, without `Annotated`."""
    origin = get_origin(annotation)
    if origin is None:
        yield annotation
    elif hasattr(annotation, "__metadata__"):
        yield from flat(get_args(annotation)[0])
    elif origin is Literal:
        return
    elif issubclass(origin, Mapping | Sequence) if isinstance(origin, type) else False:
        yield annotation
    else:
        for member in get_args(annotation):
            yield from flat(member)


def _tagged(annotation: Any, tag: str | int) -> Iterator[Any]:
    """Members of a tagged union that carry `tag`, the label pydantic puts into a location."""
    metadata: tuple[Any, ...] = getattr(annotation, "__metadata__", ())
    if any(isinstance(m, Tag) and m.tag == tag for m in metadata):
        yield get_args(annotation)[0]
        return
    for member in get_args(annotation) if get_origin(annotation) is not Literal else ():
        if member is not annotation:
            yield from _tagged(member, tag)


def _step(annotation: Any, part: str | int) -> Iterator[Any]:
    """Annotations of what stands under `part`."""
    for one in flat(annotation):
        origin, args = get_origin(one), get_args(one)
        if isinstance(one, type) and issubclass(one, BaseModel):
            for name, field in one.model_fields.items():
                if part in (name, field.alias):
                    yield field.annotation
        elif isinstance(origin, type) and issubclass(origin, Mapping) and len(args) == 2:
            yield args[1]
        elif isinstance(origin, type) and issubclass(origin, Sequence) and args:
            yield args[0]
