"""A project under test: one instance on all platforms, what the guide says, and what `botkit init` writes."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.app.project import Choices, create_project
from botkit.app.rehearsal.cases import case_files, read_cases
from botkit.app.rehearsal.expecting import rehearse
from botkit.app.rehearsal.stage import Stage
from botkit.app.workflows import load_project
from botkit.testing.project import Project, ProjectSettings
from botkit.workflows.define import compile_workflow

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guides" / "testing.md"
_NAMED = re.compile(r"^```(?:python|ini)\n# (\S+?\.(?:py|ini))[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""(file name, text) of an example."""
PLATFORMS = ("telegram", "discord", "slack", "whatsapp")


def a_project(folder: Path) -> Path:
    create_project(folder, Choices(bot="Order desk", telegram=True))
    return folder


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[Project]:
    async with Project(ProjectSettings(folder=a_project(tmp_path / "shop"))) as project:
        yield project


async def test_one_instance_talks_on_every_platform(project: Project) -> None:
    chats = [await project.on(platform) for platform in PLATFORMS]
    for chat in chats:
        await chat.alice.says("/whoami")
        await chat.bob.says("/whoami")
    for chat in chats:
        await chat.alice.sees("Alice")
        await chat.bob.sees(re.compile("B.b"))
        assert len(chat.alice.reads()) == 1


async def test_people_have_the_roles_a_test_gives_them(tmp_path: Path) -> None:
    settings = ProjectSettings(folder=a_project(tmp_path / "shop"), roles={"Alice": ["admin"]})
    async with Project(settings) as project:
        chats = [await project.on(platform) for platform in PLATFORMS]
        for chat in chats:
            await chat.alice.says("/whoami")
            await chat.bob.says("/whoami")
        for chat in chats:
            await chat.alice.sees("admin")
            await chat.bob.sees("guest")


async def test_what_does_not_come_fails_with_what_came(project: Project) -> None:
    telegram = await project.on("telegram")
    await telegram.alice.says("/whoami")
    await telegram.alice.sees("Alice")
    with pytest.raises(AssertionError, match="did not see 'Bob'") as caught:
        await telegram.alice.sees("Bob", within_s=0.05)
    assert "You are" in str(caught.value)
    assert "channel_started" in str(caught.value)


async def test_a_project_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = a_project(tmp_path / "shop")
    settings = ProjectSettings(folder=folder, variables={"BOTKIT_PUBLIC_URL": "nowhere"})
    async with Project(settings) as project:
        telegram = await project.on("telegram")
        with pytest.raises(AssertionError, match="write the whole address"):
            await telegram.alice.says("hello")


def _pytest(folder: Path) -> str:
    """Run a project's own tests, as its people do."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "BOTKIT_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    return done.stdout


def _passed(output: str) -> int:
    found = re.search(r"(\d+) passed", output)
    return int(found[1]) if found else 0


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_a_new_project_has_a_test_that_passes(tmp_path: Path) -> None:
    assert "1 passed" in _pytest(a_project(tmp_path / "shop"))


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_the_examples_of_the_guide_pass(tmp_path: Path) -> None:
    folder = a_project(tmp_path / "shop")
    (folder / "tests" / "test_talk.py").unlink()
    blocks = re.findall(
        r"^```(?:python|ini)\n# (\S+?\.(?:py|ini))[^\n]*\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert {"conftest.py", "pytest.ini"} < {name for name, _ in blocks}
    for name, body in blocks:
        (folder / name).write_text(body)
    examples = sum(body.count("async def test_") for _, body in blocks)
    assert examples >= 5
    assert _passed(_pytest(folder)) == examples


class _Silent:
    """A process that lives and says nothing."""

    returncode = None

    def __init__(self) -> None:
        self.stderr = asyncio.StreamReader()

    def terminate(self) -> None:
        self.stderr.feed_eof()

    kill = terminate

    async def wait(self) -> int:
        return 0


class _SilentProject(Project):
    async def _launch(self, work: Path, variables: dict[str, str]) -> _Silent:
        return _Silent()

    async def listening(self) -> None:
        while self._reading is None:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def hear(self) -> None:
        self._changed.set()


@pytest.mark.parametrize("moments", range(5))
async def test_a_start_can_be_given_up_at_any_moment(tmp_path: Path, moments: int) -> None:
    (tmp_path / "bots.yaml").write_text("version: 1\nbots: {desk: {name: Desk}}\n")
    async with _SilentProject(ProjectSettings(folder=tmp_path)) as project:
        starting = asyncio.create_task(project.start())
        await project.listening()
        project.hear()
        for _ in range(moments):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting], timeout=5)
        assert starting.cancelled()


async def test_the_workflow_of_a_new_project_passes_its_cases(tmp_path: Path) -> None:
    root = a_project(tmp_path / "shop")
    config = load_project(root / "bots.yaml")
    used = {node.type for node in compile_workflow(config, "checklist").nodes}
    assert {"function_call", "checklist", "mcp_tool"} <= used
    async with Stage(config) as stage:
        for case in [case for file in case_files(root) for case in read_cases(file, root).cases]:
            report = await rehearse(config, case, stage=stage)
            assert report.ok, (case.name, report.differences)
