"""Change `bots.yaml` and leave everything else in it as it was: comments, quotes, order, spacing.

    editor = Editor("bots.yaml")
    editor.set("bots.helper.model", "smart")
    editor.append("workspaces.desk.servers", "notes")
    config = editor.save()          # checked first: a mistake raises ConfigError and writes nothing

A change replaces, inserts or removes the few characters it is about, in the file where the key stands. The
result is then read again and compared with what was wanted. Where it differs, because the value is shared by
an alias or merged with `<<`, the shared part is written out and the change is tried again.
"""

from __future__ import annotations

__all__ = ["Editor", "parse_path"]

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, cast

from pydantic import BaseModel

from botkit.core.config.config import Config
from botkit.core.config.include import Project, read_project
from botkit.core.config.load import load_from
from botkit.core.config.locate import problem_at
from botkit.core.config.parse import parse_yaml
from botkit.core.config.sources import DiskSource, Source, TextSource
from botkit.core.config.splice import NotSpliced, append_at, delete_at, insert_at, replace_at, write_out_aliases
from botkit.core.config.tree import PASTED, Branch, Path, Series, dotted, follow, raw_values
from botkit.core.config.write import write_files
from botkit.core.errors import ConfigError, Conflict, Problem

Where = str | Sequence[str | int]
"""`"bots.helper.model"`, or its parts. A key with dots stands in quotes, a list position is a number."""


def parse_path(path: Where) -> Path:
    """`'workspaces.a.tools."x.y".0'` → `("workspaces", "a", "tools", "x.y", 0)`."""
    if not isinstance(path, str):
        return tuple(path)
    parts = re.findall(r'"([^"]*)"|([^."]+)', path)
    return tuple(quoted if quoted or not bare else int(bare) if bare.isdecimal() else bare for quoted, bare in parts)


class Editor:
    """Edits a configuration of one or several files.

    Args:
        path: the main file.
        files: texts by path instead of the disk; then `save` is not possible, and `files` has the result.

    Raises:
        ConfigError: the files are not readable as YAML. Other mistakes may be repaired by the edit.
    """

    def __init__(self, path: str | FilePath = "bots.yaml", *, files: Mapping[str, str] | None = None):
        file = FilePath(path)
        self._root = file.parent
        self._on_disk = files is None
        self._main = file.as_posix() if files is not None and file.as_posix() in files else file.name
        self._source: Source = DiskSource(file.parent) if files is None else TextSource(files)
        self._project: Project | None = None
        self._read_of: dict[str, str] = {}
        self.changed: dict[str, str] = {}
        """New texts by path, of the files that differ."""
        self._before: dict[str, str] = dict(self._read().files)

    def get(self, path: Where) -> Any:
        """The value at a path as it is written, placeholders and all; None when nothing is there."""
        parts = self._resolve(path)
        found, node, _ = follow(self._read().tree, parts)
        return raw_values(node) if found == parts else None

    def set(self, path: Where, value: Any) -> None:
        """Replace a value or add it, with the mappings it needs around it.

        Models and secret references are written as the file has them. `${VAR}` in a text is a placeholder.

        Raises:
            ConfigError: something on the way is not a mapping.
        """
        parts, plain = self._resolve(path), _plain(value)
        if not parts:
            raise self._cannot(parts, "name what to change, such as bots.helper.model")
        project = self._read()
        file = self._file_of(project, parts)
        found, node = self._existing(project, file, parts)
        if found == parts:
            self._apply(project, file, parts, lambda text: replace_at(text, parts, plain), _setting(parts, plain))
            return
        missing = parts[len(found) :]
        if any(isinstance(part, int) for part in missing):
            raise self._cannot(parts, "no such entry in the list; use append")
        for key in reversed(missing[1:]):
            plain = {str(key): plain}
        key = str(missing[0])
        if not isinstance(node, Branch) and (raw_values(node) is not None or not found):
            raise self._cannot(found, "is not a mapping; set it as a whole")
        if isinstance(node, Branch):
            attempt: Callable[[str], str] = lambda text: insert_at(text, found, key, plain)  # noqa: E731  # read once
        else:
            attempt = lambda text: replace_at(text, found, {key: plain})  # noqa: E731  # read once
        self._apply(project, file, (*found, key), attempt, _setting((*found, key), plain))

    def append(self, path: Where, value: Any) -> None:
        """Add an item to a list. A single value becomes a list first; a missing list is made."""
        parts, plain = self._resolve(path), _plain(value)
        project = self._read()
        file = self._file_of(project, parts)
        found, node = self._existing(project, file, parts)
        current = raw_values(node) if found == parts else None
        if isinstance(node, Series) and found == parts and node.items:
            wanted = _setting(parts, [*cast("list[Any]", current), plain])
            self._apply(project, file, parts, lambda text: append_at(text, parts, plain), wanted)
        elif isinstance(current, dict):
            raise self._cannot(parts, "is a mapping, not a list")
        else:
            self.set(parts, [plain] if current in (None, []) else [current, plain])

    def delete(self, path: Where) -> None:
        """Remove a key or a list item.

        Raises:
            ConfigError: nothing is there.
        """
        parts = self._resolve(path)
        project = self._read()
        file = self._file_of(project, parts)
        found, _ = self._existing(project, file, parts)
        if found != parts or not parts:
            raise self._cannot(parts, "is not in the file")
        self._apply(project, file, parts, lambda text: delete_at(text, parts), _deleting(parts))

    def write(self, file: str, text: str) -> None:
        """Replace the text of a whole file of the project, such as a prompt file."""
        self.changed[file] = text

    @property
    def files(self) -> dict[str, str]:
        """Texts of the main file and its includes, edits made."""
        return {**dict(self._read().files), **self.changed}

    def check(self, *, env: Mapping[str, str] | None = None) -> Config:
        """Load the edited texts.

        Raises:
            ConfigError: with every mistake in them.
        """
        return load_from(self._edited(), self._main, self._root, env=env)

    def save(self, *, env: Mapping[str, str] | None = None) -> Config:
        """Check the edits and write them. Files that did not change are not touched.

        Raises:
            ConfigError: the edits do not load, or a file cannot be written.
            Conflict: a file changed on disk since it was read; read again and repeat the edit.
        """
        config = self.check(env=env)
        if not self._on_disk:
            raise ConfigError("these files are not on disk; take their texts from `files`")
        for file in self.changed:
            if file in self._before and self._source.read(file) != self._before[file]:
                raise Conflict(f"{file} was changed by somebody else meanwhile; repeat the edit", file=file)
        write_files(self._root, self.changed)
        self._before.update(self.changed)
        self.changed = {}
        return config

    def _edited(self) -> Source:
        return _Overlay(self._source, self.changed)

    def _read(self) -> Project:
        if self._project is not None and self._read_of == self.changed:
            return self._project
        project = read_project(self._edited(), self._main)
        if not project.whole:
            raise ConfigError(f"{self._main} cannot be edited before it is YAML", tuple(project.problems))
        self._project, self._read_of = project, dict(self.changed)
        return project

    def _resolve(self, path: Where) -> Path:
        """The path as it is in the file, where `servers` may hold a pasted `mcpServers` block."""
        parts = parse_path(path)
        inside = ("servers", PASTED, *parts[1:])
        if parts[:1] != ("servers",) or len(parts) < 2 or parts[1] == PASTED:
            return parts
        tree = self._read().tree
        return inside if not follow(tree, parts[:2])[0][1:] and len(follow(tree, inside[:3])[0]) == 3 else parts

    def _file_of(self, project: Project, path: Path) -> str:
        """Where the key stands that counts; for a new key, where what holds it stands."""
        found, _, place = follow(project.tree, path)
        return place.file if found else self._main

    def _existing(self, project: Project, file: str, path: Path) -> tuple[Path, Any]:
        """As much of the path as stands in that file."""
        found, node, _ = follow(project.trees[file], path)
        return found, node

    def _apply(
        self, project: Project, file: str, path: Path, attempt: Callable[[str], str], wanted: Callable[[Any], Any]
    ) -> None:
        before = self.changed.get(file, project.files[file])
        expected = wanted(raw_values(project.trees[file]))
        for candidate in _candidates(before.replace("\r\n", "\n"), path, attempt, expected):
            parsed = parse_yaml(candidate, file)
            if parsed.whole and not parsed.problems and _same(raw_values(parsed.tree), expected):
                self.changed[file] = candidate.replace("\n", "\r\n") if "\r\n" in before else candidate
                return
        raise self._cannot(path, "this edit cannot be made by botkit; edit the file by hand")

    def _cannot(self, path: Path, message: str) -> ConfigError:
        tree = self._read().tree
        found, _, _ = follow(tree, path)
        problem = problem_at(tree, path, message) if found else Problem(message, self._main, path=dotted(path))
        return ConfigError(f"cannot change {self._main}", (problem,))


