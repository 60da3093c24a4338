"""Every case of every template, killed at each of its commits: it ends the same, and does nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.app.rehearsal.cases import Case, case_files, read_cases
from botkit.app.rehearsal.memory import MemoryJournal
from botkit.app.rehearsal.perform import Performance, Rehearsal
from botkit.app.templates.write import TEMPLATES, write_workflow
from botkit.app.workflows import load_project
from botkit.core.config import Config
from botkit.core.journal import Committed, StepDone
from botkit.core.workflows import VISIT


class Died(BaseException):
    """The process was killed here."""


class Deadly:
    """Kills at one commit, before it is stored or after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.commits = 0
        self.nodes: list[bool] = []
        """Of each commit, whether it records a node and nothing that came from outside."""
        self.at, self.after = 0, True
        commit = MemoryJournal.commit

        async def deadly(journal: MemoryJournal, claim: Any, writes: Sequence[Any], **more: Any) -> Committed:
            self.commits += 1
            steps = [write for write in writes if isinstance(write, StepDone)]
            self.nodes.append(all(step.name.startswith(VISIT) for step in steps))
            dies = self.commits == self.at
            if dies and not self.after:
                raise Died
            done = await commit(journal, claim, writes, **more)
            if dies:
                raise Died
            return done

        monkeypatch.setattr(MemoryJournal, "commit", deadly)

    async def play(self, config: Config, case: Case, at: int = 0, *, after: bool = True) -> Performance:
        self.commits, self.nodes, self.at, self.after = 0, [], at, after
        rehearsal = Rehearsal(config, case)
        try:
            return await rehearsal.run()
        except Died:
            return await rehearsal.run()


def facts(came: Performance) -> Any:
    """What people and systems outside see; numbers of steps do not count."""
    calls = [(call.tool, call.arguments, call.ok) for call in came.calls]
    return came.state, came.path, came.messages, calls, came.unused, came.missing


@pytest.mark.parametrize("template", TEMPLATES)
async def test_a_kill_at_any_commit_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    (tmp_path / "bots.yaml").write_text("version: 1\nbots: {helper: {name: Helper}}\n")
    write_workflow(tmp_path, "flow", template)
    config = load_project(tmp_path / "bots.yaml")
    deadly = Deadly(monkeypatch)
    (file,) = case_files(tmp_path, "flow")
    for case in read_cases(file, tmp_path).cases:
        whole = await deadly.play(config, case)
        nodes = list(deadly.nodes)
        assert nodes
        for at, only_nodes in enumerate(nodes, 1):
            for after in (True, False) if only_nodes else (True,):
                again = await deadly.play(config, case, at, after=after)
                assert facts(again) == facts(whole), (case.name, at, after)
                assert msgspec.json.encode(again.output) == msgspec.json.encode(whole.output)
