"""Keeps live secret values out of everything that is shown, stored or logged.

A value is known in every form it may come back in: as it is, URL-encoded, JSON-escaped, hexadecimal, and base64 at
all three alignments, in which a longer text may hold it.

Almost every text holds no secret, so *finding* one is what must be fast: Rust's regular expressions look for all forms
at once at gigabytes a second, and are at hand in pydantic-core. Compiling hundreds of secrets takes a third of a
second, and a new one may come with any call, so values are compiled in batches that are joined as they grow. Only a
text that holds a secret is then searched form by form.

Long values, such as private keys, are known in pieces, so that half of one is hidden too and a stream is never held
back for long.
"""

from __future__ import annotations

__all__ = ["MARK", "SecretRedactor", "forms_of"]

import base64
import bisect
import html
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, cast
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
_SHORTEST = 4
"""Shorter values cannot be told from ordinary text, so they are not redacted."""
_SHORTEST_ENCODED = 8
"""An encoded fragment shorter than this would match by accident."""
_PIECE = 64
"""Characters of the pieces in which longer values are known."""
_OVERLAP = 6
"""Characters neighbouring pieces share: enough that their base64 forms, which lack an end, meet."""
_BATCH_CHARS = 100_000
"""Characters of all forms in one compiled pattern; beyond, compiling takes long."""
_VALUES_LIMIT = 5000


def forms_of(value: str) -> set[str]:
    """Every text in which a value may appear. Empty for values too short to be told apart."""
    if len(value) < _SHORTEST:
        return set()
    raw = value.encode("utf-8", "surrogatepass")
    escaped = json.dumps(value)[1:-1]
    forms = {
        value,
        json.dumps(value, ensure_ascii=False)[1:-1],
        escaped,
        json.dumps(escaped)[1:-1],  # JSON inside JSON, as tools like to answer
        html.escape(value),
        html.escape(value, quote=False),
    }
    for encode in (quote, quote_plus):
        for safe in ("", "/"):
            encoded = encode(raw, safe=safe)
            forms |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)}
    fragments = {raw.hex(), raw.hex().upper()}
    for offset in range(3):
        # The first and last characters also depend on the neighbours of the value, so they are left out.
        padded = base64.b64encode(b"\0" * offset + raw).decode()
        start = (0, 2, 3)[offset]
        end = (offset + len(raw)) * 8 // 6
        fragments |= {padded[start:end], padded[start:end].replace("+", "-").replace("/", "_")}
    return forms | {fragment for fragment in fragments if len(fragment) >= _SHORTEST_ENCODED}