class _Overlay:
    """A source with some texts replaced."""

    def __init__(self, source: Source, texts: Mapping[str, str]):
        self._source = source
        self._texts = texts

    def read(self, path: str) -> str:
        return self._texts[path] if path in self._texts else self._source.read(path)

    def match(self, pattern: str) -> list[str]:
        return sorted({*self._source.match(pattern), *TextSource(self._texts).match(pattern)})

    def exists(self, path: str) -> bool | None:
        return True if path in self._texts else self._source.exists(path)

    def hosted(self) -> list[str]:
        return self._source.hosted()

    def build(self, path: str) -> str:
        return self._source.build(path)


def _candidates(text: str, path: Path, attempt: Callable[[str], str], expected: Any) -> Iterator[str]:
    """Texts that may hold the edit, the gentlest first."""
    for source in (lambda: text, lambda: write_out_aliases(text)):
        try:
            yield attempt(source())
        except (NotSpliced, IndexError):
            continue
    for length in range(len(path) - 1, -1, -1):
        value = expected
        try:
            for part in path[:length]:
                value = value[part]
            yield replace_at(text, path[:length], value)
        except (NotSpliced, KeyError, IndexError, TypeError):
            continue


def _plain(value: Any) -> Any:
    """JSON-like values; models as the file writes them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _setting(path: Path, value: Any) -> Callable[[Any], Any]:
    def apply(document: Any) -> Any:
        target = document = copy.deepcopy(document)
        for part in path[:-1]:
            if target[part] is None:
                target[part] = {}
            target = target[part]
        target[path[-1]] = value
        return document

    return apply


def _deleting(path: Path) -> Callable[[Any], Any]:
    def apply(document: Any) -> Any:
        target = document = copy.deepcopy(document)
        for part in path[:-1]:
            target = target[part]
        del target[path[-1]]
        return document

    return apply


def _same(one: Any, other: Any) -> bool:
    """Equal also where numbers are not (nan), and different where types are (1 and true)."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
