"""Personal data and secrets, by the forms they have. Numbers that carry a check digit count only when it fits."""

from __future__ import annotations

__all__ = ["LONGEST", "PERSONAL", "SECRETS", "Finding", "redacted", "screen"]

import re
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address

from botkit.core.data import Data

LONGEST = 600
"""After so many characters every form can be told from ordinary text; it may go on after that."""
_KEY_LIMIT = 8_000
_IBAN_LENGTHS = (
    "AT20 BE16 BG22 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GR27 HR21 HU28 IE22 IS26 IT27 LI21 LT20 LU20 "
    "LV21 MT31 NL18 NO15 PL28 PT25 RO24 SE24 SI19 SK24 TR26 AE23 SA24 IL23"
)
"""Source: https://www.swift.com/standards/data-standards/iban-international-bank-account-number"""


class Finding(Data):
    """One thing that was found. Says where, never what."""

    kind: str
    start: int
    end: int


Fits = Callable[[str], bool]


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def _luhn(text: str) -> bool:
    """Source: https://www.iso.org/standard/70484.html (ISO/IEC 7812-1, annex B)"""
    digits = _digits(text)
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [int(each) * (1 + index % 2) for index, each in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def _iban(text: str) -> bool:
    """Source: https://www.iso.org/standard/81090.html (ISO 13616-1)"""
    plain = re.sub(r"\s", "", text).upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _phone(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 15


def _ssn(text: str) -> bool:
    """Source: https://www.ssa.gov/employer/randomization.html"""
    area, group, serial = text.replace(" ", "-").split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _ip(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False


def _varied(text: str) -> bool:
    """A password and not a placeholder: several kinds of characters, and not a word in angle brackets."""
    value = re.split(r"[=:\s]+", text)[-1].strip("\"'.,;!?)")
    kinds = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]"))
    return (
        kinds >= 2
        and len(set(value)) >= 6
        and not re.search(r"[<>{}$*…]|xxx|\.\.\.|example|placeholder", value, re.IGNORECASE)
    )


def _ibans() -> str:
    known = [(each[:2], int(each[2:])) for each in _IBAN_LENGTHS.split()]
    return "|".join(rf"{country}\d{{2}}(?: ?[a-z0-9]){{{length - 4}}}" for country, length in known)


def _always(_: str) -> bool:
    return True


_FORMS: dict[str, tuple[tuple[str, Fits], ...]] = {
    "email": ((r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w-])", _always),),
    "card": ((r"(?<!\d)(?:(?:\d{4}[ -]){3}\d{4}|3[47]\d{2}[ -]\d{6}[ -]\d{5}|\d{13,19})(?!\d)", _luhn),),
    "iban": ((rf"(?i)(?<![a-z0-9])(?:{_ibans()})(?![a-z0-9])", _iban),),
    "phone": (
        (r"(?<![\w+])(?<!\d )(?:\+|00)[1-9]\d{0,2}(?:[ ./()-]{0,3}\d){6,13}(?!\d)", _phone),
        (r"(?<![\w.+-])(?<!\d )\(?0[1-9]\d{1,4}\)?[ /-]{1,2}\d(?:[ -]?\d){4,9}(?![\d-])", _phone),
        (r"(?<![\w.+-])\(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}(?![\d-])", _phone),
    ),
    "ssn": ((r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", _ssn),),
    "ip": ((r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)", _ip),),
    "private_key": (
        (
            (
                r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
                rf"(?:(?!-----END)[\s\S]){{0,{_KEY_LIMIT}}}(?:-----END [A-Z0-9 ]{{0,40}}-----)?"
            ),
            _always,
        ),
    ),
    "token": (
        (r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])", _always),
        (r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,251})", _always),
        (r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,60}", _always),
        (r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,250}", _always),
        (r"(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,250}", _always),
        (r"(?<![A-Za-z0-9])sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,250}", _always),
        (r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9])", _always),
        (r"(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{20,250}", _always),
        (
            r"(?<![A-Za-z0-9])(?:SG\.[A-Za-z0-9_-]{20,30}\.[A-Za-z0-9_-]{40,50}|key-[0-9a-f]{32})(?![A-Za-z0-9])",
            _always,
        ),
        (
            r"(?<![A-Za-z0-9])(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}|hf_[A-Za-z0-9]{30,50})(?![A-Za-z0-9])",
            _always,
        ),
        (r"(?<![\w:])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![\w-])", _always),
        (r"(?<![A-Za-z0-9])(?:mwt|whsec|re)_[A-Za-z0-9_-]{16,250}", _varied),
        (r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,200}\.eyJ[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,700})?", _always),
        (r"(?i)(?<![a-z])bearer[ ]+[A-Za-z0-9._~+/-]{20,250}=*", _varied),
        (r"(?<![\w])[a-z][a-z0-9+]{1,20}://[^\s/:@]{1,60}:[^\s/:@]{3,100}@[\w.-]{1,120}", _always),
    ),
    "password": (
        (
            (
                r"(?i)(?<![a-z])(?:pass(?:word|wort|phrase)?|pwd|kennwort|contraseña|secret|api[_ -]?key|token)[\"']?"
                r"\s{0,2}(?:[=:]|is|ist|lautet|es)\s{0,2}[=:]?\s{0,2}[\"']?[^\s\"',;]{8,120}"
            ),
            _varied,
        ),
    ),
}
PERSONAL = ("email", "card", "iban", "phone", "ssn", "ip")
SECRETS = ("private_key", "token", "password")
_COMPILED = {kind: tuple((re.compile(pattern), fits) for pattern, fits in forms) for kind, forms in _FORMS.items()}
# Where two forms overlap, the more certain one names the finding.
_RANK = {
    kind: rank
    for rank, kind in enumerate(("private_key", "token", "password", "iban", "card", "email", "ssn", "ip", "phone"))
}


def screen(text: str, kinds: Collection[str]) -> tuple[Finding, ...]:
    """What is found of these kinds, in order, without overlaps.

    Args:
        kinds: of `PERSONAL` and `SECRETS`.
    """
    found = [
        Finding(kind=kind, start=match.start(), end=match.end())
        for kind in kinds
        for pattern, fits in _COMPILED[kind]
        for match in pattern.finditer(text)
        if fits(match.group())
    ]
    found.sort(key=lambda each: (_RANK[each.kind], each.start))
    kept: list[Finding] = []
    for each in found:
        if not any(each.start < other.end and other.start < each.end for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.start))


def redacted(text: str, findings: Iterable[Finding]) -> str:
    """The text with `[email]` in place of an address, and so on."""
    parts: list[str] = []
    here = 0
    for each in findings:
        parts += [text[here : each.start], f"[{each.kind.replace('_', ' ')}]"]
        here = each.end
    return "".join((*parts, text[here:]))
