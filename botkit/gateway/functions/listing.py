"""The functions of a folder as the settings of a server."""

from __future__ import annotations

__all__ = ["files_of", "plan", "with_functions"]

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from botkit.core.errors import ToolUnavailable
from botkit.core.functions import FunctionFacts, read_functions
from botkit.core.tools import FUNCTIONS
from botkit.gateway.hosted import discover, fetching, read_script, unmet
from botkit.gateway.naming import tool_name
from botkit.gateway.rights import review_of
from botkit.gateway.settings import (
    FunctionFile,
    FunctionsSettings,
    GatewaySettings,
    HostedSettings,
    Inject,
    SecretName,
    WorkspaceSettings,
)

_SERVER = Path(__file__).with_name("server.py")
_WORKER = Path(__file__).with_name("worker.py")
_SLACK_S = 130.0
"""Packages of a file may have to be fetched before its first call."""


def files_of(settings: FunctionsSettings) -> tuple[FunctionFile, ...]:
    """Those with settings of their own, and the others of the folder; not those whose names begin with `_` or `.`."""
    listed = {Path(one.path).resolve() for one in settings.files}
    refused = {Path(path).resolve() for path in settings.disabled}
    found = discover(Path(settings.folder)) if settings.folder else ()
    more = [FunctionFile(path=str(path), key=path.stem) for path in found if path.resolve() not in listed]
    files = [*settings.files, *more]
    return tuple(one for one in files if Path(one.path).resolve() not in refused and Path(one.path).is_file())


def with_functions(settings: GatewaySettings) -> GatewaySettings:
    """The settings with the server of the functions, where there are some, and what their decorators say about them.

    A decorator is the word of the operator who wrote it, so it counts as a review; what the workspace says about the
    tool counts more.

    Raises:
        ConfigError: a PEP 723 block is malformed.
    """
    files = files_of(settings.functions)
    if not files:
        return settings
    facts = {one.key: read_functions(Path(one.path)) for one in files}
    workspaces = {name: _reviewed(workspace, facts) for name, workspace in settings.workspaces.items()}
    return msgspec.structs.replace(settings, servers=(*settings.servers, _server(files, facts)), workspaces=workspaces)


def _reviewed(workspace: WorkspaceSettings, facts: Mapping[str, tuple[FunctionFacts, ...]]) -> WorkspaceSettings:
    if not workspace.functions and not workspace.offers(FUNCTIONS):
        return workspace
    reviews = dict(workspace.reviews)
    for key, functions in facts.items():
        for one in functions:
            decided = review_of(workspace, tool := tool_name(FUNCTIONS, one.name))
            reviews[tool] = msgspec.structs.replace(
                decided,
                tool_class=decided.tool_class or ("read-only" if one.read_only else "write"),
                idempotent=one.idempotent if decided.idempotent is None else decided.idempotent,
                enabled=False if workspace.functions and key not in workspace.functions else decided.enabled,
            )
    servers = workspace.servers if workspace.offers(FUNCTIONS) else (*workspace.servers, FUNCTIONS)
    return msgspec.structs.replace(workspace, reviews=reviews, servers=servers)


def _server(files: Sequence[FunctionFile], facts: Mapping[str, tuple[FunctionFacts, ...]]) -> HostedSettings:
    told, fetchers = plan(files)
    users: dict[str, list[str]] = {}
    for one in files:
        for secret in one.secrets:
            users.setdefault(secret, []).extend(each.name for each in facts[one.key])
    env: dict[str, str | SecretName] = {
        f"{one.key}.{name}": value for one in files for name, value in one.env.items() if isinstance(value, SecretName)
    }
    return HostedSettings(
        name=FUNCTIONS,
        path=str(_SERVER),
        files=tuple(one.path for one in files),
        env={**fetchers, **env, "BOTKIT_FUNCTIONS": msgspec.json.encode(told).decode()},
        inject=tuple(Inject(secret=secret, tools=tuple(names)) for secret, names in sorted(users.items())),
        timeout_s=max(one.timeout_s for one in files) + _SLACK_S,
        parallel_calls=64,
    )


def plan(files: Sequence[FunctionFile]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the server is told: how each file is started, and the variables that takes.

    Raises:
        ConfigError: a PEP 723 block is malformed.
    """
    told: list[dict[str, Any]] = []
    environment: dict[str, str] = {}
    for one in files:
        item: dict[str, Any] = {
            "path": one.path,
            "timeout_s": one.timeout_s,
            "memory_bytes": one.memory_bytes,
            "env": {name: value for name, value in one.env.items() if isinstance(value, str)},
            "secret_env": [name for name, value in one.env.items() if isinstance(value, SecretName)],
            "description": one.description,
            "input_schema": one.input_schema,
            "secrets": one.secrets,
            "key": one.key,
        }
        script = read_script(Path(one.path))
        missing = unmet(script) if script is not None else []
        if not missing or script is None:
            item["argv"] = [sys.executable, "-I", "-B", str(_WORKER), one.path]
        else:
            try:
                uv, needed = fetching(Path(one.path).name, missing)
            except ToolUnavailable as error:
                told.append({**item, "error": str(error)})
                continue
            environment |= needed
            packages = [part for text in ("pydantic>=2.12", *script.dependencies) for part in ("--with", text)]
            python = ["--python", script.requires_python] if script.requires_python else []
            item["argv"] = [uv, "run", "--no-project", "--quiet", *packages, *python, "--", "python", "-I", "-B"]
            item["argv"] += [str(_WORKER), one.path]
            item["fetcher"] = sorted(needed)
        told.append(item)
    return {"files": told, "parallel": max(2, min(8, os.cpu_count() or 2))}, environment
