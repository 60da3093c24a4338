"""Check a text before it goes on: personal data, secrets, rules of one's own, attempts to steer a model."""

from __future__ import annotations

__all__ = ["Guardrail"]

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict, cast

import msgspec
from pydantic import Field

from botkit.core.errors import ModelError
from botkit.core.patterns import PatternError, compile_pattern
from botkit.core.schemas import as_schema
from botkit.core.screening import Checks, GuardFinding, Measure, Rule, Verdict, check
from botkit.core.screening.policy import POLICY_SCHEMA, POLICY_SYSTEM, policy_prompt, violation
from botkit.sdk.nodes import ModelAlias, Node, NodeContext, NodeFailed, Outcome, Raw, node
from botkit.workflows.nodes._parts import NodePart

PersonalKind = Literal["email", "card", "iban", "phone", "ssn", "ip"]
_TEXT_LIMIT = 200_000


class GuardrailOutput(TypedDict):
    """What was found, and what may go on."""

    text: str
    """The text, with what has to be taken out taken out; empty when it is blocked."""
    blocked: bool
    findings: list[dict[str, Any]]
    """`{"check", "kind", "count", "measure"}`; never what was found."""
    score: float
    """How much the text looks like an attempt to steer a model, 0 to 1."""
    reason: str
    """Why it is blocked, in a sentence."""


class GuardRule(NodePart):
    """A rule of one's own."""

    name: str = Field(min_length=1, max_length=100)
    """Of the finding."""
    words: list[str] = Field(default=[], max_length=1000)
    """Found when one of these words or phrases is in the text; upper and lower case count as the same."""
    pattern: Raw[str] = ""
    """Found where this pattern is."""
    measure: Measure = "block"
    """What follows."""


@node("guardrail")
class Guardrail(Node):
    """Check a text, such as the answer of a model before it leaves or a message before a model reads it.

    Each check has a measure: `block` takes the edge `blocked`, `redact` puts `[email]` and the like in its place,
    `flag` only notes it in `findings`, for a `logic` that routes by it. What has a form is found by rules; what has
    none, by a model and a `policy`. When the model fails, `on_model_failure` decides.
    """

    category = "ai"
    handles = {
        "pass": "nothing was found, or only flagged",
        "redacted": "something was taken out; without this edge `pass` is taken",
        "blocked": "the text must not go on",
    }
    output: ClassVar[Any] = GuardrailOutput
    onward = ("pass", "redacted")

    text: str
    """What is checked, such as `{{ answer.text }}`."""
    personal: Measure = "redact"
    """Personal data: addresses, cards, accounts, numbers."""
    personal_kinds: list[PersonalKind] = ["email", "card", "iban", "phone", "ssn"]
    """Which of it."""
    secrets: Measure = "block"
    """Tokens, private keys and passwords."""
    injection: Measure = "off"
    """Attempts to steer a model; a text cannot be cleaned of them, so `redact` blocks."""
    injection_score: float = Field(default=0.6, gt=0, le=1)
    """From which score on."""
    rules: list[GuardRule] = Field(default=[], max_length=100)
    """Rules of one's own."""
    policy: str = ""
    """What must not be, in words, for a model; empty: no model is asked."""
    policy_measure: Literal["block", "flag"] = "block"
    """What follows when the model says that the policy is violated."""
    model: ModelAlias = ""
    """Which model; that of the run when empty."""
    vouch: bool = False
    """Whether a text that passes counts as the operator's own: calls after it need no approval because of what the run
    read from others before. Say so where this text is all that was read."""
    on_model_failure: Literal["block", "pass", "error"] = "block"
    """What follows when no model answers: a closed door, an open one, or the `error` edge."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Patterns are read before anything runs."""
        found: list[tuple[str, str]] = []
        rules: Any = data.get("rules")
        for index, rule in enumerate(cast("list[Any]", rules) if isinstance(rules, list) else []):
            given = as_schema(rule)
            try:
                compile_pattern(str(given.get("pattern") or ""))
            except PatternError as error:
                found.append((f"rules.{index}.pattern", str(error)))
            if not given.get("pattern") and not given.get("words"):
                found.append((f"rules.{index}", "a rule has words or a pattern"))
        return found

    def vouches(self, handle: str) -> bool:
        return self.vouch and handle != "blocked"

    async def run(self, ctx: NodeContext) -> Outcome:
        if len(self.text) > _TEXT_LIMIT:
            raise NodeFailed(f"a text of more than {_TEXT_LIMIT:,} characters is not checked", code="too_long")
        verdict = self._by_rules()
        findings, reason = list(verdict.findings), verdict.blocked
        if self.policy and not reason:
            found, why = await self._by_model(ctx, verdict.text)
            findings += found
            reason = f"policy: {why}" if any(each.measure == "block" for each in found) else ""
        output: GuardrailOutput = {
            "text": "" if reason else verdict.text,
            "blocked": bool(reason),
            "findings": [msgspec.structs.asdict(each) for each in findings],
            "score": verdict.score,
            "reason": reason,
        }
        return Outcome("blocked" if reason else "redacted" if verdict.changed else "pass", output)

    def _by_rules(self) -> Verdict:
        checks = Checks(
            personal=self.personal,
            personal_kinds=tuple(self.personal_kinds),
            secrets=self.secrets,
            injection=self.injection,
            injection_score=self.injection_score,
            rules=tuple(
                Rule(name=rule.name, words=tuple(rule.words), pattern=rule.pattern, measure=rule.measure)
                for rule in self.rules
            ),
        )
        try:
            return check(self.text, checks)
        except PatternError as error:
            raise NodeFailed(f"a rule cannot be used: {error}", code="invalid_config") from None

    async def _by_model(self, ctx: NodeContext, text: str) -> tuple[list[GuardFinding], str]:
        """Ask a model, which sees what the rules left over. Returns what it found, and why."""
        prompt = policy_prompt(self.policy, text)
        try:
            answer = await ctx.ask_model("policy", prompt, system=POLICY_SYSTEM, model=self.model, schema=POLICY_SCHEMA)
        except (ModelError, NodeFailed) as error:
            if self.on_model_failure == "error":
                raise
            ctx.note("the policy could not be checked", code=error.code)
            measure: Measure = "block" if self.on_model_failure == "block" else "flag"
            return [GuardFinding(check="policy", kind="unchecked", count=1, measure=measure)], "unchecked"
        why = violation(as_schema(answer.data))
        if why is None:
            return [], ""
        return [GuardFinding(check="policy", kind="violated", count=1, measure=self.policy_measure)], why
