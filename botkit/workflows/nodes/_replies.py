"""What an answer has to be, and what it means."""

from __future__ import annotations

__all__ = ["Choice", "ReplyKind", "Unfit", "options_of", "value_of"]

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal
from urllib.parse import urlsplit

from botkit.core.forms import choices_of
from botkit.core.messages import Option
from botkit.workflows.expressions import ExpressionError, evaluate
from botkit.workflows.nodes._parts import NodePart

ReplyKind = Literal["text", "number", "integer", "boolean", "email", "phone", "url", "date", "file", "any"]
# What every mail server takes, not what the standard allows on paper.
_EMAIL = re.compile(r"[^\s@<>,;\"()\[\]\\]{1,64}@(?:[^\s@.<>,;\"()\[\]\\]+\.)+[^\s@.\d<>,;\"()\[\]\\]{2,63}")
_PHONE = re.compile(r"\+?\d{5,15}")
_YES = frozenset("yes y true 1 ok okay ja j sí si oui o sim s".split())  # noqa: SIM905
_NO = frozenset("no n false 0 nein non não nao".split())  # noqa: SIM905


class Unfit(Exception):
    """The answer does not fit. `str(error)` is a sentence for the person."""


class Choice(NodePart):
    """One thing to choose."""

    label: str
    """What people read."""
    value: str = ""
    """What becomes of it; the label when empty."""
    about: str = ""
    """A line below the label, where there is room for one."""


def options_of(choices: Sequence[str | Choice]) -> tuple[Option, ...]:
    """Choices as the options of a menu."""
    given = [Choice(label=each) if isinstance(each, str) else each for each in choices]
    return tuple(Option(label=each.label, value=each.value or each.label, about=each.about) for each in given)


def value_of(text: str, kind: ReplyKind, options: Sequence[Option], *, many: bool, files: int) -> Any:
    """What an answer in words means. Raises `Unfit`."""
    words = text.strip()
    if options:
        return _chosen(words, options, many=many)
    if kind == "file":
        if not files:
            raise Unfit("Please send a file.")
        return words
    if not words and not (kind == "any" and files):
        raise Unfit("Please write an answer.")
    if kind in ("number", "integer"):
        return _number(words, whole=kind == "integer")
    if kind == "boolean":
        if words.lower().rstrip(".!") in _YES | _NO:
            return words.lower().rstrip(".!") in _YES
        raise Unfit("Please answer yes or no.")
    reader = {"email": _email, "phone": _phone, "url": _url, "date": _date}.get(kind)
    return reader(words) if reader is not None else text


def _chosen(words: str, options: Sequence[Option], *, many: bool) -> Any:
    by_value = [option for option in options if option.value == words]
    found = tuple(by_value) or choices_of(words, options) or ()
    if not found or (len(found) > 1 and not many):
        raise Unfit("Please choose one of these." if not many else "Please choose from these.")
    values = [option.value for option in found]
    return values if many else values[0]


def _number(words: str, *, whole: bool) -> int | float:
    plain = words.replace("\u00a0", "").replace(" ", "")
    if re.fullmatch(r"[+-]?\d{1,12},\d{1,6}", plain):  # 12,5 is how most of Europe writes 12.5
        plain = plain.replace(",", ".")
    try:
        value = evaluate("t | number", {"t": plain})
    except ExpressionError:
        raise Unfit("Please answer with a number.") from None
    if whole and not float(value).is_integer():
        raise Unfit("Please answer with a whole number.")
    return int(value) if whole else value


def _email(words: str) -> str:
    if len(words) > 254 or not _EMAIL.fullmatch(words):
        raise Unfit("That is no email address. Please write it like name@example.com.")
    return words


def _phone(words: str) -> str:
    plain = re.sub(r"[\s()./-]", "", words)
    plain = f"+{plain[2:]}" if plain.startswith("00") else plain
    if not _PHONE.fullmatch(plain):
        raise Unfit("That is no phone number. Please write it with its country code, like +49 30 123456.")
    return plain


def _url(words: str) -> str:
    try:
        parts = urlsplit(words)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", words)
    except ValueError:
        fits = False
    if not fits:
        raise Unfit("That is no address of a page. Please write it like https://example.com.")
    return words


def _date(words: str) -> str:
    if match := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", words):
        words = f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    try:
        return date.fromisoformat(words).isoformat()
    except ValueError:
        raise Unfit("That is no date. Please write it like 2026-12-24.") from None
