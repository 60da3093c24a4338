"""Signs that a text means to steer a model: instructions about its instructions, faked roles, hidden characters.

A score from 0 to 1, not a verdict: whoever asks decides what happens at which score. No rules find every attempt,
so what a model may do is limited elsewhere (rights, approvals), whatever it was told.

Source: https://genai.owasp.org/llmrisk/llm01-prompt-injection/
"""

from __future__ import annotations

__all__ = ["Suspicion", "suspicion"]

import base64
import binascii
import re
import unicodedata

from botkit.core.data import Data


class Suspicion(Data):
    """How sure it is, and why."""

    score: float = 0.0
    signals: tuple[str, ...] = ()


_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|guardrails?|programming|training|"
    r"restrictions?|policies|constraints)"
)
_BEFORE = (
    r"(?:previous|prior|above|earlier|preceding|initial|original|system|existing|safety|foregoing|all|any|"
    r"your|the|these|those|my|and|of)"
)
_SIGNALS: tuple[tuple[str, float, str], ...] = (
    (
        "override",
        0.9,
        (
            r"\b(?:ignore|disregard|forget|bypass|override|skip|drop|neglect)\b(?: \w+)? (?:<BEFORE> "
            r"){1,4}<RULES>\b"
        ),
    ),
    (
        "override",
        0.8,
        (
            r"\b(?:ignore|disregard|forget) (?:everything|all|anything) (?:above|before|previous|prior|you "
            r"(?:were|have been|know)|that came before|i (?:said|told))"
        ),
    ),
    (
        "override",
        0.9,
        r"\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,30}\b(?:anweisung\w*|regeln|vorgaben|instruktion\w*)\b",
    ),
    (
        "override",
        0.9,
        (
            r"\b(?:ignore[sz]?|oublie[sz]?)\b.{0,30}\b(?:instructions|consignes|règles|directives) (?:précédentes|"
            r"antérieures|ci-dessus)"
        ),
    ),
    (
        "override",
        0.9,
        (
            r"\b(?:ignora|olvida|ignore|esqueça|desconsidere)\b.{0,30}\b(?:instrucciones|reglas|instruções|"
            r"regras)\b"
        ),
    ),
    (
        "new_rules",
        0.6,
        (
            r"\b(?:new|updated|real|actual|your only) (?:system )?(?:instructions?|directives?|prompt)\s*(?::|"
            r"are\b|is\b)"
        ),
    ),
    ("new_rules", 0.6, r"\bfrom now on,? (?:you (?:will|must|are|shall)|ignore|respond|answer only|act)\b"),
    (
        "reveal",
        0.7,
        (
            r"\b(?:reveal|print|show|repeat|output|display|leak|tell me|give me|write down|dump|recite|what (?:is|"
            r"are|was))\b(?: \w+)? (?:<BEFORE> ){0,3}(?:system prompt|system message|initial (?:prompt|"
            r"instructions?)|hidden (?:prompt|instructions?)|original instructions?)"
        ),
    ),
    ("reveal", 0.6, r"\brepeat (?:everything|all the text|the words|the text) (?:above|before)\b"),
    ("role", 0.7, r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id)\|?>?|\[/?inst\]|<</?sys>>"),
    (
        "role",
        0.6,
        (
            r"(?:^|\n)\s*(?:#{1,4}\s*|\[|<)(?:system|admin|developer)(?:\s*(?:message|prompt|note|override|"
            r"instructions?))?\s*[\]>:]"
        ),
    ),
    (
        "role",
        0.6,
        (
            r"(?:^|\n)\s*system\s*(?:message|prompt|override|note)?\s*:\s*(?:you|ignore|the|do|always|never|"
            r"override|new)\b"
        ),
    ),
    (
        "persona",
        0.7,
        (
            r"\byou are (?:now )?(?:dan\b|do anything now|in (?:developer|debug|god|admin|jailbreak|unrestricted|"
            r"maintenance) mode|an? (?:unrestricted|unfiltered|uncensored|jailbroken))"
        ),
    ),
    (
        "persona",
        0.6,
        (
            r"\b(?:enable|enter|activate|switch to|turn on) (?:\w+ )?(?:developer|debug|god|jailbreak|dan|"
            r"unrestricted|sudo) mode\b|\bjailbreak(?:ed)?\b"
        ),
    ),
    (
        "persona",
        0.6,
        (
            r"\b(?:pretend|act|behave|respond|answer)\b.{0,40}\b(?:no|without(?: any)?|free of) (?:restrictions|"
            r"rules|limits|limitations|filters|guidelines|censorship|safety)"
        ),
    ),
    (
        "secrecy",
        0.6,
        (
            r"\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention\w*|alert\w*|notify\w*|"
            r"reveal\w*)(?: this)?(?: to)? (?:the )?(?:user|human|customer|operator|owner|anyone|admin)"
        ),
    ),
    (
        "exfiltration",
        0.7,
        (
            r"\b(?:send|post|forward|email|exfiltrate|upload|append|transmit|leak)\b.{0,60}\b(?:conversation|chat "
            r"history|api keys?|passwords?|credentials?|secrets?|tokens?|system prompt|personal data|customer "
            r"(?:data|list))\b.{0,40}(?:https?://|\bto\b)"
        ),
    ),
    ("exfiltration", 0.7, r"!\[[^\]]{0,80}\]\(https?://[^)\s]{1,200}[?&][\w]{1,30}=(?:\{|\[|<|%7b|\$)"),
    (
        "authority",
        0.5,
        (
            r"\b(?:as|i am|i'm|this is) (?:your|the|an?) (?:developer|creator|administrator|admin|openai|"
            r"anthropic|system administrator|owner)\b.{0,80}\b(?:must|need you to|order|authori[sz]e|override|"
            r"ignore|disable|comply|obey|grant)\b"
        ),
    ),
    (
        "tool",
        0.5,
        (
            r"\b(?:you must|immediately|now) (?:call|invoke|execute|run|use) (?:the )?[\w-]{0,30} ?(?:tool|"
            r"function|command|shell)\b"
        ),
    ),
    (
        "safety_off",
        0.7,
        (
            r"\b(?:disable|turn off|remove|deactivate|suspend|bypass)\b.{0,25}\b(?:safety|content|security|"
            r"guardrails?|moderation|filters?)\b(?: \w+)?"
        ),
    ),
)
_COMPILED = tuple(
    (name, weight, re.compile(pattern.replace("<RULES>", _RULES).replace("<BEFORE>", _BEFORE), re.IGNORECASE))
    for name, weight, pattern in _SIGNALS
)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\u00ad\ufeff\u180e]")
_TAGS = re.compile("[\U000e0020-\U000e007f]{3,}")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{32,4000}={0,2}(?![A-Za-z0-9+/])")
_SPREAD = re.compile(r"\b(?:\w[ .*_-]){5,}\w\b")
# Look-alikes that keep a pattern from fitting; letters of real words in those scripts are not touched by themselves.
_ALIKE = str.maketrans("аеорсухіѕԁɡο", "aeopcyxisdgo")
_READ_LIMIT = 100_000


