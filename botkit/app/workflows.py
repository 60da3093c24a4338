"""Where the configuration meets the node types: a project is right when its workflows are too."""

from __future__ import annotations

__all__ = ["check_config", "load_project", "tools_of"]

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from botkit.core.config import Config, load_config
from botkit.core.errors import ConfigError, Problem
from botkit.core.stores import CatalogRow


def load_project(
    file: Path, *, files: Mapping[str, str] | None = None, tools: Mapping[str, Collection[str]] | None = None
) -> Config:
    """`load_config`, and a look at every workflow.

    Args:
        files: texts by path, instead of the disk.
        tools: tools by server, of servers that have told them.

    Raises:
        ConfigError: with every mistake of the configuration, or of its workflows.
    """
    config = load_config(file, files=files)
    check_config(config, tools=tools)
    return config


def check_config(
    config: Config, *, tools: Mapping[str, Collection[str]] | None = None, secrets: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Look at every workflow; returns what is allowed and worth a second look.

    Raises:
        ConfigError: with every mistake.
    """
    if not config.workflows:
        return ()
    from botkit.workflows.check import check_workflows  # all node types come with it

    checked = check_workflows(config, tools=tools, secrets=secrets)
    if checked.problems:
        count = len(checked.problems)
        what = f"{count} mistakes" if count > 1 else "a mistake"
        raise ConfigError(f"the workflows of {config.origin.main} have {what}", checked.problems)
    return checked.warnings


def tools_of(rows: Iterable[CatalogRow]) -> dict[str, list[str]]:
    """Tools by server, as the servers told them last."""
    return {row.server: [str(tool.get("name", "")) for tool in row.tools] for row in rows if row.refreshed_at}
