"""What node types a project has of its own, asked of a process that loads them."""

from __future__ import annotations

__all__ = ["Described", "describe", "files_of", "nodes_folder", "registry_of", "version_of", "versions_of"]

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from botkit.core.config import Config
from botkit.core.errors import Problem
from botkit.workflows.registry import Registry, builtin_registry
from botkit.workflows.specs import NodeSpec

_TIMEOUT_S = 60.0
_INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER")
Version = tuple[tuple[str, int, int], ...]


class Described(msgspec.Struct, frozen=True):
    """The node types of a folder."""

    specs: tuple[NodeSpec, ...] = ()
    problems: tuple[Problem, ...] = ()


def nodes_folder(root: Path) -> Path:
    return root / "workspace" / "nodes"


def files_of(folder: Path) -> Sequence[Path]:
    """The Python files of a folder, except those whose names begin with `_` or `.`, sorted."""
    if not folder.is_dir():
        return []
    return sorted(file.resolve() for file in folder.glob("*.py") if file.is_file() and file.name[0] not in "_.")


def version_of(folder: Path) -> Version:
    """Changes with every edit in the folder, helpers included; empty when nothing is in it."""
    if not files_of(folder):
        return ()
    found: list[tuple[str, int, int]] = []
    for file in sorted(folder.glob("*.py")):
        try:
            state = file.stat()
        except OSError:
            continue
        found.append((str(file.resolve()), state.st_mtime_ns, state.st_size))
    return tuple(found)


def versions_of(folder: Path, types: Collection[str]) -> dict[str, str]:
    """Node type → hash over the file that defines it and the helpers of the folder (`_*.py`); of those of `types` that
    are defined in this folder. 64 hex digits."""
    found: dict[str, str] = {}
    helpers = sorted(folder.glob("_*.py"))
    for spec in describe(folder).specs:
        if spec.type in types:
            digest = hashlib.sha256()
            for file in (Path(spec.file), *helpers):
                with contextlib.suppress(OSError):  # it went away this moment: then this is another version
                    content = file.read_bytes()
                    digest.update(f"{file.name} {len(content)}\n".encode() + content)
            found[spec.type] = digest.hexdigest()
    return found


def describe(folder: Path) -> Described:
    """The node types of a folder; the same files are asked once. Takes about a second, in a process of its own."""
    version = version_of(folder)
    return _described(folder, version) if version else Described()


@lru_cache(maxsize=16)
def _described(folder: Path, version: Version) -> Described:
    files = [str(file) for file in files_of(folder)]
    # -B: a cached file of the same size from the same second would be taken for the edited one
    argv = [sys.executable, "-I", "-B", "-m", "botkit.workflows.own.worker", "describe", *files]
    env = {name: value for name in _INHERITED if (value := os.environ.get(name)) is not None}
    try:
        done = subprocess.run(argv, env=env, capture_output=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603 - our own program
        told = msgspec.json.decode(done.stdout)
        specs = msgspec.convert(told["specs"], list[NodeSpec])
        problems = [Problem(one["message"], file=one["file"], line=one["line"]) for one in told["problems"]]
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        last = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").strip().rpartition("\n")[2]
        return Described(problems=(Problem(f"the nodes cannot be loaded: {last or error}", file=str(folder)),))
    builtin = builtin_registry()
    taken = [spec for spec in specs if spec.type in builtin]
    problems += [Problem(f"the node type `{one.type}` is botkit's own: choose another", file=one.file) for one in taken]
    return Described(tuple(spec for spec in specs if spec.type not in builtin), tuple(problems))


def registry_of(config: Config) -> Registry:
    """All node types there are for a project."""
    return _registry(describe(nodes_folder(config.root.resolve())).specs)


@lru_cache(maxsize=16)
def _merged(key: bytes) -> Registry:
    return builtin_registry().with_specs(msgspec.json.decode(key, type=list[NodeSpec]))


def _registry(specs: tuple[NodeSpec, ...]) -> Registry:
    return _merged(msgspec.json.encode(specs)) if specs else builtin_registry()
