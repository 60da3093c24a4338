"""Filters that work on numbers and amounts of money."""

from __future__ import annotations

__all__: list[str] = []

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_items, as_number, as_text, as_whole, pick
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import finite, kind_of, truth

_GROUP = "Numbers and money"
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "BRL": "R$"}
_WITHOUT_CENTS = {"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "TWD"}
# Thousands, decimal point, and whether the currency follows the amount.
_STYLES = {
    "en": (",", ".", False),
    "de": (".", ",", True),
    "fr": ("\u202f", ",", True),
    "es": (".", ",", True),
    "pt": (".", ",", True),
}


@function("number", _GROUP, "'12.50' | number", "12.5", result="number")
def number(budget: Budget, value: Any, fallback: Any = None) -> Any:
    """Text as a number, or the fallback where it is not one. Digits with `.`; no thousands separators."""
    if kind_of(value) == "number":
        return value
    words = as_text(value, budget).strip() if isinstance(value, str) else ""
    try:
        if words and len(words) <= 40 and "_" not in words:
            return finite(int(words) if words.lstrip("+-").isdigit() else float(words))
    except (ValueError, Refused):
        pass
    if fallback is not None:
        return fallback
    raise Refused("this is not a number", "give a fallback, as in `| number(0)`")


@function("is_number", _GROUP, "'12a' | is_number", "false", result="boolean")
def is_number(budget: Budget, value: Any) -> bool:
    """Whether it is a number, or text that `number` can read. For the kind alone, ask `kind`."""
    return kind_of(value) == "number" or (isinstance(value, str) and number(budget, value, False) is not False)


@function("round", _GROUP, "2.675 | round(2)", "2.68", result="number")
def round_(budget: Budget, value: Any, digits: Any = 0) -> Any:
    """Rounded to that many digits after the point, halves away from zero; whole numbers for 0."""
    given, places = as_number(value), as_whole(digits, 0, 15)
    rounded = _decimal(given).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return finite(int(rounded) if places == 0 else float(rounded))


def _decimal(value: float) -> Decimal:
    try:
        # Through its text: 2.675 is meant as 2.675, not as the binary fraction just below it.
        exact = Decimal(repr(value))
    except InvalidOperation:
        raise Refused("this is not a number") from None
    if abs(exact) >= Decimal("1e12"):
        raise Refused("the number is too large to be rounded")
    return exact


@function("floor", _GROUP, "2.9 | floor", "2", result="number")
def floor(budget: Budget, value: Any) -> int:
    """The next whole number below."""
    return finite(int(as_number(value) // 1))


@function("ceil", _GROUP, "2.1 | ceil", "3", result="number")
def ceil(budget: Budget, value: Any) -> int:
    """The next whole number above."""
    return finite(-int(-as_number(value) // 1))


@function("abs", _GROUP, "-3 | abs", "3", result="number")
def abs_(budget: Budget, value: Any) -> Any:
    """Without its sign."""
    return abs(as_number(value))


@function("clamp", _GROUP, "17 | clamp(0, 10)", "10", result="number")
def clamp(budget: Budget, value: Any, least: Any, most: Any) -> Any:
    """Not below `least`, not above `most`."""
    return max(as_number(least), min(as_number(value), as_number(most)))


@function("min", _GROUP, "min(3, 1, 2)", "1", result="number")
def min_(budget: Budget, *values: Any) -> Any:
    """The smallest of several numbers, or of a list of numbers."""
    return min(_several(budget, values))


@function("max", _GROUP, "[3, 1, 2] | max", "3", result="number")
def max_(budget: Budget, *values: Any) -> Any:
    """The largest of several numbers, or of a list of numbers."""
    return max(_several(budget, values))


def _several(budget: Budget, values: tuple[Any, ...]) -> list[int | float]:
    items = as_items(values[0], budget) if len(values) == 1 and kind_of(values[0]) == "list" else list(values)
    if not items:
        raise Refused("there are no numbers")
    return [as_number(item) for item in items]


@function("sum", _GROUP, "order.items | sum('price')", "612.5", result="number")
def sum_(budget: Budget, value: Any, field: Any = None) -> Any:
    """The sum of a list of numbers, or of one field of its items; 0 for none."""
    total: int | float = 0
    for item in as_items(value, budget):
        total = finite(total + as_number(pick(item, field, budget)))
    return round(total, 9) if isinstance(total, float) else total


@function("percent", _GROUP, "0.1234 | percent(1)", '"12.3%"', result="text")
def percent(budget: Budget, value: Any, digits: Any = 0) -> str:
    """A share as a percentage."""
    return f"{_grouped(finite(as_number(value) * 100), as_whole(digits, 0, 10), '', '.')}%"


@function("grouped", _GROUP, "1234567.891 | grouped(2)", '"1,234,567.89"', result="text")
def grouped(budget: Budget, value: Any, digits: Any = 0, locale: Any = "en") -> str:
    """With separators between thousands, as in `en`, `de`, `fr`, `es` or `pt`."""
    thousands, point, _ = _style(locale, budget)
    return _grouped(as_number(value), as_whole(digits, 0, 10), thousands, point)


@function("money", _GROUP, "1234.5 | money('EUR')", '"€1,234.50"', result="text")
def money(budget: Budget, value: Any, currency: Any = "", locale: Any = "en", minor: Any = False) -> str:
    """An amount with its currency (ISO 4217), as written in `en`, `de`, `fr`, `es` or `pt`. With `minor=true` the
    amount is in cents."""
    code = as_text(currency, budget).upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise Refused("a currency has three letters, such as `EUR`")
    thousands, point, after = _style(locale, budget)
    digits = 0 if code in _WITHOUT_CENTS else 2
    exact = _decimal(as_number(value))
    if truth(minor):
        exact = exact.scaleb(-digits)
    amount = _grouped(exact, digits, thousands, point)
    sign, amount = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    mark = _SYMBOLS.get(code, code)
    if not mark:
        return sign + amount
    if after:
        return f"{sign}{amount}\u00a0{mark}"
    return f"{sign}{mark}{'' if code in _SYMBOLS else chr(0xA0)}{amount}"


def _style(locale: Any, budget: Budget) -> tuple[str, str, bool]:
    name = as_text(locale, budget).replace("_", "-").split("-")[0].lower()
    return _STYLES.get(name, _STYLES["en"])


def _grouped(value: float | Decimal, digits: int, thousands: str, point: str) -> str:
    exact = value if isinstance(value, Decimal) else _decimal(value)
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    whole, _, rest = f"{rounded:,.{digits}f}".partition(".")
    plain = whole.replace(",", thousands) + (point + rest if rest else "")
    return plain.lstrip("-") if not rounded else plain
