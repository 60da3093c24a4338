"""Options that say for whom a secret is."""

from __future__ import annotations

__all__ = ["read_passphrase", "read_value", "scope_of", "scope_options"]

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def scope_options(function: F) -> F:
    """`--workspace`, `--server`, `--person`: at most one; none means the whole instance."""
    for name, text in (
        ("person", "Only for calls on behalf of this person's id."),
        ("server", "Only for this server."),
        ("workspace", "Only for calls in this workspace."),
    ):
        function = click.option(f"--{name}", default="", metavar="NAME", help=text)(function)
    return function


def scope_of(*, workspace: str, server: str, person: str) -> str:
    """The scope as it is stored. Raises `click.UsageError` for more than one."""
    given = [
        f"{kind}:{name}" for kind, name in (("workspace", workspace), ("server", server), ("person", person)) if name
    ]
    if len(given) > 1:
        raise click.UsageError("choose one of --workspace, --server and --person")
    return given[0] if given else "instance"


def read_value(name: str) -> str:
    """A secret's value: typed unseen on a terminal, or one line (or all) of standard input.

    Raises:
        click.UsageError: nothing was given.
    """
    value: str
    if sys.stdin.isatty():
        value = click.prompt(f"Value of {name}", hide_input=True, err=True)
    else:
        try:
            value = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise click.UsageError("the value is not text: store binary values as base64") from error
    if not value:
        raise click.UsageError("the value is empty: type it, or pipe it in")
    return value


def read_passphrase(file: str | None, *, twice: bool = False) -> str:
    """A passphrase: the first line of a file, or typed unseen, where it is new twice.

    Raises:
        click.UsageError: the file cannot be read, or nobody can be asked.
    """
    if file is not None:
        try:
            with open(file, encoding="utf-8") as source:  # noqa: PTH123 - pathlib would double the start-up time
                return source.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"the passphrase cannot be read from {file}: {error}") from error
    if not sys.stdin.isatty():
        raise click.UsageError("give --passphrase-file: there is nobody to ask for a passphrase")
    passphrase: str = click.prompt("Passphrase", hide_input=True, err=True, confirmation_prompt=twice)
    return passphrase
