"""English words: which carry no meaning here, and which mean the same."""

from __future__ import annotations

__all__ = ["STOP_WORDS", "root", "split_name", "stem", "stems", "words"]

import re

_STOP_TEXT = """
a about all also am an and any are as at be because been but by can could did do does doing done dont for from
give get go going had has have having he hello help her here hey hi him his how i if im in into is it its just kindly
let lets like look make many may maybe me might mine more much must my need no not now of off ok okay on once only or
other our out over please re same shall she should show so some tell than thank thanks that the their them then there
these they this those to too u up us use using ve very want wanna was we were what whats when where which while who
whom whose why will with would yes yet you your
"""
STOP_WORDS: frozenset[str] = frozenset(_STOP_TEXT.split())
"""Words that say nothing about which tool is meant."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?|\d+(?:\.\d+)?")
_PIECE = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SUFFIXES = (
    ("izations", "ize"),
    ("ization", "ize"),
    ("ements", "e"),
    ("ement", "e"),
    ("ations", ""),
    ("ation", ""),
    ("itions", ""),
    ("ition", ""),
    ("ments", ""),
    ("ment", ""),
    ("ingly", ""),
    ("edly", ""),
    ("ches", "ch"),
    ("shes", "sh"),
    ("sses", "ss"),
    ("xes", "x"),
    ("ies", "y"),
    ("ied", "y"),
    ("ing", ""),
    ("ers", ""),
    ("ed", ""),
    ("er", ""),
    ("ly", ""),
    ("s", ""),
)
_SHORTEST_ROOT = 3
_STEM_CHARS = 6
"""Longer roots are cut, so that `reservation` meets `reserve` and `calculation` meets `calculate`."""
_SYNONYM_GROUPS = {
    "find": "search seek query lookup locate",
    "read": "fetch retrieve open download load",
    "add": "create new insert write save store record append put plus sum",
    "remove": "delete erase drop discard",
    "update": "modify change edit rename",
    "todo": "task remind reminder",
    "complete": "finish close tick done",
    "refund": "reimburse",
    "order": "purchase parcel package",
    "ship": "shipment deliver delivery track tracking",
    "url": "website webpage page site link web internet",
    "customer": "client buyer",
    "email": "mail",
    "multiply": "times multiplied",
    "weather": "temperature rain sunny",
    "note": "memo remember jot memorize",
    "distance": "far",
}


def words(text: str) -> list[str]:
    """Lower-case words and numbers, in order."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def split_name(name: str) -> list[str]:
    """`getOrderStatus`, `get_order-status` → `get order status`."""
    return [piece.lower() for piece in _PIECE.findall(name)]


def stem(word: str) -> str:
    """The word without its ending, or that of its synonym: `searching` → `find`."""
    base = root(word.removesuffix("'s").replace("'", ""))
    return _SYNONYMS.get(base, base)


def root(word: str) -> str:
    """The word without its ending: `shipped` and `shipping` → `ship`, `notes` and `note` → `not`."""
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_ROOT and not word.endswith("ss"):
            word = word[: len(word) - len(suffix)] + replacement
            break
    if len(word) > _SHORTEST_ROOT and word.endswith("e"):
        word = word[:-1]
    if len(word) > _SHORTEST_ROOT and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:_STEM_CHARS]


_SYNONYMS = {root(word): root(meant) for meant, group in _SYNONYM_GROUPS.items() for word in group.split()}
"""One word per idea, chosen for what tools are usually called."""


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]
