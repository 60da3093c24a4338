"""Files of workflows: found, read, and put into the document as if they stood there.

    workflows:
      refund: workspace/workflows/refund.yaml      # may be left out: the folder is looked through

Keys of the entry win over those of the file. The file's keys keep their own places, so a mistake in it is
reported where it stands. `${VAR}` is not filled in there: the text belongs to the workflow.
"""

from __future__ import annotations

__all__ = ["add_workflows", "parse_json", "workflow_slug"]

import re
from collections.abc import Mapping
from typing import Any, cast

from botkit.core.config.include import Project
from botkit.core.config.locate import problem_at
from botkit.core.config.models.base import is_slug
from botkit.core.config.parse import Parsed, parse_yaml
from botkit.core.config.sources import WORKFLOWS_FOLDER, Source, Unreadable, join_path
from botkit.core.config.tree import Branch, Leaf, Node, Place, Series, raw_values
from botkit.core.errors import Problem

_SUFFIXES = (".yaml", ".yml", ".json", ".py")
_CASES = (".test.yaml", ".test.yml")
"""What workflows are tested with stands beside them."""
_LEFT_BY_EDITORS = frozenset({"id", "viewport", "$schema"})
"""Top keys that drawing programs write into JSON, without a meaning here."""


def workflow_slug(file_name: str) -> str:
    """`refund_order.yaml` is `refund-order`."""
    return file_name.rpartition(".")[0].lower().replace("_", "-")


def add_workflows(data: dict[str, Any], project: Project, source: Source, files: dict[str, str]) -> list[Problem]:
    """Read every workflow file, listed or found, into `data` and into the tree; its text into `files`."""
    section = data.setdefault("workflows", {})
    if not isinstance(section, dict):
        return []  # the model says what is wrong with it
    entries = cast("dict[str, Any]", section)
    problems: list[Problem] = []
    listed = {path: slug for slug in entries if (path := _listed(entries, slug)) is not None}
    found: dict[str, str] = {}
    for path in _in_folder(source):
        slug = workflow_slug(path.rpartition("/")[2])
        if path in listed:
            continue
        if not is_slug(slug):
            hint = "rename it, such as refund_order.yaml"
            problems.append(Problem(f"no workflow can be called `{slug}`", path, hint=hint))
        elif slug in found:
            problems.append(Problem(f"{found[slug]} is called `{slug}` too", path, hint="rename one of them"))
        elif slug not in entries:
            found[slug] = path
        elif isinstance(entries[slug], dict) and not {"file", "steps", "nodes"} & entries[slug].keys():
            entries[slug]["file"] = path
    for slug, path in found.items():
        entries[slug] = {"file": path}
    tree = _section(project)
    for slug in list(entries):
        wrong, usable = _read(entries, slug, tree, project, source, files)
        problems += wrong
        if not usable:
            del entries[slug]  # the rest would only be confused by what is missing
    return problems


def _in_folder(source: Source) -> list[str]:
    paths = [path for suffix in _SUFFIXES for path in source.match(f"{WORKFLOWS_FOLDER}/*{suffix}")]
    return sorted(p for p in paths if not p.rpartition("/")[2].startswith(("_", ".")) and not p.endswith(_CASES))


def _listed(entries: Mapping[str, Any], slug: str) -> str | None:
    entry = entries[slug]
    if isinstance(entry, str):
        entries[slug] = entry = {"file": entry}  # pyright: ignore[reportIndexIssue]  # the plain values of the file
    file = cast("dict[str, Any]", entry).get("file") if isinstance(entry, dict) else None
    return join_path("", file) if isinstance(file, str) else None


def _section(project: Project) -> Branch:
    """The tree's own `workflows:`, copied, because what an include says may be shared."""
    old = project.tree.entries.get("workflows")
    section = Branch(old.place, dict(old.entries), dict(old.keys)) if isinstance(old, Branch) else None
    if section is None:
        section = Branch(Place(project.main, 1, 1))
    return section


