"""What is checked in a text, and what follows: block it, take something out, or only note it."""

from __future__ import annotations

__all__ = ["WITHHELD", "Chain", "Checks", "GuardFinding", "Guards", "Verdict", "check", "stream_of", "streams"]

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from botkit.core.data import Data
from botkit.core.redact import StreamRedactor
from botkit.core.screening.forms import PERSONAL, SECRETS, redacted, screen
from botkit.core.screening.injection import suspicion
from botkit.core.screening.rules import Matcher, Measure, Rule, RuleStream
from botkit.core.screening.stream import Screen

WITHHELD = "[withheld by a guardrail]"
"""Stands in transcripts, and before models, in place of a text that was blocked."""
CHECKED_CHARS = 200_000
"""A longer text counts as blocked where anything blocks: what is not read cannot be vouched for."""


class Checks(Data):
    """What one kind of text is checked for; nothing by default."""

    personal: Measure = "off"
    personal_kinds: tuple[str, ...] = ("email", "card", "iban", "phone", "ssn")
    secrets: Measure = "off"
    injection: Measure = "off"
    """A text cannot be cleaned of an attempt to steer a model, so `redact` blocks."""
    injection_score: float = 0.6
    rules: tuple[Rule, ...] = ()
    policy: str = ""
    """In words, for a model; empty: none is asked."""
    policy_measure: Measure = "block"
    model: str = ""
    """Which model judges; that of the bot when empty."""
    closed: bool = True
    """Whether a text is blocked that no model could judge."""

    @property
    def active(self) -> bool:
        """Whether rules look for anything."""
        named = (self.personal, self.secrets, self.injection, *(rule.measure for rule in self.rules))
        return any(measure != "off" for measure in named)

    @property
    def blocks(self) -> bool:
        """Whether a text may turn out not to go on at all."""
        named = (self.personal, self.secrets, *(rule.measure for rule in self.rules))
        return (
            "block" in named
            or self.injection in ("block", "redact")
            or bool(self.policy and self.policy_measure == "block")
        )


class Guards(Data):
    """What a bot's texts are checked for."""

    input: Checks = Checks()
    """What people write, before it is kept or read by a model."""
    output: Checks = Checks()
    """What the bot says, before it is kept or sent."""
    tools: Checks = Checks()
    """Results of tools, before a model reads them."""
    fallback: str = ""
    """What people are told in place of a blocked text; the bot's own fallback when empty."""


class GuardFinding(Data):
    """What a check found; never the text itself."""

    check: str
    """`personal`, `secrets`, `injection`, `rule`, `policy` or `length`."""
    kind: str
    count: int
    measure: Measure


class Verdict(Data):
    """What may go on."""

    text: str
    """With what has to be taken out taken out. When blocked, still as it was."""
    findings: tuple[GuardFinding, ...] = ()
    changed: bool = False
    score: float = 0.0
    """How much it looks like an attempt to steer a model."""

    @property
    def steers(self) -> bool:
        """Whether it looks like an attempt to steer a model."""
        return any(each.check == "injection" for each in self.findings)

    @property
    def blocked(self) -> str:
        """Why it must not go on, such as `secrets: token`; empty when it may."""
        return next((f"{each.check}: {each.kind}" for each in self.findings if each.measure == "block"), "")


def check(text: str, checks: Checks) -> Verdict:
    """All that rules tell about a text.

    Raises:
        PatternError: a rule has a pattern that is not understood.
    """
    if not checks.active:
        return Verdict(text=text)
    if len(text) > CHECKED_CHARS and checks.blocks:
        return Verdict(text=text, findings=(GuardFinding(check="length", kind="too_long", count=1, measure="block"),))
    findings: list[GuardFinding] = []
    clean = _forms(text, checks, findings)
    for rule in checks.rules:
        if rule.measure == "off":
            continue
        without, count = _matcher(rule).taken_out(clean.encode("utf-8", "replace"))
        if count:
            findings.append(GuardFinding(check="rule", kind=rule.name, count=count, measure=rule.measure))
        if count and rule.measure == "redact":
            clean = without.decode()
    score = 0.0
    if checks.injection != "off":
        found = suspicion(text)
        score = found.score
        if score >= checks.injection_score:
            measure: Measure = "flag" if checks.injection == "flag" else "block"
            findings += [GuardFinding(check="injection", kind=kind, count=1, measure=measure) for kind in found.signals]
    return Verdict(text=clean, findings=tuple(findings), changed=clean != text, score=score)


def _forms(text: str, checks: Checks, findings: list[GuardFinding]) -> str:
    """Personal data and secrets; those to be taken out in one go, so that where two overlap both are gone."""
    kinds = _kinds(checks)
    out = [kind for kind, measure in kinds.items() if measure == "redact"]
    noted = [kind for kind, measure in kinds.items() if measure != "redact"]
    gone = screen(text, out) if out else ()
    for found in (gone, screen(text, noted) if noted else ()):
        for kind, count in Counter(each.kind for each in found).items():
            name = "secrets" if kind in SECRETS else "personal"
            findings.append(GuardFinding(check=name, kind=kind, count=count, measure=kinds[kind]))
    return redacted(text, gone)


def _kinds(checks: Checks) -> dict[str, Measure]:
    kinds: dict[str, Measure] = {}
    if checks.personal != "off":
        kinds |= dict.fromkeys((kind for kind in PERSONAL if kind in checks.personal_kinds), checks.personal)
    if checks.secrets != "off":
        kinds |= dict.fromkeys(SECRETS, checks.secrets)
    return kinds


def streams(checks: Checks) -> bool:
    """Whether a text may be shown while it is written: nothing can block it, and what is taken out has an end."""
    redacting = [rule for rule in checks.rules if rule.measure == "redact"]
    return not checks.blocks and all(_matcher(rule).longest for rule in redacting)


def stream_of(checks: Checks) -> StreamRedactor | None:
    """What takes out of a text in pieces what `check` takes out of the whole; None: nothing has to be."""
    out = [kind for kind, measure in _kinds(checks).items() if measure == "redact"]
    stages: list[StreamRedactor] = [Screen(out)] if out else []
    stages += [RuleStream(_matcher(rule)) for rule in checks.rules if rule.measure == "redact"]
    return Chain(stages) if stages else None


class Chain:
    """Implements `StreamRedactor`: one after another."""

    def __init__(self, stages: Iterable[StreamRedactor]):
        self._stages = tuple(stages)

    def feed(self, piece: str) -> str:
        for stage in self._stages:
            piece = stage.feed(piece)
        return piece

    def flush(self) -> str:
        rest = ""
        for stage in self._stages:
            rest = stage.feed(rest) + stage.flush()
        return rest


@lru_cache(maxsize=512)
def _matcher(rule: Rule) -> Matcher:
    return Matcher(rule)