class SecretRedactor:
    """Implements `botkit.core.redact.Redactor`, and a structlog processor (`process`)."""

    def __init__(self, values: Iterable[str] = ()):
        self._values: OrderedDict[str, None] = OrderedDict()
        """In the order they were learned, long ones in pieces."""
        self._forms: list[str] = []
        """Of all values, sorted."""
        self._first: frozenset[str] = frozenset()
        """Characters with which a form begins."""
        self._longest = 0
        self._fresh: list[str] = []
        """Values in no batch yet."""
        self._batches: list[tuple[list[str], Callable[[str], bool]]] = []
        """Forms, and what finds them; the last one grows."""
        for value in values:
            self.add(value)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hide."""
        return not self._values

    def add(self, value: str) -> None:
        """Know a value from now on, also after it was rotated. Repeating costs nothing."""
        for piece in _pieces(value):
            if piece in self._values or len(piece) < _SHORTEST:
                continue
            self._values[piece] = None
            self._fresh.append(piece)
        if len(self._values) > _VALUES_LIMIT:
            self._forget_oldest()

    def text(self, value: str) -> str:
        """The text with every secret replaced by `[redacted]`."""
        if not self.finds(value):
            return value
        parts: list[str] = []
        shown = 0
        for start, end in self._spans(value):
            parts += [value[shown:start], MARK]
            shown = end
        return "".join([*parts, value[shown:]])

    def finds(self, value: str) -> bool:
        """Whether a text holds a secret."""
        if self._fresh:
            self._compile()
        return any(holds_one(value) for _, holds_one in self._batches)

    def value(self, value: Any) -> Any:
        """A copy of nested dicts, lists and texts without secrets; the value itself when there are none."""
        return value if self.empty else self._walk(value)

    def stream(self) -> _Stream:
        """For a text that arrives in pieces; values added meanwhile are known too."""
        return _Stream(self)

    def process(self, logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor. Put it last but for the renderer.

        Source: https://www.structlog.org/en/stable/processors.html
        """
        if not self.empty:
            for key, value in event.items():
                event[key] = self._walk(value)
        return event

    def settled(self, text: str) -> int:
        """How much of a text is certain, whatever follows: up to where a secret may have begun."""
        cut = self._open_end(text, 0)
        if self.finds(text):
            for start, end in self._spans(text):
                if start < cut <= end:  # what follows may overlap it, and then both are one
                    return start
        return cut

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._walk(k): self._walk(v) for k, v in cast("dict[Any, Any]", value).items()}
        if isinstance(value, list):
            return [self._walk(item) for item in cast("list[Any]", value)]
        if isinstance(value, tuple):
            return tuple(self._walk(item) for item in cast("tuple[Any, ...]", value))
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace")).encode()
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}") if self.finds(str(value)) else value
        return value

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets are, in order and apart from each other."""
        found: list[tuple[int, int]] = []
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                found.append((start, start + len(form)))
                start = text.find(form, start + 1)
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _open_end(self, text: str, start: int) -> int:
        """Where the end of a text begins that some form could continue; its length when there is none."""
        if self._fresh:
            self._compile()
        for begin in range(max(start, len(text) - self._longest), len(text)):
            if text[begin] in self._first and self._continues(text[begin:]):
                return begin
        return len(text)

    def _continues(self, beginning: str) -> bool:
        """Whether some form begins like this and goes on."""
        at = bisect.bisect_right(self._forms, beginning)
        return at < len(self._forms) and self._forms[at].startswith(beginning)

    def _compile(self) -> None:
        forms = [form for value in self._fresh for form in forms_of(value)]
        self._fresh = []
        self._forms = sorted({*self._forms, *forms})
        self._first = frozenset(form[0] for form in self._forms)
        self._longest = max(map(len, self._forms), default=0)
        # As in a binary counter: a batch is compiled anew only when as much has come again.
        while self._batches and _chars(self._batches[-1][0]) <= min(_chars(forms), _BATCH_CHARS - _chars(forms)):
            forms = self._batches.pop()[0] + forms
        self._batches += [(group, _finder(group)) for group in _groups(forms)]

    def _forget_oldest(self) -> None:
        """Drop a tenth at once, so that it happens rarely."""
        for _ in range(len(self._values) - _VALUES_LIMIT * 9 // 10):
            self._values.popitem(last=False)
        self._batches, self._forms, self._fresh = [], [], list(self._values)


class _Stream:
    """Implements `botkit.core.redact.StreamRedactor`."""

    def __init__(self, redactor: SecretRedactor):
        self._redactor = redactor
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        if self._redactor.empty:
            held, self._held = self._held, ""
            return held + piece
        text = self._held + piece
        cut = self._redactor.settled(text)
        self._held = text[cut:]
        return self._redactor.text(text[:cut])

    def flush(self) -> str:
        """The rest, at the end of the text."""
        rest, self._held = self._redactor.text(self._held), ""
        return rest


def _pieces(value: str) -> list[str]:
    """A value as it is known; a long one in pieces of equal size, the last one overlapping its neighbour."""
    if len(value) <= 2 * _PIECE:
        return [value]
    starts = range(0, len(value) - _PIECE, _PIECE - _OVERLAP)
    return [value[start : start + _PIECE] for start in starts] + [value[-_PIECE:]]


def _chars(forms: Iterable[str]) -> int:
    return sum(map(len, forms))


def _groups(forms: Iterable[str]) -> list[list[str]]:
    """Forms in groups that compile in a moment."""
    groups: list[list[str]] = []
    room = 0
    for form in forms:
        if room < len(form):
            groups.append([])
            room = _BATCH_CHARS
        groups[-1].append(form)
        room -= len(form)
    return groups


def _finder(forms: list[str]) -> Callable[[str], bool]:
    """A function that tells whether a text holds one of the forms."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    literals = [re.sub(r"[^A-Za-z0-9]", lambda found: f"\\x{{{ord(found[0]):x}}}", form) for form in forms]

    def search(text: str) -> bool:
        return any(form in text for form in forms)

    try:
        fast = SchemaValidator(core_schema.str_schema(pattern="|".join(literals), strict=True)).isinstance_python
    except SchemaError:  # beyond the size Rust allows
        return search

    def find(text: str) -> bool:
        # Half a surrogate pair is no valid text to Rust, which would then say that nothing was found.
        return fast(text) if text.isascii() or _is_unicode(text) else search(text)

    return find


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
