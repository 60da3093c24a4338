"""YAML text → a tree whose every key and value knows its place.

The tree is built from ruamel's event stream, not from its constructors: nothing in a file can create an
object, a hostile file is stopped while it is read, and all mistakes of a file are found in one pass.

Source: https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

__all__ = ["MAX_BYTES", "Parsed", "parse_yaml"]

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botkit.core.config.tree import Branch, Leaf, Node, Place, Series, dotted
from botkit.core.errors import Problem

MAX_BYTES = 1_048_576
"""Largest file read: a megabyte is a hundred times a large `bots.yaml`."""
_MAX_LINE = 100_000
"""Characters. Longer lines of punctuation would keep the scanner busy for minutes."""
_MAX_DEPTH = 48
_MAX_NODES = 50_000
"""Counted with every alias followed, which is what stops a file that expands exponentially."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as a tree, and what is wrong with it as YAML."""

    tree: Branch
    problems: tuple[Problem, ...] = ()
    whole: bool = True
    """False: reading stopped early, so the tree is a part only."""


def parse_yaml(text: str, file: str) -> Parsed:
    """Read one document whose top is a mapping. Never raises for what stands in the text."""
    composer = _Composer(file)
    whole = False
    try:
        composer.check_lines(text)
        for event in _events(text):
            composer.take(event)
        whole = True
    except _Stop as stop:
        composer.problems.append(stop.problem)
    except Exception as error:
        if not _is_yaml_error(error):
            raise
        composer.problems.append(_syntax_problem(error, text, file))
    return Parsed(composer.finish(), tuple(composer.problems), whole)


class _Stop(Exception):
    def __init__(self, problem: Problem):
        super().__init__(problem.message)
        self.problem = problem


class _Composer:
    """Builds the tree event by event, without recursion, so that depth is a number we check."""

    def __init__(self, file: str):
        self.file = file
        self.problems: list[Problem] = []
        self._root: Node | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._sizes: dict[int, int] = {}
        self._documents = 0
        self._count = 0

    def check_lines(self, text: str) -> None:
        for number, line in enumerate(text.split("\n"), start=1):
            if len(line) > _MAX_LINE:
                place = Place(self.file, number, _MAX_LINE)
                raise self._stop(place, f"a line of more than {_MAX_LINE} characters; break it")

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "ScalarEvent":
                self._scalar(event)
            case "AliasEvent":
                self._alias(event)
            case "MappingStartEvent":
                self._open(Branch(self._place(event)), event)
            case "SequenceStartEvent":
                self._open(Series(self._place(event)), event)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close(self._stack.pop())
            case "DocumentStartEvent":
                self._document(event)
            case _:
                pass

    def finish(self) -> Branch:
        """The tree, or an empty one when the top is not a mapping."""
        if isinstance(self._root, Branch):
            return self._root
        empty = self._root is None or (isinstance(self._root, Leaf) and self._root.plain and not self._root.text)
        if not empty and not self.problems:
            message = "the file must be a mapping of keys such as `bots:`, not a list or a single value"
            self._add(Place(self.file, 1, 1), message)
        return Branch(Place(self.file, 1, 1))

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._stop(self._place(event), "only one document per file: remove the second `---`")

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        plain = bool(event.implicit[0])
        if (tag := _tag(event)) is not None:
            if tag not in _SCALAR_TAGS:
                self._add(place, "tags such as !name are not allowed here")
            plain = tag not in ("!", "str")
        self._put(Leaf(str(event.value), plain, place), event)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        name = str(event.anchor)
        node = self._anchors.get(name)
        if node is None:
            self._add(place, f"`*{name}` has no anchor `&{name}` before it")
            node = Leaf("", True, place)
        elif any(frame.node is node for frame in self._stack):
            raise self._stop(place, f"`*{name}` contains itself")
        self._put(node, None)

    def _open(self, node: Branch | Series, event: Any) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise self._stop(node.place, f"nested more than {_MAX_DEPTH} levels deep")
        if (tag := _tag(event)) is not None and tag not in ("map", "seq", "!"):
            self._add(node.place, "tags such as !name are not allowed here")
        if event.anchor:
            self._anchors[str(event.anchor)] = node
        self._stack.append(_Open(node))

    def _close(self, frame: _Open) -> None:
        for merged in frame.merges:
            self._merge(frame.node, merged)
        children = frame.node.entries.values() if isinstance(frame.node, Branch) else frame.node.items
        size = 1 + sum(self._sizes.get(id(child), 1) for child in children)
        if size > _MAX_NODES:
            raise self._stop(frame.node.place, f"more than {_MAX_NODES} values once its aliases are followed")
        self._sizes[id(frame.node)] = size
        self._put(frame.node, None)

    def _put(self, node: Node, event: Any) -> None:
        if event is not None and event.anchor:
            self._anchors[str(event.anchor)] = node
        self._count += 1
        if self._count > _MAX_NODES:
            raise self._stop(node.place, f"more than {_MAX_NODES} values")
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, Series):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._entry(frame, *frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> tuple[str, Place, bool]:
        if not isinstance(node, Leaf):
            self._add(node.place, "a key must be a single word or number")
            return "", node.place, False
        if not node.text:
            self._add(node.place, "a key is missing before the colon")
        return node.text, node.place, node.plain

    def _entry(self, frame: _Open, key: str, place: Place, plain: bool, node: Node) -> None:
        if key == "<<" and plain:
            frame.merges.append(node)
            return
        branch = frame.node
        if not isinstance(branch, Branch):
            return
        if key in branch.entries:
            first = branch.keys[key]
            self._add(place, f"`{key}` stands here twice; the first is on line {first.line}")
            return
        branch.entries[key] = node
        branch.keys[key] = place

    def _merge(self, into: Node, merged: Node) -> None:
        sources = merged.items if isinstance(merged, Series) else [merged]
        for source in sources:
            if not isinstance(source, Branch) or not isinstance(into, Branch):
                self._add(merged.place, "`<<` merges mappings only")
                continue
            for key, node in source.entries.items():
                into.entries.setdefault(key, node)
                into.keys.setdefault(key, source.keys[key])

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, int(mark.line) + 1, int(mark.column) + 1)

    def _add(self, place: Place, message: str) -> None:
        keys = [frame.key[0] for frame in self._stack if frame.key is not None]
        self.problems.append(Problem(message, place.file, place.line, place.column, dotted(keys)))

    def _stop(self, place: Place, message: str) -> _Stop:
        return _Stop(Problem(message, place.file, place.line, place.column))


