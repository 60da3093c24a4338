"""Commands are found, described and loaded lazily."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

from botkit.cli.overview import SECTIONS, overview
from botkit.cli.reference import reference
from botkit.cli.root import root
from botkit.cli.tree import scan

HEAVY = ("pydantic", "sqlalchemy", "litellm", "rich", "click", "asyncio", "msgspec", "starlette", "structlog")


def walk(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from walk(command, inner)
        else:
            yield inner.command_path, command


COMMANDS = dict(walk(root, click.Context(root, info_name="botkit")))


def test_the_overview_names_every_command_with_its_summary() -> None:
    text = overview("botkit")
    for entry in scan():
        assert f"  {entry.name} " in text
        assert entry.summary in text
    known = {entry.name for entry in scan()}
    assert {name for _, names in SECTIONS for name in names} <= known


def imported_by(*args: str) -> set[str]:
    code = "import sys; sys.argv[0] = 'botkit'; from botkit.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print('\\nMODULES', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=150, check=True, cwd="/"
    )
    return set(done.stdout.rpartition("MODULES")[2].split())


def test_the_help_page_imports_nothing_heavy() -> None:
    assert not imported_by("--help") & set(HEAVY)
    assert not imported_by() & set(HEAVY)


@pytest.mark.parametrize("args", [("runs", "list", "--help"), ("chat", "--help"), ("--version",)])
def test_help_of_a_command_imports_click_and_no_more(args: tuple[str, ...]) -> None:
    assert not imported_by(*args) & (set(HEAVY) - {"click"})


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_explains_itself_with_examples_and_speaks_json(path: str, cli: Callable[..., Result]) -> None:
    command = COMMANDS[path]
    examples = [line.strip() for line in (command.help or "").splitlines() if line.startswith("    ")]
    assert any(path in example for example in examples), "its docstring shows no example of itself"
    flags = {flag for parameter in command.params for flag in parameter.opts}
    assert {"--json", "--debug"} <= flags
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} has no help"
    shown = cli(*path.split()[1:], "--help")
    assert shown.exit_code == 0
    for example in examples:
        assert example in shown.output


def test_a_mistyped_command_is_answered_with_the_nearest_one(cli: Callable[..., Result]) -> None:
    wrong = cli("aprovals")
    assert wrong.exit_code == 2
    assert "Did you mean 'approvals'?" in wrong.output
    wrong = cli("runs", "lst")
    assert wrong.exit_code == 2
    assert "Did you mean 'list'?" in wrong.output


def test_the_reference_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text() == reference(), "run: python -m botkit.cli.reference"
