"""Begin a run: for a message, a webhook, a schedule, a call, or an event of another workflow."""

from __future__ import annotations

__all__ = ["Trigger"]

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict, cast

from pydantic import Field

from botkit.core.patterns import Match, PatternError, compile_pattern
from botkit.core.schemas import as_schema
from botkit.core.validation import problems
from botkit.sdk.nodes import Expression, Node, NodeContext, NodeFailed, Outcome, Raw, node
from botkit.workflows.expressions import evaluate

_MORE = ("command", "body", "event", "headers", "input")
Kind = Literal["message", "webhook", "cron", "api", "event"]


class TriggerOutput(TypedDict, total=False):
    """What began the run: kind, name, text and match always, the rest where it came with it."""

    kind: str
    name: str
    text: str
    match: dict[str, Any]
    """Groups of `regex`: by their names, or by `1`, `2` …"""
    command: str
    """Of a message that is one."""
    body: Any
    """Of a webhook, or the data of an event."""
    event: str
    """Of a webhook."""
    headers: dict[str, Any]
    """Of a webhook."""
    input: Any
    """Of a call, or of a schedule."""


@node("trigger")
class Trigger(Node):
    """Begin a run when something happens that fits.

    Every filter that is set has to fit. Of several triggers all that fit begin; when none fits, the run ends and
    nothing is said. What happened is in `{{ trigger }}`, and for messages in `{{ message }}` and `{{ user }}`.
    """

    category = "flow"
    entry = True
    handles = {"default": "something happened that fits"}
    output: ClassVar[Any] = TriggerOutput

    kind: Kind | list[Kind] = "message"
    """What may begin a run: a `message` of a person, a `webhook`, a schedule (`cron`), a call (`api`), or an `event`
    that another workflow emits (`action`)."""
    name: str | list[str] = ""
    """Only from these: keys of channels, webhooks, schedules or endpoints in bots.yaml, or names of events."""
    contains: str | list[str] = []
    """Only when the text has one of these in it; upper and lower case count as the same."""
    regex: Raw[str] = ""
    """Only when this pattern is found in the text. Its groups become `match`."""
    command: str | list[str] = ""
    """Only for these commands, such as `start`; the slash may stand before it."""
    events: str | list[str] = []
    """Only for these events of a webhook: its `event`, or `type`, `event` or `action` in its body."""
    input_schema: Raw[dict[str, Any]] = Field(default_factory=dict)
    """JSON Schema of what is given: `input` of a call, `body` of a webhook or an event. A call that does not fit fails
    with the reasons; anything else that does not fit begins nothing."""
    when: Expression = ""
    """Condition over `trigger`, such as `trigger.body.amount > 100`."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Patterns are read before anything runs; an event is called by its name."""
        if "event" in _many(data.get("kind") or "") and not _many(data.get("name") or ""):
            return [("name", "say which event begins it")]
        try:
            compile_pattern(str(data.get("regex") or ""))
        except PatternError as error:
            return [("regex", str(error))]
        return []

    def matches(self, trigger: Mapping[str, Any]) -> bool:
        """Whether a run begins here.

        Args:
            trigger: `{"kind", "name", "text", "command", "event", "body", "input"}`, those that there are.

        Raises:
            NodeFailed (`invalid_input`): a call gave what does not fit the schema.
            ExpressionError: the condition fails.
        """
        text = str(trigger.get("text") or "")
        wanted = (
            (_many(self.kind), [str(trigger.get("kind"))]),
            (_many(self.name), [str(trigger.get("name"))]),
            ([each.lstrip("/").lower() for each in _many(self.command)], [str(trigger.get("command") or "").lower()]),
            (_many(self.events), _events_of(trigger)),
        )
        if any(allowed and not set(allowed) & set(found) for allowed, found in wanted):
            return False
        words = [each.casefold() for each in _many(self.contains)]
        if words and not any(each in text.casefold() for each in words):
            return False
        if self.regex and _found(self.regex, text) is None:
            return False
        return self._fits(trigger) and (not self.when or bool(evaluate(self.when, {"trigger": trigger})))

    def _fits(self, trigger: Mapping[str, Any]) -> bool:
        if not self.input_schema:
            return True
        given = trigger.get("input") if trigger.get("kind") == "api" else trigger.get("body", trigger.get("input"))
        wrong = problems(self.input_schema, given)
        if wrong and trigger.get("kind") == "api":
            raise NodeFailed(f"the input does not fit: {'; '.join(wrong[:3])}", code="invalid_input")
        return not wrong

    async def run(self, ctx: NodeContext) -> Outcome:
        trigger = cast("Mapping[str, Any]", ctx.variables.get("trigger") or {})
        text = str(trigger.get("text") or "")
        found = _found(self.regex, text) if self.regex else None
        groups: dict[str, Any] = {}
        if found is not None:
            groups = {str(n): value for n, value in enumerate(found.groups(), 1)} | found.groupdict()
        output: TriggerOutput = {
            "kind": str(trigger.get("kind") or ""),
            "name": str(trigger.get("name") or ""),
            "text": text,
            "match": groups,
        }
        # a trigger without an id of its own writes the variable `trigger`: what came with it has to be there still
        more = {name: trigger[name] for name in _MORE if trigger.get(name, "") != ""}
        return Outcome(output={**output, **more})


def _many(value: str | list[str] | list[Kind]) -> list[str]:
    return ([value] if value else []) if isinstance(value, str) else [*value]


def _found(pattern: str, text: str) -> Match | None:
    try:
        return compile_pattern(pattern).search(text.encode("utf-8", "replace").decode())
    except PatternError as error:
        raise NodeFailed(str(error), code="invalid_config") from None


def _events_of(trigger: Mapping[str, Any]) -> list[str]:
    body = as_schema(trigger.get("body"))
    found: list[Any] = [trigger.get("event"), *(body.get(name) for name in ("type", "event", "action"))]
    return [each for each in found if isinstance(each, str)]