@dataclass(slots=True)
class _Open:
    node: Branch | Series
    key: tuple[str, Place, bool] | None = None
    merges: list[Node] = field(default_factory=list["Node"])


_SCALAR_TAGS = frozenset({"!", "str", "int", "float", "bool", "null"})
_CORE = "tag:yaml.org,2002:"


def _tag(event: Any) -> str | None:
    tag = getattr(event, "tag", None)
    if tag is None:
        return None
    return str(tag).removeprefix(_CORE).removeprefix("!!")


def _events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML

    return iter(YAML(typ="safe", pure=True).parse(text))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # ruamel has no types here


def _is_yaml_error(error: Exception) -> bool:
    from ruamel.yaml.error import YAMLError

    # ruamel's scanner lets a few of its own mistakes through on broken input
    return isinstance(error, YAMLError | ValueError | IndexError | TypeError | AttributeError | NotImplementedError)


_SENTENCES = (
    ("\\t", "a tab cannot indent YAML; use spaces"),
    ("mapping values are not allowed", "a colon too many: put the value in quotes, or begin a new line"),
    ("expected <block end>", "this line does not fit the indentation above it"),
    ("could not find expected ':'", "a colon is missing after this key"),
    ("unexpected end of stream", "the text ends inside quotes that were never closed"),
    ("expected ',' or", "a comma or a closing bracket is missing"),
    ("cannot start any token", "this character cannot begin a value; put the value in quotes"),
    ("found unknown escape", "unknown escape after the backslash; in single quotes a backslash is plain text"),
    ("node content", "a value or a closing bracket is missing"),
)


def _syntax_problem(error: Any, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", "") or "")
    if mark is not None:
        message = next((sentence for part, sentence in _SENTENCES if part in said), said or "this is not YAML")
        return Problem(message, file, int(mark.line) + 1, int(mark.column) + 1)
    position = getattr(error, "position", None)
    if isinstance(position, int):
        before = text[:position]
        line = before.count("\n") + 1
        return Problem("a character that text cannot hold", file, line, position - before.rfind("\n"))
    return Problem("this is not YAML", file, 1, 1)
