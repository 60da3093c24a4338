"""A file and its includes → one tree.

What a file says itself wins over what it includes, and of two includes the later one. Mappings are merged
key by key; lists and values are replaced. Every key keeps the place where it stands.
"""

from __future__ import annotations

__all__ = ["Project", "read_project"]

from collections.abc import Iterator
from dataclasses import dataclass, field

from botkit.core.config.parse import parse_yaml
from botkit.core.config.sources import Source, Unreadable, join_path
from botkit.core.config.tree import Branch, Leaf, Node, Path, Place, Series, dotted, is_empty
from botkit.core.errors import Problem

_MAX_FILES = 200


@dataclass(slots=True)
class Project:
    """All files of a configuration, read."""

    main: str
    tree: Branch
    files: dict[str, str] = field(default_factory=dict[str, str])
    trees: dict[str, Branch] = field(default_factory=dict[str, Branch])
    """Each file's own tree, before merging."""
    problems: list[Problem] = field(default_factory=list[Problem])
    whole: bool = True
    """False: a file could not be read to its end, so the tree is a part only."""


def read_project(source: Source, main: str) -> Project:
    """Read a file and everything it includes."""
    project = Project(main, Branch(Place(main, 1, 1)))
    project.tree = _Reader(source, project).read(main, (), None)
    return project


class _Reader:
    def __init__(self, source: Source, project: Project):
        self._source = source
        self._project = project

    def read(self, file: str, chain: tuple[str, ...], asked_at: Place | None) -> Branch:
        own = self._parse(file, asked_at)
        merged = Branch(own.place)
        for target, place in self._includes(file, own):
            if target == file or target in chain:
                names = " → ".join((*chain, file, target))
                self._complain(place, f"includes itself: {names}")
            elif len(self._project.files) >= _MAX_FILES:
                self._complain(place, f"more than {_MAX_FILES} files")
                break
            else:
                self._merge(merged, self.read(target, (*chain, file), place), ())
        self._merge(merged, own, ())
        return merged

    def _parse(self, file: str, asked_at: Place | None) -> Branch:
        if file in self._project.trees:
            return self._project.trees[file]
        try:
            text = self._source.read(file)
        except Unreadable as error:
            place = asked_at or Place(file, 1, 1)
            path = "include" if asked_at else ""
            hint = "" if asked_at or "not exist" not in str(error) else "`botkit init` makes one"
            self._project.problems.append(Problem(f"{file} {error}", place.file, place.line, place.column, path, hint))
            self._project.whole = False
            return Branch(Place(file, 1, 1))
        parsed = parse_yaml(text, file)
        self._project.files[file] = text
        self._project.trees[file] = parsed.tree
        self._project.problems += parsed.problems
        self._project.whole &= parsed.whole
        return parsed.tree

    def _includes(self, file: str, tree: Branch) -> Iterator[tuple[str, Place]]:
        node = tree.entries.get("include")
        for item in node.items if isinstance(node, Series) else [node] if isinstance(node, Leaf) else []:
            if not isinstance(item, Leaf) or not item.text:
                continue  # the model says what is wrong with it
            target = join_path(file, item.text)
            if "${" in item.text:
                self._complain(item.place, "include takes plain paths, without ${…}")
            elif target is None:
                self._complain(item.place, "leads out of the project")
            elif "*" in target:
                yield from ((found, item.place) for found in self._matches(target, file, item.place))
            else:
                yield target, item.place

    def _matches(self, pattern: str, file: str, place: Place) -> list[str]:
        if "**" in pattern:
            self._complain(place, "`*` fits one folder or file name; `**` is not allowed")
            return []
        return [found for found in self._source.match(pattern) if found != file]

    def _merge(self, into: Branch, other: Branch, path: Path) -> None:
        for key, node in other.entries.items():
            old = into.entries.get(key)
            if path == () and key == "include":
                pass  # each file's own
            elif isinstance(old, Branch) and isinstance(node, Branch):
                copy = Branch(node.place, dict(old.entries), dict(old.keys))
                self._merge(copy, node, (*path, key))
                node = copy
            elif old is not None and type(old) is not type(node) and not is_empty(old):
                where = into.keys[key]
                message = f"is {_kind(node)} here and {_kind(old)} in {where.file}, line {where.line}"
                self._complain(other.keys[key], message, (*path, key))
            elif old is not None and is_empty(node):
                continue
            into.entries[key] = node
            into.keys[key] = other.keys[key]

    def _complain(self, place: Place, message: str, path: Path = ("include",)) -> None:
        self._project.problems.append(Problem(message, place.file, place.line, place.column, dotted(path)))


def _kind(node: Node) -> str:
    return {Leaf: "a value", Branch: "a mapping", Series: "a list"}[type(node)]
