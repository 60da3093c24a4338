"""The click tree over the folder of commands."""

from __future__ import annotations

__all__ = ["FolderGroup", "root"]

import importlib
import os
from difflib import get_close_matches
from typing import Any

import click

from botkit.cli.overview import overview
from botkit.cli.tree import COMMANDS, COMMANDS_PACKAGE, Entry, scan

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


_ITSELF = "_itself"
"""The file of what a group does when the first word is none of its commands."""


class FolderGroup(click.Group):
    """A group whose commands are the files of a folder; a file is imported when its command is used."""

    def __init__(self, folder: str, package: str, **attrs: Any):
        super().__init__(**attrs)
        self._package = package
        self._entries = {entry.name: entry for entry in scan(folder)}
        self._acts = os.path.exists(f"{folder}/{_ITSELF}.py")  # noqa: PTH110 - see COMMANDS
        self.no_args_is_help = self.no_args_is_help and not self._acts

    @property
    def itself(self) -> click.Command | None:
        """What the group does without one of its commands."""
        return importlib.import_module(f"{self._package}.{_ITSELF}").command if self._acts else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self._acts and not (args and args[0] in self._entries):
            args = ["", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        return self.itself if entry is None else self._load(entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self._acts and not name:
            return None, self.itself, args[1:]
        if name not in self._entries and not name.startswith("-"):
            near = get_close_matches(name, self._entries, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in self._entries.values()])

    def _load(self, entry: Entry) -> click.Command:
        package = f"{self._package}.{entry.module}"
        if entry.folder:
            return FolderGroup(
                entry.folder,
                package,
                name=entry.name,
                help=f"{entry.summary}.",
                context_settings=CONTEXT,
                no_args_is_help=True,
            )
        command: click.Command = importlib.import_module(package).command
        command.name = entry.name
        return command


class Root(FolderGroup):
    def get_help(self, ctx: click.Context) -> str:
        return overview(ctx.command_path).rstrip("\n")


root = Root(COMMANDS, COMMANDS_PACKAGE, name="botkit", context_settings=CONTEXT, no_args_is_help=True)
root = click.version_option(package_name="botkit", message="%(prog)s %(version)s")(root)
