"""Tokens as text: made once, shown once, known afterwards only by their SHA-256."""

from __future__ import annotations

__all__ = ["CODE_PREFIX", "TOKEN_PREFIX", "make_code", "make_token", "slug_of_code", "token_digest", "token_slug"]

import hashlib
import re
import secrets
import unicodedata

TOKEN_PREFIX = "mwt_"  # noqa: S105 - the visible beginning of every token, as secret scanners look for it
CODE_PREFIX = "mwi_"
_RANDOM_BYTES = 32
_SLUG_CHARACTERS = 32
_LONGEST_CHARACTERS = 512
"""No token of ours is longer; anything longer is not even hashed."""


def make_token(member: str) -> str:
    """`mwt_<member>_<64 hex digits>`: 256 random bits. The name in it is for people and means nothing.

    Hex holds no `_`, so the parts can be told apart, and a double click selects all of the last one.
    """
    return f"{TOKEN_PREFIX}{token_slug(member)}_{secrets.token_hex(_RANDOM_BYTES)}"


def make_code(member: str) -> str:
    """The code of an invitation, `mwi_<member>_<64 hex digits>`: as hard to guess as a token, and of no use as one."""
    return f"{CODE_PREFIX}{token_slug(member)}_{secrets.token_hex(_RANDOM_BYTES)}"


def slug_of_code(code: str) -> str:
    """The name in the code of an invitation, for the token that comes of it."""
    return code.removeprefix(CODE_PREFIX).partition("_")[0]


def token_digest(token: str) -> str:
    """What is stored of a token: the SHA-256 of its text in lower hex.

    A token holds 256 random bits, so nothing is gained by a slow hash: there is no dictionary to try.
    """
    return hashlib.sha256(token[: _LONGEST_CHARACTERS + 1].encode("utf-8", "replace")).hexdigest()


def token_slug(name: str) -> str:
    """A name as it stands in a token: `Ada Lovelace` → `ada-lovelace`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_CHARACTERS].strip("-") or "member"