def _read(
    entries: dict[str, Any], slug: str, tree: Branch, project: Project, source: Source, files: dict[str, str]
) -> tuple[list[Problem], bool]:
    """Problems, and whether there is an entry to go on with."""
    entry = entries[slug]
    own = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    if not isinstance(own.get("file"), str):
        return [], True
    here = ("workflows", slug, "file") if _says_file(tree, slug) else ("workflows", slug)
    path = join_path("", own["file"])
    if path is None:
        return [problem_at(project.tree, here, "leads out of the project")], False
    if not path.endswith(_SUFFIXES):
        return [problem_at(project.tree, here, "a workflow's file ends in .yaml, .json or .py")], False
    if twice := sorted({"steps", "nodes", "edges"} & own.keys()):
        return [
            problem_at(project.tree, (*here[:2], twice[0]), "stands in the workflow's file, not here", key=True)
        ], False
    try:
        parsed = _parsed(path, source, files)
    except Unreadable as error:
        if slug in tree.keys and path not in files:
            return [problem_at(project.tree, here, f"{path} {error}")], False
        return [Problem(f"it {error}", path, error.line, 1)], False
    inside = parsed.tree
    values = cast("dict[str, Any]", raw_values(inside))
    problems = [*parsed.problems]
    if "file" in values:
        place = inside.keys["file"]
        problems.append(Problem("a workflow's file does not name another", path, place.line, place.column, "file"))
    entries[slug] = {**values, **own, "file": path}
    _graft(tree, slug, inside, project)
    return problems, parsed.whole


def _parsed(path: str, source: Source, files: dict[str, str]) -> Parsed:
    text = files[path] = source.read(path)
    if path.endswith(".py"):
        built = files[f"{path}/"] = source.build(path)
        return _at_lines(parse_json(built, path), path)
    if not path.endswith(".json"):
        return parse_yaml(text, path)
    parsed = parse_json(text, path)
    for key in _LEFT_BY_EDITORS & parsed.tree.entries.keys():
        del parsed.tree.entries[key], parsed.tree.keys[key]
    return parsed


def parse_json(text: str, file: str) -> Parsed:
    """Read JSON, which is YAML but for tabs between values and for pairs of surrogates."""
    parsed = parse_yaml(text.replace("\t", " "), file)
    return Parsed(cast("Branch", _joined(parsed.tree)), parsed.problems, parsed.whole)


_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def _joined(node: Node) -> Node:
    if isinstance(node, Leaf):
        text = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), node.text)
        return node if text == node.text else Leaf(text, node.plain, node.place)
    if isinstance(node, Series):
        return Series(node.place, [_joined(item) for item in node.items])
    return Branch(node.place, {key: _joined(child) for key, child in node.entries.items()}, node.keys)


def _at_lines(built: Parsed, path: str) -> Parsed:
    """The graph a Python file printed, each node at the `line` of the call that made it."""
    nodes = built.tree.entries.get("nodes")
    start = Place(path, 1, 1)
    tree = cast("Branch", _moved(built.tree, start))
    if isinstance(nodes, Series):
        tree.entries["nodes"] = Series(start, [_at_line(node, start) for node in nodes.items])
    edges = built.tree.entries.get("edges")
    if isinstance(edges, Series):
        tree.entries["edges"] = Series(start, [_at_line(edge, start) for edge in edges.items])
    return Parsed(tree, built.problems, built.whole)


def _at_line(node: Node, start: Place) -> Node:
    line = node.entries.pop("line", None) if isinstance(node, Branch) else None
    return _moved(node, Place(start.file, int(line.text), 1) if isinstance(line, Leaf) else start)


def _moved(node: Node, place: Place) -> Node:
    if isinstance(node, Leaf):
        return Leaf(node.text, node.plain, place)
    if isinstance(node, Series):
        return Series(place, [_moved(item, place) for item in node.items])
    entries = {key: _moved(child, place) for key, child in node.entries.items()}
    return Branch(place, entries, dict.fromkeys(entries, place))


def _says_file(tree: Branch, slug: str) -> bool:
    entry = tree.entries.get(slug)
    return isinstance(entry, Branch) and "file" in entry.entries


def _graft(tree: Branch, slug: str, inside: Branch, project: Project) -> None:
    """Put what the file says below the entry; what the entry says itself stays."""
    entry = tree.entries.get(slug)
    merged = Branch(inside.place, dict(inside.entries), dict(inside.keys))
    if isinstance(entry, Branch):
        merged.entries.update(entry.entries)
        merged.keys.update(entry.keys)
    elif isinstance(entry, Leaf) and entry.text:
        merged.entries["file"], merged.keys["file"] = entry, entry.place
    tree.entries[slug] = merged
    tree.keys.setdefault(slug, inside.place)
    root = project.tree
    project.tree = Branch(root.place, {**root.entries, "workflows": tree}, {"workflows": tree.place, **root.keys})
