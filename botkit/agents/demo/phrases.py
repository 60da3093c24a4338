"""Free words of a message that belong to one parameter."""

from __future__ import annotations

__all__ = ["content_tail", "is_empty_talk", "labelled", "named_thing", "phrase_for"]

import re
from collections.abc import Sequence

from botkit.agents.demo.clauses import Clause
from botkit.agents.demo.toolbox import Parameter, ToolView
from botkit.agents.words import STOP_WORDS, stem, words

Span = tuple[int, int]

_ROLES: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(names.split()), prepositions)
    for names, prepositions in (
        ("origin source departure from start", r"from|leaving"),
        ("destination to arrival recipient recipients receiver channel", r"to|for|in"),
        ("city location place country region town where address room building area", r"in|at|for|near|of|around"),
        ("timezone tz zone", r"in|for|of"),
        ("language lang locale target", r"to|into|in"),
        ("reason why cause justification", r"because|since|as|due to|reason(?: is)?"),
        ("title subject heading", r"titled|called|named|about|subject"),
        ("name username person user assignee owner author", r"named|called|for|to|by|of|is"),
        ("tag label category", r"tagged(?: with| as)?|labell?ed|with (?:the )?(?:tag|label)|under|in"),
        ("symbol ticker stock company", r"of|for"),
        ("topic theme", r"about|on|regarding"),
        ("query q search keyword keywords term terms", r"about|regarding|mentioning|containing"),
    )
)
"""Which prepositions lead to the value of a parameter with one of these words in its name."""

_END = (
    r"(?=\s+(?:in|on|at|for|to|into|from|with|about|and|but|by|because|since|please|tagged|due|using|as|via|titled|called|named|"
    r"saying|that)\b|[\0,;?!]|\.(?:\s|$)|$)"
)
_LEAD_TEXT = """
a an the my our your his her this that these those new another some any all me us down up out for about to
saying says say that which with of named called titled text please it is are be on in from regarding containing
matching into as i you can could we what whats what's who where how much many there do does did have has
"""
_LEAD = frozenset(_LEAD_TEXT.split())
_TRAIL_TEXT = "in on from at by due until before the my our to for of with as please now thanks and"
_TRAIL = frozenset(_TRAIL_TEXT.split())
_CONTENT_TEXT = """
text content message body note description comment query q search question prompt input sentence keyword keywords term
terms fact value data summary title subject reason why cause task todo item items
"""
_CONTENT = frozenset(_CONTENT_TEXT.split())
"""Words in the names of parameters that take sentences rather than names."""
_JOINERS = frozenset(("of", "the", "and", "de", "la", "von", "van"))
_NOTES = frozenset(map(stem, ("note", "todo", "list")))
_BETWEEN = re.compile(
    r"\bbetween\s+([^\0,;?!]+?)\s+and\s+([^\0,;?!]+?)(?=[\0,;?!.]|\s+(?:in|on|at|by)\b|$)", re.IGNORECASE
)
_NAME_WORD = re.compile(r"[^\W_][\w'’.-]*(?<![.'’-])|[^\w\s]")
_ARTICLE = re.compile(r"^(?:the|a|an|my|our|your)\s+")
_TOKEN = re.compile(r"\S+")
_LABEL_END = r"(?=\s*[;\n]|,\s*\w+\s*[:=]|\s+\w+\s*[:=]|$)"


def labelled(parameter: Parameter, clause: Clause, *, used: list[Span] | None = None) -> str | None:
    """`reason: arrived broken`, `title="Plan"`, `tags a, b`: the parameter's name says where its value stands."""
    names = {parameter.name, " ".join(parameter.words), *_forms(parameter)}
    for name in sorted(names, key=len, reverse=True):
        for pattern in _label_patterns(name, marked_only=not _list_like(parameter)):
            match = re.search(pattern, clause.text, re.IGNORECASE)
            if match:
                value = match["value"].strip().strip("\"'“”`").strip()
                if value:
                    if used is not None:
                        used.append(match.span())
                    return value
    return None


