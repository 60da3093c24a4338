"""Files → `Config`: read, merge, fill in variables, validate, check names. Every mistake at once."""

from __future__ import annotations

__all__ = ["discover_servers", "load_config", "snapshot_files"]

import os
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path as FilePath
from typing import Any, cast

from pydantic import ValidationError

from botkit.core.config.config import Config, Origin
from botkit.core.config.include import Project, read_project
from botkit.core.config.interpolate import plain_values
from botkit.core.config.locate import locate_errors, problem_at
from botkit.core.config.models import Document
from botkit.core.config.models.base import is_slug
from botkit.core.config.references import check_references
from botkit.core.config.sense import sense_problems, sense_warnings
from botkit.core.config.sources import (
    SERVERS_FOLDER,
    SERVERS_LISTING,
    DiskSource,
    Source,
    TextSource,
    Unreadable,
    join_path,
)
from botkit.core.config.tree import Branch, Leaf, unwrapped
from botkit.core.config.unavailable import UNAVAILABLE, Unavailable, unavailable_problems
from botkit.core.config.workflow_files import add_workflows
from botkit.core.errors import ConfigError, Problem


def load_config(
    path: str | FilePath = "bots.yaml",
    *,
    env: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    platforms: Collection[str] | None = None,
    unavailable: Collection[Unavailable] = UNAVAILABLE,
) -> Config:
    """Read a configuration.

    Args:
        path: the file. With `files` it names one of them.
        env: values for `${VAR}`; when absent the process's variables, then those of the project's `.env`.
        files: texts by path, instead of the disk, such as `Config.files` of a stored revision.
        platforms: names of adapters besides the built-in ones; installed packages are asked when absent.
        unavailable: features this version refuses.

    Raises:
        ConfigError: with every problem found in all files, in the order of the files.
    """
    file = FilePath(path)
    main = file.as_posix() if files is not None and file.as_posix() in files else file.name
    source = TextSource(files) if files is not None else DiskSource(file.parent)
    return load_from(source, main, file.parent, env=env, platforms=platforms, unavailable=unavailable)


def load_from(
    source: Source,
    main: str,
    root: FilePath,
    *,
    env: Mapping[str, str] | None = None,
    platforms: Collection[str] | None = None,
    unavailable: Collection[Unavailable] = UNAVAILABLE,
) -> Config:
    """As `load_config`, from any source."""
    env = _variables(root) if env is None else env
    platforms = _platforms() if platforms is None else platforms
    project = read_project(source, main)
    if not project.whole:  # the rest would only be confused by what is missing
        raise _error(main, project.problems)
    project.tree = unwrapped(project.tree)
    problems = [*project.problems, *unavailable_problems(project.tree, unavailable)]
    data, missing = plain_values(project.tree, env)
    problems += missing
    files = dict(project.files)
    problems += _complete(data, project, source, files)
    document, wrong = _validate(data, project.tree)
    problems += wrong
    broken, warnings = check_references(document, project.tree, platforms)
    problems += [*broken, *sense_problems(document, project.tree)]
    warnings += sense_warnings(document, project.tree)
    if problems:
        raise _error(main, problems)
    origin = Origin(main, root, files, project.tree, tuple(_sorted(warnings)))
    return Config.model_validate(data, context=origin)


def snapshot_files(path: str | FilePath) -> dict[str, str]:
    """Texts of a configuration by path, as the database stores a revision: file, includes, prompt files.

    Raises:
        ConfigError: the files cannot be loaded.
    """
    return dict(load_config(path).files)


def discover_servers(root: str | FilePath) -> dict[str, str]:
    """Hosted servers in `workspace/servers/`: slug → path relative to `root`. `order_desk.py` is `order-desk`."""
    return _hosted(DiskSource(FilePath(root)))


def _hosted(source: Source) -> dict[str, str]:
    found = {_slug_of(name): f"{SERVERS_FOLDER}/{name}" for name in source.hosted()}
    return {slug: path for slug, path in found.items() if is_slug(slug)}


def _bad_server_names(names: Collection[str], hosted: Mapping[str, str]) -> list[Problem]:
    """Files that cannot be servers: their name is no slug, or another file has the same one."""
    problems: list[Problem] = []
    for name in names:
        path, slug = f"{SERVERS_FOLDER}/{name}", _slug_of(name)
        if not is_slug(slug):
            problems.append(Problem(f"no server can be called `{slug}`", path, hint="rename it, such as order_desk.py"))
        elif hosted[slug] != path:
            problems.append(Problem(f"{hosted[slug]} is called `{slug}` too", path, hint="rename one of them"))
    return problems


def _slug_of(file_name: str) -> str:
    return file_name.removesuffix(".py").lower().replace("_", "-")


def _variables(root: FilePath) -> Mapping[str, str]:
    from dotenv import dotenv_values

    try:
        stored = dotenv_values(root / ".env", interpolate=False)
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8" if isinstance(error, ValueError) else error.strerror or "unknown reason"
        raise ConfigError("the file .env cannot be read", (Problem(reason, ".env"),)) from None
    return {**{k: v for k, v in stored.items() if v is not None}, **os.environ}


def _platforms() -> Collection[str]:
    return {entry.name for entry in entry_points(group="botkit.adapters")}


def _complete(data: dict[str, Any], project: Project, source: Source, files: dict[str, str]) -> list[Problem]:
    """Add what holds without being written, and the texts of prompt files."""
    problems = _tidy(data, project.tree)
    problems += _add_servers(data, project, source, files)
    problems += add_workflows(data, project, source, files)
    _section(data, "workspaces").setdefault("default", {"servers": "*", "knowledge": "*"})
    problems += _complete_bots(data, project, source, files)
    return problems


