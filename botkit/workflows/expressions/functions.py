"""The registry of filters: `value | name(arguments)`, which can also be written `name(value, arguments)`."""

from __future__ import annotations

__all__ = ["FUNCTIONS", "LENIENT", "Function", "function", "load_functions"]

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botkit.workflows.expressions.errors import Refused

Work = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One filter, as documented."""

    name: str
    group: str
    """Heading of the reference."""
    run: Work
    """Takes the budget, the value, then the arguments."""
    example: str
    """An expression …"""
    gives: str
    """… and its value as JSON."""
    result: str
    """Kind of value it gives: a word of `kind_of`, or empty when it depends."""
    lenient: bool
    """Whether its first argument may be missing."""
    signature: inspect.Signature
    about: str

    def check(self, args: int, names: tuple[str, ...]) -> None:
        """Refuse arguments that it does not take. `args` counts the value itself."""
        try:
            self.signature.bind(*(None,) * (args + 1), **dict.fromkeys(names))
        except TypeError:
            raise Refused(f"`{self.name}` is used as `{self.usage}`") from None

    @property
    def usage(self) -> str:
        """`value | join(separator)`."""
        parameters = list(self.signature.parameters.values())[1:]
        if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
            return f"{self.name}(a, b, …)"
        shown = [
            each.name if each.default is inspect.Parameter.empty else f"{each.name}={_literal(each.default)}"
            for each in parameters[1:]
        ]
        arguments = f"({', '.join(shown)})" if shown else ""
        return f"{parameters[0].name} | {self.name}{arguments}"


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)


FUNCTIONS: dict[str, Function] = {}
LENIENT: set[str] = set()
"""Names of those whose first argument may be missing."""


def function(
    name: str, group: str, example: str, gives: str, *, result: str = "", lenient: bool = False
) -> Callable[[Work], Work]:
    """Register a filter. Its docstring is its documentation."""

    def register(run: Work) -> Work:
        about = inspect.cleandoc(run.__doc__ or "")
        FUNCTIONS[name] = Function(name, group, run, example, gives, result, lenient, inspect.signature(run), about)
        if lenient:
            LENIENT.add(name)
        return run

    return register


def load_functions() -> None:
    """Import every file of `filters/`."""
    from botkit.workflows.expressions import filters

    for module in pkgutil.iter_modules(filters.__path__):
        importlib.import_module(f"{filters.__name__}.{module.name}")