def _forms(parameter: Parameter) -> list[str]:
    last = parameter.words[-1] if parameter.words else parameter.name
    forms = [last] if len(last) > 3 else []
    if _list_like(parameter):
        forms += [last.rstrip("s"), f"{last.rstrip('s')}ged with", f"{last.rstrip('s')}ged", f"{last}ed"]
        forms += ["tagged with", "tagged as", "tagged"] if last.startswith("tag") else []
        forms += ["labelled", "labeled"] if last.startswith("label") else []
    return forms


def _list_like(parameter: Parameter) -> bool:
    return "array" in parameter.types


def _label_patterns(name: str, *, marked_only: bool) -> list[str]:
    safe = re.escape(name)
    quoted = rf"\b{safe}\s*[:=]?\s*(?P<value>\"[^\"]+\"|“[^”]+”|'[^']+')"
    marked = rf"\b{safe}\s*[:=]\s*(?P<value>.+?){_LABEL_END}"
    patterns = [quoted, marked]
    if not marked_only:
        patterns.append(rf"\b{safe}\s+(?:are\s+|as\s+|with\s+)?(?P<value>[\w-]+(?:(?:\s*,\s*|\s+and\s+)[\w-]+)*)")
    return patterns


def phrase_for(parameter: Parameter, clause: Clause, tool: ToolView, used: list[Span]) -> str | None:
    """The words after the preposition that goes with the parameter: `in Paris` for a city."""
    named = set(parameter.words)
    masked = _mask(clause.text, [*used, *((moment.start, moment.end) for moment in clause.entities.moments)])
    pair = _BETWEEN.search(masked)
    for role, prepositions in _ROLES:
        if not named & role:
            continue
        side = 1 if "origin" in role else 2 if "destination" in role else 0
        if pair and side:
            used.append(pair.span(side))
            return pair[side].strip()
        pattern = rf"\b(?:{prepositions})\s+(?P<value>[^\0,;?!]+?){_end_for(role)}"
        for match in re.finditer(pattern, masked, re.IGNORECASE):
            value = _trim(match["value"], tool)
            if not {"reason", "title"} & role:
                value = _without_own_words(_ARTICLE.sub("", value), tool)
            if value and not is_empty_talk(value):
                used.append(match.span())
                return value
    return None


def _without_own_words(value: str, tool: ToolView) -> str:
    """`AAPL stock` for a tool about stocks is `AAPL`."""
    tokens = value.split(" ")
    while len(tokens) > 1 and tokens[-1].islower() and stem(tokens[-1]) in tool.name_stems | tool.server_stems:
        tokens.pop()
    return " ".join(tokens)


def _end_for(role: frozenset[str]) -> str:
    """A reason runs to the end of the sentence; a place ends at the next preposition."""
    return r"(?=[\0;?!]|\.(?:\s|$)|$)" if "reason" in role or "title" in role else _END


def _mask(text: str, used: Sequence[Span]) -> str:
    chars = list(text)
    for start, end in used:
        chars[start:end] = "\0" * (end - start)
    return "".join(chars)


def content_tail(clause: Clause, tool: ToolView, used: Sequence[Span]) -> str:
    """What is left when command, tool name and used parts are gone: `add a note: buy milk` → `buy milk`.

    Words of the tool's name end the command only at its edges, so `remember to note the price` keeps its verb.
    """
    text = _mask(clause.text, used)
    offset = len(clause.text) - len(clause.core)
    colon = re.match(r"[^\0]{0,60}?\w\s*:\s+", text[offset:])
    if colon and _all_command(colon[0], clause, tool):
        return _clean(text[offset + colon.end() :], tool, trim_edges=False)
    tokens = list(_TOKEN.finditer(text, offset))
    command = tool.name_stems | tool.server_stems | {clause.head, *_NOTES}
    index = 0
    while index < len(tokens) and _is_command(tokens[index][0], command):
        ended = _ends_command(tokens, index)
        index += 1
        if ended:
            break
    return _clean(text[tokens[index].start() :], tool, trim_edges=True) if index < len(tokens) else ""