def _tidy(data: dict[str, Any], tree: Branch) -> list[Problem]:
    """An empty key such as `bots:` means nothing under it; an empty entry means all defaults."""
    problems: list[Problem] = []
    for key in [key for key, value in data.items() if value is None]:
        del data[key]
    for key, value in data.items():
        if key in Document.model_fields and isinstance(value, dict):
            section = cast("dict[str, Any]", value)
            for name in [name for name, entry in section.items() if entry is None and key != "settings"]:
                section[name] = {}
    for name, entry in _section(data, "servers").items():
        if isinstance(entry, dict) and "discovered" in entry:
            here = ("servers", name, "discovered")
            problems.append(problem_at(tree, here, "is set by botkit, not in the file", key=True))
    return problems


def _section(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping under a top key, made when absent; a stand-in when something else stands there."""
    section = data.setdefault(key, {})
    return cast("dict[str, Any]", section) if isinstance(section, dict) else {}


def _add_servers(data: dict[str, Any], project: Project, source: Source, files: dict[str, str]) -> list[Problem]:
    section = _section(data, "servers")
    hosted = _hosted(source)
    problems = _bad_server_names(source.hosted(), hosted)
    files[SERVERS_LISTING] = "".join(f"{name}\n" for name in source.hosted())
    for name, entry in section.items():
        if isinstance(entry, dict):
            server = cast("dict[str, Any]", entry)
            if not {"run", "command", "url", "type", "serverUrl", "httpUrl"} & server.keys() and name in hosted:
                server["run"] = hosted[name]
            problems += _missing_run(name, server, project, source)
    listed = {str(s.get("run")) for s in section.values() if isinstance(s, dict)}  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # plain YAML values
    for slug, path in hosted.items():
        if slug not in section and path not in listed:
            section[slug] = {"run": path, "discovered": True}
    return problems


def _missing_run(name: str, server: dict[str, Any], project: Project, source: Source) -> list[Problem]:
    run = server.get("run")
    if not isinstance(run, str):
        return []
    inside = join_path("", run)
    if inside is None:
        return [problem_at(project.tree, ("servers", name, "run"), "leads out of the project")]
    server["run"] = inside
    if source.exists(inside) is False:
        return [problem_at(project.tree, ("servers", name, "run"), "there is no such file in the project")]
    return []


def _complete_bots(data: dict[str, Any], project: Project, source: Source, files: dict[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    has_default_model = "default" in _section(data, "models")
    for name, entry in _section(data, "bots").items():
        if isinstance(entry, dict):
            bot = cast("dict[str, Any]", entry)
            if has_default_model:
                bot.setdefault("model", "default")
            if isinstance(bot.get("prompt_file"), str):
                problems += _read_prompt(name, bot, project, source, files)
    return problems


def _read_prompt(
    name: str, bot: dict[str, Any], project: Project, source: Source, files: dict[str, str]
) -> list[Problem]:
    here = ("bots", name, "prompt_file")
    if "prompt" in bot:
        return [problem_at(project.tree, here, "choose one of prompt and prompt_file")]
    node = project.tree.entries["bots"]
    leaf = node.entries[name] if isinstance(node, Branch) else None
    written = leaf.entries["prompt_file"] if isinstance(leaf, Branch) else None
    base = written.place.file if isinstance(written, Leaf) else project.main
    path = join_path(base, str(bot["prompt_file"]))
    if path is None:
        return [problem_at(project.tree, here, "leads out of the project")]
    try:
        files[path] = bot["prompt"] = source.read(path)
    except Unreadable as error:
        return [problem_at(project.tree, here, f"{path} {error}")]
    bot["prompt_file"] = path
    return []


def _validate(data: dict[str, Any], tree: Branch) -> tuple[Document, list[Problem]]:
    """The document, or as much of it as is right, with the reasons for the rest."""
    try:
        return Config.model_validate(data), []
    except ValidationError as error:
        problems = locate_errors(error, tree, Document)
        rest = _without(data, error)
    for _ in range(8):  # leaving a key out may leave its mapping incomplete, so that goes too
        try:
            return Config.model_validate(rest), problems
        except ValidationError as error:
            rest = _without(rest, error, whole_entries=True)
    return Config(), problems


def _without(data: Any, error: ValidationError, *, whole_entries: bool = False) -> Any:
    """The data without what the errors point at: single keys, or whole entries such as one bot."""
    for detail in error.errors(include_url=False, include_input=False):
        loc = detail["loc"]
        keep = 2 if whole_entries or detail["type"] == "missing" else len(loc)
        data = _cut(data, loc[:keep])
    return data


def _cut(data: Any, loc: Sequence[str | int]) -> Any:
    """A copy without the value at `loc`; labels are skipped, and a list goes as a whole: its places must not move."""
    if not isinstance(data, dict):
        return data
    mapping = cast("dict[str, Any]", data)
    rest = list(loc)
    while rest and rest[0] not in mapping:
        rest.pop(0)
    if not rest:
        return mapping
    key, child = str(rest[0]), mapping[str(rest[0])]
    inner = _cut(child, rest[1:]) if len(rest) > 1 else None
    if isinstance(inner, dict) and inner != child:
        return {**mapping, key: cast("dict[str, Any]", inner)}
    return {k: v for k, v in mapping.items() if k != key}


def _sorted(problems: Collection[Problem]) -> list[Problem]:
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda p: (p.file, p.line, p.column, p.path))


def _error(main: str, problems: Collection[Problem]) -> ConfigError:
    found = _sorted(problems)
    count = f"{len(found)} mistakes" if len(found) > 1 else "a mistake"
    return ConfigError(f"{main} has {count}", tuple(found))
