"""Functions of a workspace: plain Python in `workspace/functions/`, run by botkit in processes of its own.

    from botkit.sdk import Call, function

    @function(idempotent=True)
    def price(sku: str, quantity: int = 1) -> float:
        '''What an order of this article costs, in euros.'''
        return 9.5 * quantity

Its annotations become the JSON Schema of its input, its docstring the description. A parameter annotated `Call` is not
part of the input: it tells of the call, and holds the secrets the function was given. Needs the standard library only.
"""

from __future__ import annotations

__all__ = ["Call", "FunctionFailed", "function"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """What a function may know of a call."""

    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Those that bots.yaml gives it, by name."""
    idempotency_key: str = ""
    """The same when a call is repeated after a lost answer."""
    workspace: str = ""
    person: str = ""
    trace_id: str = ""


class FunctionFailed(Exception):
    """Raised by a function that cannot do what it is asked: the message is for whoever called it.

    Args:
        code: readable in a workflow as `{{ error.code }}`.
        retryable: whether trying again may help.
    """

    def __init__(self, message: str, *, code: str = "failed", retryable: bool = False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable


@overload
def function(work: _F) -> _F: ...
@overload
def function(
    work: None = None, *, name: str = "", read_only: bool = False, idempotent: bool = False
) -> Callable[[_F], _F]: ...
def function(work: Any = None, *, name: str = "", read_only: bool = False, idempotent: bool = False) -> Any:
    """Make a function callable by bots and workflows.

    A file without this decorator offers the function that is called like the file.

    Args:
        name: letters, digits and underscores; the function's own when empty. Written plainly: botkit reads these
            without running the file.
        read_only: it changes nothing, anywhere.
        idempotent: calling it again with the same input changes nothing more, so a lost answer may be asked for again.
    """

    def mark(found: _F) -> _F:
        found.__botkit_function__ = {  # type: ignore[attr-defined]
            "name": name or found.__name__,
            "read_only": read_only,
            "idempotent": idempotent,
        }
        return found

    return mark(work) if work is not None else mark
