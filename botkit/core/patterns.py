"""Regular expressions whose cost grows with the length of the text and never explodes, by RE2.

Patterns come from people who configure bots, and texts from strangers: `(a+)+$` on a long message must not stop
the process. RE2 has no look-around and no back-references; everything else is written as in Python.

Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

__all__ = ["Match", "Pattern", "PatternError", "compile_pattern"]

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol, cast

_PATTERN_LIMIT = 2_000
_MEMORY_LIMIT = 8 << 20
"""Bytes of a compiled pattern, its automaton included."""


class PatternError(ValueError):
    """The pattern is not one RE2 understands. `str(error)` says why, without the pattern."""


class Match(Protocol):
    """As of the module `re`."""

    def group(self, *groups: int | str) -> Any: ...
    def groups(self, default: Any = None) -> tuple[Any, ...]: ...
    def groupdict(self, default: Any = None) -> dict[str, Any]: ...
    def start(self, group: int | str = 0) -> int: ...
    def end(self, group: int | str = 0) -> int: ...


class Pattern(Protocol):
    """As of the module `re`."""

    @property
    def pattern(self) -> str: ...

    @property
    def groups(self) -> int: ...

    @property
    def groupindex(self) -> dict[str, int]: ...

    def search(self, text: str) -> Match | None: ...
    def match(self, text: str) -> Match | None: ...
    def fullmatch(self, text: str) -> Match | None: ...
    def finditer(self, text: str) -> Iterator[Match]: ...


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """A pattern ready to use, remembered by its text.

    Raises:
        PatternError: it is too long, too large when compiled, or not understood.
    """
    if len(pattern) > _PATTERN_LIMIT:
        raise PatternError(f"a pattern may have {_PATTERN_LIMIT} characters at most")
    import re2  # pyright: ignore[reportMissingTypeStubs] - ships none; few projects write a pattern

    library = cast("Any", re2)
    options = library.Options()
    options.max_mem = _MEMORY_LIMIT
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return cast("Pattern", library.compile(pattern, options))
    except library.error as failure:
        reason: Any = failure.args[0] if failure.args else "not understood"
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        look = "(?=" in pattern or "(?!" in pattern or "(?<" in pattern.replace("(?P<", "")
        more = "; look-around is not available" if look else ""
        raise PatternError(f"the pattern is not understood: {words}{more}") from None
    except UnicodeEncodeError:
        raise PatternError("the pattern is not valid Unicode") from None
