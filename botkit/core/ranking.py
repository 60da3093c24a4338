"""BM25 over a few hundred short texts, in memory: which of them a few words mean.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), section 3.2
"""

from __future__ import annotations

__all__ = ["ranked", "words_of"]

import math
import re
from collections import Counter
from collections.abc import Sequence

_K1, _B = 1.2, 0.75
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_IGNORED = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "how", "in", "is", "it", "of", "on",
     "or", "that", "the", "this", "to", "with", "you"}
)  # fmt: skip


def words_of(text: str) -> list[str]:
    """Words as they are compared: lower case, camelCase and snake_case apart, plain plurals as singulars."""
    found = [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))]
    return [_singular(word) for word in found if word not in _IGNORED]


def ranked(texts: Sequence[str], query: str) -> list[tuple[int, float]]:
    """(index, score) of the texts that hold a word of the query, the best first."""
    counts = [Counter(words_of(text)) for text in texts]
    average = sum(each.total() for each in counts) / len(texts) if texts else 0.0
    scores = [0.0] * len(texts)
    for word in dict.fromkeys(words_of(query)):
        held = sum(word in each for each in counts)
        rarity = math.log(1 + (len(texts) - held + 0.5) / (held + 0.5))
        for index, words in enumerate(counts):
            if count := words[word]:
                share = 1 - _B + _B * words.total() / average
                scores[index] += rarity * count * (_K1 + 1) / (count + _K1 * share)
    found = [(index, score) for index, score in enumerate(scores) if score > 0]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
