"""Evaluations as tests: `pytest --botkit-evals`, and the fixture `run_evals`.

Each file is run by `botkit eval` in a process of its own, as it is on the command line; cases become tests.
"""

# pytest's own constructors of nodes carry no types
# pyright: reportUnknownMemberType=false

from __future__ import annotations

__all__ = ["EvalFailed", "EvalResult", "add_options", "collect_file", "configure", "run_evals_in"]

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_OPTION = "botkit_evals"
_RECORDED = "botkit_evals_recorded"
_MODEL = "botkit_evals_model"
_FOLDER = ("workspace", "evals")


class EvalFailed(Exception):
    """A case did not come out as expected, or could not be run; the message says what differed and where."""


@dataclass(frozen=True)
class EvalResult:
    """What came of one case, over all its tries."""

    file: str
    name: str
    bot: str
    state: str
    """`passed`, `failed`, `skipped` or `stale`."""
    tokens: int
    cost_cents: float
    seconds: float
    told: tuple[str, ...]
    """What differed, with `file:line` each."""
    why: str = ""
    """It was skipped."""
    raw: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """As `botkit eval --json` has it."""

    @property
    def passed(self) -> bool:
        return self.state in ("passed", "skipped")


def run_evals_in(
    project: Path,
    *files: Path | str,
    tag: str = "",
    case: str = "",
    bot: str = "",
    model: str = "",
    recorded: bool = False,
    mock_tools: bool = False,
    repeat: int = 0,
) -> list[EvalResult]:
    """Run files of a project, or all it has; arguments as the options of `botkit eval`.

    Raises:
        EvalFailed: they could not be run, such as a file with a mistake. Cases that fail are results.
    """
    words = [sys.executable, "-m", "botkit.cli", "eval", *map(str, files), "--json"]
    for name, value in (("tag", tag), ("case", case), ("bot", bot), ("model", model), ("repeat", str(repeat or ""))):
        words += [f"--{name}", value] if value else []
    words += ["--recorded"] if recorded else []
    words += ["--mock-tools"] if mock_tools else []
    done = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise EvalFailed(f"`botkit eval` ended with {done.returncode}:\n{done.stderr.strip()}") from None
    if "error" in report:
        raise EvalFailed(done.stderr.strip())
    return [_result(one) for one in report["cases"]] + [_routed(one) for one in report["routing"]]


def _result(one: dict[str, Any]) -> EvalResult:
    tries: list[dict[str, Any]] = one["tries"]
    failed = next((found for found in tries if not found["ok"]), None)
    told = [_difference(found) for found in failed["differences"]] + list(failed["stale"]) if failed else []
    return EvalResult(
        file=one["file"],
        name=one["name"],
        bot=one["bot"],
        state=one["state"],
        tokens=sum(found["usage"]["input_tokens"] + found["usage"]["output_tokens"] for found in tries),
        cost_cents=sum(found["usage"]["cost_micros"] for found in tries) / 10_000,
        seconds=sum(found["seconds"] for found in tries),
        told=tuple(told),
        why=one["why"],
        raw=one,
    )


def _difference(one: dict[str, Any]) -> str:
    return f"{one['at']}: {one['what']}\n  - {one['wanted']}\n  + {one['came']}"


def _routed(one: dict[str, Any]) -> EvalResult:
    report: dict[str, Any] = one["report"]
    wrong = [f"{found['text']!r}: {found['chosen']} instead of {found['expected']}" for found in report["wrong"]]
    usage = report["usage"]
    return EvalResult(
        file=one["file"],
        name=f"routing of {report['team']}",
        bot=report["team"],
        state="passed" if one["ok"] else "failed",
        tokens=usage["input_tokens"] + usage["output_tokens"],
        cost_cents=report["cost_cents"],
        seconds=0.0,
        told=() if one["ok"] else tuple(wrong),
        raw=one,
    )


# ── collecting ───────────────────────────────────────────────────────────────────────────────────────────────


def add_options(parser: pytest.Parser) -> None:
    """`--botkit-evals` and what goes with it."""
    group = parser.getgroup("botkit", "evaluations of botkit")
    about = "Run the cases of workspace/evals/ as tests."
    group.addoption("--botkit-evals", action="store_true", dest=_OPTION, default=None, help=about)
    group.addoption(
        "--botkit-evals-recorded", action="store_true", dest=_RECORDED, help="Play recorded answers of models."
    )
    group.addoption("--botkit-evals-model", dest=_MODEL, default="", help="Another model than the bots' own.")
    parser.addini(_OPTION, about, type="bool", default=False)


def configure(config: pytest.Config) -> None:
    """Look into `workspace/evals/` too where `testpaths` would leave it out."""
    folder = config.rootpath.joinpath(*_FOLDER)
    if _wanted(config) and config.args_source is pytest.Config.ArgsSource.TESTPATHS and folder.is_dir():
        config.args.append(str(folder))


def collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of evaluations as a collection of tests."""
    if not _wanted(parent.config) or file_path.parent.parts[-2:] != _FOLDER:
        return None
    if file_path.suffix not in (".yaml", ".yml") or ".test." in file_path.name:
        return None
    return EvalFileTests.from_parent(parent, path=file_path)


def _wanted(config: pytest.Config) -> bool:
    return bool(config.getoption(_OPTION) or config.getini(_OPTION))


class EvalFileTests(pytest.File):
    """The cases of one file. A file with a mistake is an error of the collection."""

    @property
    def project(self) -> Path:
        """The folder of bots.yaml."""
        return self.path.parents[len(_FOLDER)]

    def collect(self) -> Iterator[EvalTest]:
        from botkit.core.errors import ConfigError
        from botkit.core.evals import EvalSuite, read_evals

        try:
            read = read_evals(self.path, self.project)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        if not isinstance(read, EvalSuite):
            yield EvalTest.from_parent(self, name=f"routing of {read.team}")
            return
        for number, case in enumerate(read.file.cases):
            line = int(read.place("cases", number).rpartition(":")[2])
            yield EvalTest.from_parent(self, name=case.name, line=line)

    def results(self, wanted: str) -> Sequence[EvalResult]:
        """What came of the file, run once when all of it is wanted, else case by case."""
        mine = [item for item in self.session.items if isinstance(item, EvalTest) and item.parent is self]
        alone = "PYTEST_XDIST_WORKER" in os.environ or len(mine) < self._count()
        if alone:
            return self._run(wanted)
        if self._kept is None:
            self._kept = self._run("")
        return self._kept

    _kept: Sequence[EvalResult] | None = None

    def _count(self) -> int:
        return sum(1 for _ in self.collect())

    def _run(self, case: str) -> Sequence[EvalResult]:
        options = self.config.option
        routing = case.startswith("routing of ")
        return run_evals_in(
            self.project,
            self.path,
            case="" if routing else case,
            model=getattr(options, _MODEL),
            recorded=getattr(options, _RECORDED),
        )


class EvalTest(pytest.Item):
    """One case."""

    parent: EvalFileTests  # pyright: ignore[reportIncompatibleVariableOverride] - only made there

    def __init__(self, *, line: int = 1, **given: Any):
        super().__init__(**given)
        self._line = line

    def runtest(self) -> None:
        found = next(one for one in self.parent.results(self.name) if one.name == self.name)
        if found.state == "skipped":
            pytest.skip(found.why)
        if not found.passed:
            raise EvalFailed("\n".join(found.told))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, EvalFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._line - 1, self.name
