"""What stands in the file and could not work: places where a server gets no secret, approvers nobody can reach."""

from __future__ import annotations

__all__ = ["sense_problems", "sense_warnings"]

from collections.abc import Iterator

from botkit.core.config.locate import problem_at
from botkit.core.config.models import CommandServer, Document, WebChannel, roles_of
from botkit.core.config.tree import Branch
from botkit.core.errors import Problem

_OF_REQUESTS = ("header", "query", "bearer", "body", "as")


def sense_problems(document: Document, tree: Branch) -> Iterator[Problem]:
    """What is refused."""
    yield from _injections(document, tree)
    approvals = document.settings.approvals
    if approvals.room is not None and approvals.channel is None:
        yield problem_at(tree, ("settings", "approvals", "room"), "needs settings.approvals.channel beside it")


def sense_warnings(document: Document, tree: Branch) -> Iterator[Problem]:
    """What is allowed and worth a second look."""
    for name, one in document.channels.items():
        if isinstance(one, WebChannel) and not one.allowed_origins:
            path = ("channels", name)
            yield problem_at(tree, path, "no site may show this chat", "add allowed_origins: [https://www.example.com]")
    approvals = document.settings.approvals
    channel = document.channels.get(approvals.channel or "")
    if channel is None or approvals.room is not None:
        return
    places = {approvals.channel, channel.platform}
    approvers = set(approvals.approvers)
    for name, person in document.people.items():
        if approvers & {name, *roles_of(person, document.settings.groups)} and places & person.identities.keys():
            return
    path = ("settings", "approvals", "channel")
    message = "no approver in `people` has an id on this channel, so approvals are asked for where they come up"
    yield problem_at(tree, path, message, "add identities, or a room")


def _injections(document: Document, tree: Branch) -> Iterator[Problem]:
    """Rules that speak of a request, on programs, which get none: they are started with their environment.

    Servers hosted here get whatever has no variable with each call, so their rules stay as they are.
    """
    for name, server in document.servers.items():
        if not isinstance(server, CommandServer):
            continue
        for index, rule in enumerate(server.inject):
            written = rule.model_dump(by_alias=True, exclude_none=True)
            for target in _OF_REQUESTS:
                if target in written:
                    path = ("servers", name, "inject", index, target)
                    message = f"a program takes secrets in its environment, so `{target}` has no effect here"
                    yield problem_at(tree, path, message, f"write env: {rule.secret}", key=True)
