"""A loaded `bots.yaml`: frozen values, their revision, and where each of them stands."""

from __future__ import annotations

__all__ = ["Config", "Origin", "revision_of"]

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from pydantic import PrivateAttr

from botkit.core.config.models import BUILTIN_ROLES, Document, ModelSpec, Role, Workspace, roles_of
from botkit.core.config.models.llm import find_model
from botkit.core.config.tree import Branch, Place, follow
from botkit.core.errors import NotFound, Problem


def revision_of(files: Mapping[str, str]) -> str:
    """SHA-256 over paths and texts, the same for the same files in any order. 64 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a configuration came from."""

    main: str
    """The file read first, relative to `root`."""
    root: FilePath
    """The project's folder. `run` and other project paths are relative to it."""
    files: Mapping[str, str]
    """Texts by path relative to `root`: the file, its includes and prompt files, and the list of hosted servers."""
    tree: Branch
    """All files merged, with `${VAR}` as written: safe to show."""
    warnings: tuple[Problem, ...] = ()


class Config(Document, frozen=True, defer_build=False):
    """Everything `bots.yaml` says, checked. Two loads of the same files have the same `revision`.

    After `load_config` it is complete: bots without a model have theirs, the workspace `default` exists,
    servers found in `workspace/servers/` are in `servers`, prompt files are in `prompt`.
    """

    _origin: Origin | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any, /) -> None:
        """Take the origin from `model_validate(data, context=origin)`."""
        if isinstance(context, Origin):
            self._origin = context  # pyright: ignore[reportAttributeAccessIssue]  # private attributes of frozen models may be set

    @property
    def origin(self) -> Origin:
        """Where it came from; an empty origin for a configuration made in code."""
        return self._origin or Origin("bots.yaml", FilePath(), {}, Branch(Place("bots.yaml", 1, 1)))

    @cached_property
    def revision(self) -> str:
        """Hash of everything that was read, 64 hex digits."""
        files = self.origin.files or {"": self.model_dump_json(by_alias=True)}
        return revision_of(files)

    @property
    def root(self) -> FilePath:
        """The project's folder."""
        return self.origin.root

    @property
    def files(self) -> Mapping[str, str]:
        """Texts by path, enough to load the same revision again: `load_config(main, files=config.files)`."""
        return self.origin.files

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is allowed and worth a second look."""
        return self.origin.warnings

    @property
    def roles(self) -> Mapping[str, Role]:
        """Built-in roles and those of `settings.roles`, which win."""
        return {**BUILTIN_ROLES, **self.settings.roles}

    def roles_of(self, person: str) -> tuple[str, ...]:
        """What a person of `people` is by their entry: their roles, their groups, and the roles of these."""
        return roles_of(self.people[person], self.settings.groups)

    def place(self, *path: str | int) -> Place | None:
        """Where the value at `path` stands, or None when it is a default."""
        found, _, place = follow(self.origin.tree, path)
        return place if found == path else None

    def resolve_model(self, name: str) -> ModelSpec:
        """The model behind an alias, a tier or a LiteLLM name.

        Raises:
            NotFound: no such alias, and no slash in the name.
        """
        if (found := find_model(self.models, name)) is not None:
            return found
        raise NotFound(f"no model is called {name}; add it under `models:` or use a name such as openai/gpt-5-mini")

    def servers_of(self, workspace: Workspace) -> tuple[str, ...]:
        """Names of the enabled servers a workspace offers, in the order of the file."""
        wanted = set(workspace.servers)
        return tuple(
            name for name, server in self.servers.items() if server.enabled and ("*" in wanted or name in wanted)
        )
