"""A configuration is applied on purpose, recorded, and taken back; a bad edit changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.app.configs import ConfigBook
from botkit.app.watch import folders_of
from botkit.core.config import Config
from botkit.core.errors import ConfigError, NotFound
from botkit.testing.clock import ManualClock
from tests.app.support import MemoryRevisions

GOOD = "version: 1\nbots:\n  helper: {name: Helper}\n"
BETTER = "version: 1\n# a comment that must live\nbots:\n  helper: {name: Better}\n"
BROKEN = "version: 1\nbots:\n  helper: {nmae: Helper}\n"


class Desk:
    """A book over a project folder."""

    def __init__(self, folder: Path):
        self.file = folder / "bots.yaml"
        self.revisions = MemoryRevisions()
        self.seen: list[str] = []
        self.book = self.fresh()

    def fresh(self) -> ConfigBook:
        """As a new process would begin."""
        book = ConfigBook(self.file, self.revisions, ManualClock())
        book.subscribe(self._note)
        return book

    async def _note(self, config: Config) -> None:
        self.seen.append(name_of(config))


def name_of(config: Config) -> str:
    return config.bots["helper"].name or ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.file.write_text(GOOD)
    return desk


async def test_a_start_records_what_it_runs(desk: Desk) -> None:
    config = await desk.book.start(actor="ada")
    assert desk.revisions.acts == [(config.revision, "ada", "start")]
    await desk.fresh().start(actor="ada")
    assert len(desk.revisions.acts) == 1


async def test_a_first_start_with_a_broken_file_fails_with_its_mistakes(desk: Desk) -> None:
    desk.file.write_text(BROKEN)
    with pytest.raises(ConfigError, match="nmae"):
        await desk.book.start(actor="ada")


async def test_a_later_start_with_a_broken_file_runs_what_ran_before(desk: Desk) -> None:
    await desk.book.start(actor="ada")
    desk.file.write_text(BROKEN)
    book = desk.fresh()
    assert name_of(await book.start(actor="ada")) == "Helper"
    assert book.error is not None
    desk.file.unlink()
    assert name_of(await desk.fresh().start(actor="ada")) == "Helper"


async def test_a_bad_edit_is_refused_with_every_mistake_and_changes_nothing(desk: Desk) -> None:
    await desk.book.start(actor="ada")
    desk.file.write_text(BROKEN + "chanels: {}\n")
    with pytest.raises(ConfigError) as refused:
        await desk.book.apply(actor="ada", via="cli")
    assert {problem.path for problem in refused.value.problems} == {"bots.helper.nmae", "chanels"}
    assert name_of(desk.book.current) == "Helper"
    assert desk.seen == []
    state = await desk.book.state()
    assert "nmae" in state.error
    assert not state.pending


async def test_a_good_edit_waits_until_it_is_applied(desk: Desk) -> None:
    first = await desk.book.start(actor="ada")
    desk.file.write_text(BETTER)
    assert (await desk.book.state()).pending
    assert name_of(desk.book.current) == "Helper"
    applied = await desk.book.apply(actor="grace", via="cli")
    assert (applied.previous, applied.changed) == (first.revision, True)
    assert desk.seen == ["Better"]
    assert desk.revisions.acts[-1] == (applied.revision, "grace", "cli")
    assert not (await desk.book.apply(actor="grace", via="cli")).changed
    assert desk.seen == ["Better"]


async def test_a_run_keeps_the_revision_it_began_under(desk: Desk) -> None:
    first = await desk.book.start(actor="ada")
    desk.file.write_text(BETTER)
    await desk.book.apply(actor="ada", via="cli")
    assert name_of(await desk.book.get(first.revision)) == "Helper"
    later = desk.fresh()
    await later.start(actor="ada")
    assert name_of(await later.get(first.revision)) == "Helper"
    assert name_of(await later.get("unknown")) == "Better"
    assert name_of(await later.get("")) == "Better"


async def test_a_rollback_rewrites_the_file_with_its_comments_and_applies_it(desk: Desk) -> None:
    desk.file.write_text(BETTER)
    await desk.book.start(actor="ada")
    desk.file.write_text(GOOD)
    await desk.book.apply(actor="ada", via="cli")
    applied = await desk.book.rollback(actor="grace", via="cli")
    assert desk.file.read_text() == BETTER
    assert applied.files == ("bots.yaml",)
    assert name_of(desk.book.current) == "Better"
    assert desk.seen == ["Helper", "Better"]
    assert desk.revisions.acts[-1][1:] == ("grace", "cli")


async def test_a_rollback_restores_included_files_and_prompts(desk: Desk) -> None:
    more, prompt = desk.file.with_name("more.yaml"), desk.file.with_name("prompt.md")
    desk.file.write_text("version: 1\ninclude: more.yaml\nbots:\n  helper: {prompt_file: prompt.md}\n")
    more.write_text("bots:\n  second: {}\n")
    prompt.write_text("Be kind.")
    first = await desk.book.start(actor="ada")
    more.write_text("bots:\n  third: {}\n")
    prompt.write_text("Be terse.")
    await desk.book.apply(actor="ada", via="cli")
    applied = await desk.book.rollback(first.revision[:10], actor="ada", via="cli")
    assert set(applied.files) == {"more.yaml", "prompt.md"}
    assert (more.read_text(), prompt.read_text()) == ("bots:\n  second: {}\n", "Be kind.")
    assert applied.revision == first.revision


async def test_a_rollback_loses_no_edit(desk: Desk) -> None:
    first = await desk.book.start(actor="ada")
    desk.file.write_text(BETTER)
    await desk.book.apply(actor="ada", via="cli")
    desk.file.write_text(BETTER.replace("Better", "Unsaved"))
    applied = await desk.book.rollback(first.revision, actor="ada", via="cli")
    kept = applied.notes[0].split()[-1]
    stored = await desk.revisions.get(kept)
    assert stored is not None
    assert "Unsaved" in stored.files["bots.yaml"]
    desk.file.write_text(BROKEN)
    await desk.book.rollback(applied.previous, actor="ada", via="cli")
    assert desk.file.with_name("bots.yaml.broken").read_text() == BROKEN


async def test_a_rollback_works_where_the_files_cannot_be_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await desk.book.start(actor="ada")
    desk.file.write_text(BETTER)
    await desk.book.apply(actor="ada", via="cli")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    applied = await desk.book.rollback(first.revision, actor="ada", via="cli")
    assert any("Permission denied" in note for note in applied.notes)
    assert name_of(desk.book.current) == "Helper"


async def test_nothing_to_go_back_to_is_said(desk: Desk) -> None:
    await desk.book.start(actor="ada")
    with pytest.raises(NotFound, match="no earlier revision"):
        await desk.book.rollback(actor="ada", via="cli")
    with pytest.raises(NotFound, match="rollback --list"):
        await desk.book.rollback("abc", actor="ada", via="cli")


def write_workflow(desk: Desk, text: str) -> None:
    folder = desk.file.parent / "workspace" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "refund.yaml").write_text(text)


async def test_a_workflow_that_is_wrong_is_not_applied_and_one_that_is_right_is(desk: Desk) -> None:
    began = await desk.book.start(actor="ada")
    write_workflow(desk, "steps:\n  - lop: {times: 2}\n")
    with pytest.raises(ConfigError) as caught:
        await desk.book.apply(actor="ada", via="cli")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.hint) == ("workspace/workflows/refund.yaml", 2, "did you mean `loop`?")
    assert desk.book.current.revision == began.revision
    write_workflow(desk, "steps:\n  - loop: {times: 2}\n")
    assert (await desk.book.apply(actor="ada", via="cli")).changed


async def test_a_stored_revision_is_not_judged_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_workflow(desk, "steps:\n  - loop: {times: 2}\n")
    began = await desk.book.start(actor="ada")
    write_workflow(desk, "steps:\n  - loop: {times: 3}\n")
    desk.book = desk.fresh()
    await desk.book.start(actor="ada")
    monkeypatch.setattr("botkit.app.workflows.check_config", None)
    old = await desk.book.get(began.revision)
    assert old.workflows["refund"].steps == ({"loop": {"times": 2}},)


async def test_the_folder_of_workflows_is_watched_and_what_came_of_a_python_file_is_no_file(desk: Desk) -> None:
    write_workflow(desk, "steps:\n  - loop: {times: 2}\n")
    config = await desk.book.start(actor="ada")
    root = desk.file.parent
    assert folders_of(desk.file, config) == (root, root / "workspace" / "workflows")
    (root / "workspace" / "workflows" / "rounds.py").write_text(
        "from botkit.sdk.workflow import Workflow\nw = Workflow()\nw.loop(times=2)\n"
    )
    assert (await desk.book.apply(actor="ada", via="cli")).changed
    assert folders_of(desk.file, desk.book.current) == (root, root / "workspace" / "workflows")
    desk.file.write_text(BETTER)
    await desk.book.apply(actor="ada", via="cli")
    assert (await desk.book.rollback(actor="ada", via="cli")).changed
    assert not (root / "workspace" / "workflows" / "rounds.py").is_dir()