def _ends_command(tokens: Sequence[re.Match[str]], index: int) -> bool:
    """`that`, `to`, `saying` or a comma: what follows is the content, word for word."""
    token = tokens[index][0].lower()
    following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
    return (token in ("that", "to", "saying") and not following.startswith("\0")) or (
        token.endswith((",", " -")) and not following.startswith("\0")
    )


def named_thing(parameter: Parameter, clause: Clause, tool: ToolView, used: Sequence[Span]) -> str:
    """For a parameter that takes a name: the words that belong neither to the tool nor to the grammar.

    `How much water does the Monstera need per week?` → `Monstera`. Capital letters win; small words inside a
    name stay: `Lord of the Rings`.
    """
    if set(parameter.words) & _CONTENT:
        return ""
    own = tool.name_stems | tool.server_stems | tool.head_stems
    own |= {stem(word) for other in tool.parameters for word in other.words}
    runs: list[list[str]] = [[]]
    for match in _NAME_WORD.finditer(_mask(clause.text, used)):
        word = match[0]
        plain = word.lower()
        before = runs[-1][-1:]
        if plain in _JOINERS and before and (before[0][0].isupper() or before[0].lower() in _JOINERS):
            runs[-1].append(word)
        elif stem(plain) in own or plain in STOP_WORDS or plain in _LEAD or not word[0].isalnum():
            runs.append([])
        else:
            runs[-1].append(word)
    found = [" ".join(_without_joiners(run)) for run in runs]
    return max(filter(None, found), key=lambda run: sum(word[0].isupper() for word in run.split()), default="")


def _without_joiners(run: list[str]) -> list[str]:
    while run and run[-1].lower() in _JOINERS:
        run = run[:-1]
    return run


def _all_command(text: str, clause: Clause, tool: ToolView) -> bool:
    known = tool.name_stems | tool.server_stems | tool.head_stems | {clause.head, *_NOTES}
    return all(word in _LEAD or word in STOP_WORDS or stem(word) in known for word in words(text))


def _is_command(token: str, command: frozenset[str] | set[str]) -> bool:
    bare = token.strip("\0.,:;!?-–\"'“”").lower()
    return not bare or bare in _LEAD or stem(bare) in command


def _clean(text: str, tool: ToolView, *, trim_edges: bool) -> str:
    text = re.sub(r"(?:\s*\b(?:by|on|due|until|before|at|for|in|from|of|to|with)\s*)?\0+", " ", text)
    text = re.sub(r"\s+", " ", text).strip(" ,;:-–")
    text = _trim(text, tool) if trim_edges else text
    if re.search(r"[^.!?][.!?]$", text) and not re.search(r"[.!?]\s", text):
        text = text[:-1]  # the full stop of the person's sentence, not of the value
    return "" if is_empty_talk(text) else text.strip(" \"'“”")


def _trim(text: str, tool: ToolView) -> str:
    """Without words of the command at the end: `pricing in my notes` → `pricing`."""
    tokens = text.strip().split(" ")
    own = tool.name_stems | tool.server_stems
    place = len(tokens)
    while place and (
        tokens[place - 1].lower().strip(".,?!") in _TRAIL or stem(tokens[place - 1].lower().strip(".,?!")) in own
    ):
        place -= 1
    # cut only when the cut part is a phrase of its own: `... in my notes`, not `... release notes`
    if place < len(tokens) and tokens[place].lower() in _TRAIL:
        tokens = tokens[:place]
    return " ".join(tokens).strip(" ,.;:?!\"'“”")


def is_empty_talk(text: str) -> bool:
    """Nothing but pronouns and small words. Words of other scripts always say something."""
    if any(char.isalpha() and not char.isascii() for char in text):
        return False
    return all(
        word in STOP_WORDS or word in _LEAD or word in ("one", "first", "second", "last") for word in words(text)
    )
