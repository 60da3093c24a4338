"""Reading the files of `workspace/evals/`: strictly, with every mistake at its place."""

from __future__ import annotations

__all__ = ["EVALS_FOLDER", "EvalSuite", "Routing", "eval_files", "read_evals"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from botkit.core.config.locate import locate_errors, nearest, problem_at
from botkit.core.config.parse import parse_yaml
from botkit.core.config.tree import Branch, Place, find, raw_values
from botkit.core.errors import ConfigError, Problem
from botkit.core.evals.models import EvalFile

EVALS_FOLDER = "workspace/evals"
_WORKFLOW_CASES = (".test.yaml", ".test.yml")
"""Cases of workflows, which `botkit workflows test` runs."""
_ROUTING = ("at_least", "cases", "team")


@dataclass(frozen=True, slots=True)
class EvalSuite:
    """A file, and where everything in it stands."""

    path: Path
    shown: str
    """Its path as people write it."""
    file: EvalFile
    tree: Branch = field(repr=False)

    def place(self, *path: str | int) -> str:
        """`file:line` of what stands at a path, or of its nearest parent that is there."""
        _, _, place = find(self.tree, path)
        return f"{self.shown}:{place.line}"

    def problem(self, path: tuple[str | int, ...], message: str, hint: str = "") -> Problem:
        """A mistake with what stands at a path."""
        return problem_at(self.tree, path, message, hint)


@dataclass(frozen=True, slots=True)
class Routing:
    """A file of messages whose member of a team is known: `team: NAME`, `cases: {MEMBER: [message, …]}`."""

    path: Path
    shown: str
    team: str
    cases: Mapping[str, tuple[str, ...]]
    at_least: float = 1.0
    """Fraction that must be right."""
    tree: Branch = field(repr=False, default_factory=lambda: Branch(Place("", 1, 1)))


def eval_files(root: Path) -> list[Path]:
    """Every evaluation of a project; cases of workflows, which stand there too, are left out."""
    folder = root / EVALS_FOLDER
    found = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")])
    return [one for one in found if not one.name.endswith(_WORKFLOW_CASES)]


def read_evals(path: Path, root: Path) -> EvalSuite | Routing:
    """One file. Raises `ConfigError` with every mistake in it."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or "unknown reason"
        raise ConfigError(f"{shown} cannot be read", (Problem(reason, shown),)) from error
    parsed = parse_yaml(text, shown)
    if parsed.problems:
        raise _wrong(shown, parsed.problems)
    values = cast("dict[str, Any]", raw_values(parsed.tree))
    if "team" in values and isinstance(values.get("cases"), dict):
        return _routing(path, shown, values, parsed.tree)
    try:
        file = EvalFile.model_validate(values)
    except ValidationError as error:
        raise _wrong(shown, tuple(locate_errors(error, parsed.tree, EvalFile))) from None
    return EvalSuite(path, shown, file, parsed.tree)


def _routing(path: Path, shown: str, values: dict[str, Any], tree: Branch) -> Routing:
    problems = [
        problem_at(
            tree, (key,), "unknown key", nearest(key, _ROUTING) or f"known here: {', '.join(_ROUTING)}", key=True
        )
        for key in values
        if key not in _ROUTING
    ]
    team, at_least = values["team"], values.get("at_least", 1.0)
    if not isinstance(team, str):
        problems.append(problem_at(tree, ("team",), "must be the name of a team"))
    if not isinstance(at_least, int | float) or isinstance(at_least, bool) or not 0 <= at_least <= 1:
        problems.append(problem_at(tree, ("at_least",), "must be a fraction from 0 to 1"))
    cases: dict[str, tuple[str, ...]] = {}
    for member, texts in cast("dict[str, Any]", values["cases"]).items():
        if isinstance(texts, list) and all(isinstance(text, str) for text in cast("list[Any]", texts)):
            cases[member] = tuple(cast("list[str]", texts))
        else:
            problems.append(problem_at(tree, ("cases", member), "must be a list of messages", key=True))
    if problems:
        raise _wrong(shown, tuple(problems))
    return Routing(path, shown, str(team), cases, float(cast("float", at_least)), tree)


def _wrong(shown: str, problems: tuple[Problem, ...]) -> ConfigError:
    what = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
    return ConfigError(f"{shown} has {what}", problems)
