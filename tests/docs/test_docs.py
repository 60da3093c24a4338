"""What the README and the docs say is true: commands exist, examples run, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
MENTION = re.compile(r"`botkit((?: [a-z][a-z-]*)+)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> Iterator[str]:
    for kind, body in FENCE.findall(page.read_text()):
        if kind == language:
            yield body


def root_command() -> click.Command:
    from botkit.cli.root import root

    return root


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_a_page_mentions_exists(page: Path) -> None:
    missing: list[str] = []
    for mention in MENTION.findall(page.read_text()):
        command: click.Command | None = root_command()
        context = click.Context(root_command())
        for word in mention.split():
            if not isinstance(command, click.Group):
                break  # the rest are arguments
            found = command.get_command(context, word)
            if found is None:
                missing.append(f"botkit{mention}")
                break
            command = found

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = [t for t in LINK.findall(page.read_text()) if "://" not in t and not t.startswith("mailto:")]

    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_yaml_example_loads(page: Path, tmp_path: Path) -> None:
    from ruamel.yaml import YAML

    for body in blocks(page, "yaml"):
        YAML(typ="safe").load(  # pyright: ignore[reportUnknownMemberType]  # the library is partly untyped
            re.sub(r"^    ", "", body, flags=re.MULTILINE) if body.startswith("    ") else body
        )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_of_the_quickstart_run(tmp_path: Path) -> None:
    project = tmp_path / "clone"
    project.mkdir()
    shutil.copy(ROOT / "bots.yaml", project)
    shutil.copytree(ROOT / "workspace", project / "workspace")
    bin_folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = project
    ran = 0
    for body in blocks(ROOT / "docs" / "quickstart.md", "sh"):
        for line in filter(None, map(str.strip, body.splitlines())):
            words = shlex.split(line)
            if words[0] == "cd":
                folder = folder / words[1]
                continue
            done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            ran += 1

    assert ran >= 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_first_command_of_the_readme_starts_a_bot_that_answers(tmp_path: Path) -> None:
    """From a clone: the line as written, a message on the terminal, the page, and a clean end."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True, timeout=300)
    line = next(line for body in blocks(ROOT / "README.md", "sh") for line in body.splitlines() if "botkit dev" in line)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("BOTKIT_", "VIRTUAL_ENV"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        ["bash", "-c", f"exec bash -c {shlex.quote(line)}"],
        cwd=clone,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    output = ""
    try:
        process.stdin.write("where is order A-1002?\n")
        process.stdin.flush()
        deadline = time.monotonic() + 300
        while "Travel mug" not in output:
            assert time.monotonic() < deadline, output
            piece = process.stdout.readline()
            assert piece, output
            output += piece
        address = re.search(r"http://127\.0\.0\.1:\d+", output)
        assert address is not None, output
        with urllib.request.urlopen(address[0], timeout=30) as page:
            assert page.status == 200
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.stdin.close()
        process.stdout.read()
        process.stdout.close()
        process.wait(60)


def test_the_reference_of_bots_yaml_is_generated_from_the_models() -> None:
    """Mend with: python -c "from botkit.core.config.reference import reference_markdown as r; print(r(), end='')" """
    from botkit.core.config.reference import reference_markdown

    assert (ROOT / "docs" / "bots-yaml.md").read_text() == reference_markdown()


def test_the_schema_editors_load_is_that_of_the_models() -> None:
    """Mend with: botkit schema --output docs/bots.schema.json"""
    from botkit.core.config.schema import config_schema

    assert json.loads((ROOT / "docs" / "bots.schema.json").read_text()) == config_schema()
