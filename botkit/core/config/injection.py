"""Whether a server can take its secrets where `inject` puts them."""

from __future__ import annotations

__all__ = ["injection_problems"]

from botkit.core.config.locate import problem_at
from botkit.core.config.models import CommandServer, Document
from botkit.core.config.tree import Branch
from botkit.core.errors import Problem

_OF_REQUESTS = ("header", "query", "bearer", "body", "as")


def injection_problems(document: Document, tree: Branch) -> list[Problem]:
    """Rules that speak of a request, on programs, which get none: they are started with their environment.

    Servers hosted here get whatever has no variable with each call, so their rules stay as they are.
    """
    problems: list[Problem] = []
    for name, server in document.servers.items():
        if not isinstance(server, CommandServer):
            continue
        for index, rule in enumerate(server.inject):
            written = rule.model_dump(by_alias=True, exclude_none=True)
            for target in _OF_REQUESTS:
                if target in written:
                    path = ("servers", name, "inject", index, target)
                    message = f"a program takes secrets in its environment, so `{target}` has no effect here"
                    problems.append(problem_at(tree, path, message, f"write env: {rule.secret}", key=True))
    return problems
