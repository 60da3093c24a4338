"""Every command that the documentation, a message or a comment of bots.yaml names can be typed as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from botkit.cli.root import root

ROOT = Path(__file__).parents[2]


def mentions() -> Iterator[tuple[str, str]]:
    """(where, the words after `botkit`) of each `botkit …` in code marks or on a line of its own."""
    files = [ROOT / "README.md", ROOT / "bots.yaml", *sorted((ROOT / "docs").rglob("*.md"))]
    files += sorted((ROOT / "botkit").rglob("*.py")) + sorted((ROOT / "adapters").rglob("*.py"))
    for file in files:
        if file.suffix == ".md" and "decisions" in file.parts:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = re.findall(r"`botkit ([a-z][^`{}\n]*)`", line)
            if match := re.match(r"\s*(?:\$ )?botkit ([a-z][^`]*?)(?:\s{2,}#.*|\s# .*)?$", line):
                found.append(match[1])
            for words in found:
                yield f"{file.relative_to(ROOT)}:{number}", words.split("|")[0].strip()


def wrong(words: str) -> str:
    """What is wrong with a command line; empty when it can be typed."""
    try:
        given = shlex.split(words)
    except ValueError:
        given = words.split()
    if "--" in given:  # what follows is another program's
        given = given[: given.index("--")]
    command: click.Command = root
    context = click.Context(root, info_name="botkit")
    while isinstance(command, click.Group) and given:
        found = command.get_command(context, given[0])
        if found is None:
            placeholder = re.fullmatch(r"[A-Z….]+|<.*>", given[0])
            return "" if placeholder else f"there is no `{given[0]}`"
        command, context = found, click.Context(found, info_name=given.pop(0), parent=context)
    if isinstance(command, click.Group):
        return ""
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    flags = {word.split("=")[0] for word in given if re.match(r"--?[a-z]", word)}
    unknown = flags - known - {"--help", "-h"}
    return f"no such option: {', '.join(sorted(unknown))}" if unknown else ""


def test_every_command_that_is_named_exists_with_its_options() -> None:
    found = list(mentions())
    assert len(found) > 100
    mistakes = [f"{where}: botkit {words}: {reason}" for where, words in found if (reason := wrong(words))]
    assert mistakes == []


@pytest.mark.parametrize("words", ["frobnicate", "runs lits", "chat --loud", "secrets set NAME --serv x"])
def test_a_command_that_is_not_there_is_noticed(words: str) -> None:
    assert wrong(words)
