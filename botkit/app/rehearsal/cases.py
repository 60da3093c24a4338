"""Test cases of workflows, as YAML.

cases:
  - name: a small refund
    start: "refund A-1001"               # or {webhook: …, body: {…}}, {input: {…}}, {schedule: …}
    answers: ["yes", {approve: true}]    # in the order in which the run asks
    tools: {orders__get_order: {total_cents: 4900}}
    expect: {path: [ask, look, …], messages: ["Done."], state: completed}
"""

from __future__ import annotations

__all__ = ["Case", "CaseFile", "Expectation", "Start", "case_files", "read_cases"]

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from botkit.core.config.parse import parse_yaml
from botkit.core.config.sources import WORKFLOWS_FOLDER
from botkit.core.config.tree import raw_values
from botkit.core.config.workflow_files import workflow_slug
from botkit.core.data import Data
from botkit.core.errors import ConfigError, Problem

EVALS_FOLDER = "workspace/evals"
_SUFFIX = ".test.yaml"


class Start(Data, forbid_unknown_fields=True):
    """What begins the run; one of the first four, or `event` alone."""

    message: str | None = None
    webhook: str | None = None
    """Its key in bots.yaml; `body` and `event` come with it."""
    schedule: str | None = None
    """Its key in bots.yaml."""
    input: dict[str, Any] | None = None
    """A call by a program, or by another workflow."""
    body: Any = None
    event: str = ""
    """Of a webhook; without one, an event that another workflow emits, with `body` as its data."""
    headers: dict[str, str] = {}

    @property
    def trigger(self) -> dict[str, Any]:
        """The variable `trigger`."""
        if self.webhook is not None:
            body = {"body": self.body} if self.body is not None else {}
            return {"kind": "webhook", "name": self.webhook, "event": self.event, "headers": self.headers, **body}
        if self.event and self.message is None and self.schedule is None:
            return {"kind": "event", "name": self.event, "body": self.body}
        if self.schedule is not None:
            return {"kind": "cron", "name": self.schedule, "input": self.input or {}}
        if self.input is not None and self.message is None:
            return {"kind": "api", "name": "", "input": self.input}
        text = self.message or ""
        command = {"command": text[1:].partition(" ")[0]} if text.startswith("/") else {}
        given = {"input": self.input} if self.input is not None else {}
        return {"kind": "message", "name": "sandbox", "text": text, **command, **given}


class Expectation(Data, forbid_unknown_fields=True):
    """What must come of it. What is not named is not looked at."""

    state: Literal["completed", "failed", "limit_reached", "waiting", "ignored"] | None = None
    path: list[str] | None = None
    """Visits in the order in which they finished, such as `each/0/say`; `...` stands for any number of them."""
    not_visited: list[str] = []
    messages: list[Any] | None = None
    """A text, `{contains: …}`, `{matches: …}` (a pattern), each with `to` where it went elsewhere; `...` for any."""
    calls: list[Any] | None = None
    """Tool calls: `server__tool`, or `{tool: …, arguments: {…}}` with the arguments that count; `...` for any."""
    events: list[Any] | None = None
    """Events it emits: a name, or `{name: …, data: {…}}` with the data that counts; `...` for any."""
    later: list[Any] | None = None
    """Messages it plans for later: a text, or `{text, at, key, to, cron}` with what counts; `...` for any."""
    output: Any = msgspec.UNSET
    """Of the run; of an object only the keys that are named."""
    variables: dict[str, Any] = {}
    """At the end, by name; of an object only the keys that are named."""
    error: str | None = None
    """Code of the error that ended the run."""
    waits_at: str | None = None
    """The node that waits, with `state: waiting`."""


class Case(Data, forbid_unknown_fields=True):
    """One run."""

    name: str = ""
    workflow: str = ""
    """Its key in bots.yaml; that of the file when empty."""
    start: Start | str = ""
    """A text is a message."""
    user: dict[str, Any] = {}
    """Of the variable `user`: `id`, `name`, `roles`, `tags`, `locale`, `timezone`."""
    variables: dict[str, Any] = {}
    """Set at the start, over those of the workflow."""
    now: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    """When it begins. Time passes only where the run waits."""
    tools: dict[str, Any] = {}
    """Tool → its result; a list: one result for each call, the last for all further ones; `{error: …}` fails."""
    models: list[Any] = []
    """Answers of models in the order of the calls: a text; `{calls: [{tool: …, arguments: {…}}], text: …}` asks for
    tools; any other object is the answer as JSON."""
    http: dict[str, Any] = {}
    """`METHOD address` or an address (`*` stands for anything) → `{status, json, text, headers}`, a list of them, or
    `{unsent: why}`."""
    answers: list[Any] = []
    """What people do, in the order in which they are asked: a text; `{fields: {…}}`, `{values: […]}`;
    `{approve: true, comment: …, values: {…}}`, `{reject: true}`; `{timeout: true}`, `{cancel: true}`; any other
    object is the answer as it stands. `node` says whose answer it is; `by` who gives it."""
    nodes: dict[str, Any] = {}
    """Node → the output it has without doing anything; `{handle, output, set}` or `{error: …}` where more counts.
    For `auth_gate`, and for work that is not to be done: functions, code and nodes of your own are run."""
    expect: Expectation = Expectation()

    @property
    def began(self) -> Start:
        return Start(message=self.start) if isinstance(self.start, str) else self.start


class CaseFile(Data):
    path: str
    cases: tuple[Case, ...] = ()


def case_files(root: Path, workflow: str = "") -> list[Path]:
    """Files with cases: `workspace/workflows/NAME.test.yaml` and everything in `workspace/evals/` that fits."""
    found = [*sorted((root / WORKFLOWS_FOLDER).glob(f"*{_SUFFIX}")), *sorted((root / EVALS_FOLDER).glob(f"*{_SUFFIX}"))]
    return [path for path in found if not workflow or _slug(path) == workflow]


def read_cases(path: Path, root: Path) -> CaseFile:
    """The cases of a file. Raises `ConfigError` with what is wrong in it."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown} cannot be read: {error}", (Problem("cannot be read", shown),)) from error
    parsed = parse_yaml(text, shown)
    if parsed.problems:
        raise ConfigError(f"{shown} is not right", tuple(parsed.problems))
    values: Any = raw_values(parsed.tree)
    if "cases" not in values:
        values = {"cases": [values]}
    try:
        if strange := sorted(set(values) - {"cases", "workflow"}):
            raise msgspec.ValidationError(f"unknown key `{strange[0]}` beside `cases`")
        cases = msgspec.convert(values["cases"], list[Case], strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{shown}: {error}", (Problem(str(error), shown),)) from error
    name = str(values.get("workflow") or _slug(path))
    named = [
        msgspec.structs.replace(case, workflow=case.workflow or name, name=case.name or f"case {number}")
        for number, case in enumerate(cases, 1)
    ]
    return CaseFile(path=shown, cases=tuple(named))


def _slug(path: Path) -> str:
    return workflow_slug(f"{path.name.removesuffix(_SUFFIX)}.yaml")