def suspicion(text: str) -> Suspicion:
    """How much a text looks like an attempt to steer a model. Reads its first 100,000 characters."""
    text = text[:_READ_LIMIT]
    found: dict[str, float] = {}
    hidden = _hidden(text, found)
    plain = _plain(text)
    for reading in {plain, _joined(plain), hidden}:
        for name, weight, pattern in _COMPILED:
            if reading and found.get(name, 0.0) < weight and pattern.search(reading):
                found[name] = weight
    for piece in _ENCODED.findall(text)[:20]:
        decoded = _decoded(piece)
        if decoded and any(weight >= 0.6 and pattern.search(decoded) for _, weight, pattern in _COMPILED):
            found["encoded"] = 0.9
    clean = 1.0
    for weight in found.values():
        clean *= 1.0 - weight
    return Suspicion(score=round(1.0 - clean, 3), signals=tuple(sorted(found)))


def _hidden(text: str, found: dict[str, float]) -> str:
    """Notes what people cannot see, and gives what is written in it."""
    tags = "".join(_TAGS.findall(text))
    if tags:
        found["hidden"] = 0.9
    elif len(_INVISIBLE.findall(text)) >= 5 or len(_DIRECTIONS.findall(text)) >= 3:
        found["hidden"] = 0.4
    return _plain("".join(chr(ord(each) - 0xE0000) for each in tags))


def _plain(text: str) -> str:
    """As a model reads it: one kind of letters, spaces and quotes, nothing invisible. Line ends stay."""
    text = unicodedata.normalize("NFKC", _DIRECTIONS.sub("", _INVISIBLE.sub("", text)))
    text = text.replace("’", "'").replace("\u2011", "-")
    if re.search("[a-z]", text, re.IGNORECASE):
        text = text.translate(_ALIKE)
    return re.sub(r"[ \t\r\f\v]+", " ", text)


def _joined(plain: str) -> str:
    """`i g n o r e` and words broken over lines, written together."""
    spread = _SPREAD.sub(lambda match: re.sub(r"[ .*_-]", "", match.group()), plain)
    return re.sub(r"\s*\n\s*", " ", spread)


def _decoded(piece: str) -> str:
    try:
        raw = base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError):
        return ""
    return _plain(text)
