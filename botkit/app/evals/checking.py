"""Whether the names in an evaluation are those of the configuration it is run with."""

from __future__ import annotations

__all__ = ["check_routing", "check_suite", "check_tools", "judge_of"]

from collections.abc import Iterable, Iterator, Mapping, Sequence

from botkit.core.config import Config
from botkit.core.config.locate import nearest, problem_at
from botkit.core.config.models.llm import OFFLINE_MODEL
from botkit.core.errors import ConfigError, NotFound, Problem
from botkit.core.evals import EvalSuite, Expect, Routing
from botkit.core.own_tools import OWN_SERVERS
from botkit.core.tools import FUNCTIONS

_PEOPLE = ("operator", "visitor")
"""Whom the sandbox knows without bots.yaml."""
_WILD = "*?["

Path = tuple[str | int, ...]


def judge_of(config: Config, suite: EvalSuite) -> str:
    """The model that judges and plays people."""
    return suite.file.judge or ("default" if "default" in config.models else OFFLINE_MODEL)


def check_suite(config: Config, suite: EvalSuite) -> None:
    """Look up every name. Raises `ConfigError` with all that are unknown."""
    problems = list(_problems(config, suite))
    if problems:
        what = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
        raise ConfigError(f"{suite.shown} has {what}", tuple(problems))


def check_routing(config: Config, routing: Routing) -> None:
    """Look up the team and its members. Raises `ConfigError`."""
    team = config.teams.get(routing.team)
    if team is None:
        hint = nearest(routing.team, config.teams)
        raise _wrong(routing.shown, problem_at(routing.tree, ("team",), f"no team is called `{routing.team}`", hint))
    known = [member.bot for member in team.members]
    for member in routing.cases:
        if member not in known:
            message = f"`{member}` is not in the team"
            problem = problem_at(routing.tree, ("cases", member), message, nearest(member, known), key=True)
            raise _wrong(routing.shown, problem)


def check_tools(suite: EvalSuite, tools: Mapping[str, Sequence[str]], servers: Iterable[str]) -> None:
    """Look up the tools that are named, as far as their servers have told them.

    Args:
        tools: tools by server, of servers that answered.
        servers: every server there is.

    Raises:
        ConfigError: with all that no server has.
    """
    there = [*servers, *OWN_SERVERS, FUNCTIONS]
    problems: list[Problem] = []
    for path, name in _tool_names(suite):
        server, _, tool = name.partition("__")
        if not tool or any(char in name for char in _WILD):
            continue
        if server not in there:
            problems.append(suite.problem(path, f"there is no server `{server}`", nearest(server, there)))
        elif server in tools and tool not in tools[server]:
            hint = nearest(name, [f"{server}__{one}" for one in tools[server]])
            problems.append(suite.problem(path, f"the server has no tool `{name}`", hint))
    if problems:
        raise _wrong(suite.shown, *problems)


def _wrong(shown: str, *problems: Problem) -> ConfigError:
    return ConfigError(f"{shown} does not fit the configuration", tuple(problems))


def _tool_names(suite: EvalSuite) -> Iterator[tuple[Path, str]]:
    yield from ((("tools", name), name) for name in suite.file.tools)
    for number, case in enumerate(suite.file.cases):
        yield from ((("cases", number, "tools", name), name) for name in case.tools)
        for path, expect in _expects(suite, number):
            yield from (((*path, "tools", index), one.tool) for index, one in enumerate(expect.tools or ()))
            yield from (((*path, "not_called", index), name) for index, name in enumerate(expect.not_called))


def _expects(suite: EvalSuite, number: int) -> Iterator[tuple[Path, Expect]]:
    case, here = suite.file.cases[number], ("cases", number)
    for index, turn in enumerate(case.turns):
        yield (*here, "turns", index, "expect"), turn.expect
    yield (*here, "expect"), case.expect


def _problems(config: Config, suite: EvalSuite) -> Iterator[Problem]:
    file = suite.file
    yield from _bot(config, suite, ("bot",), file.bot)
    yield from _person(config, suite, ("as",), file.person)
    yield from _roles(config, suite, ("roles",), file.roles)
    yield from _model(config, suite, ("judge",), file.judge)
    for number, case in enumerate(file.cases):
        here: Path = ("cases", number)
        yield from _bot(config, suite, (*here, "bot"), case.bot)
        yield from _person(config, suite, (*here, "as"), case.person)
        yield from _roles(config, suite, (*here, "roles"), case.roles or ())
        if case.simulate is not None:
            yield from _model(config, suite, (*here, "simulate", "model"), case.simulate.model)
        for path, expect in _expects(suite, number):
            for index, judged in enumerate(expect.judged):
                yield from _model(config, suite, (*path, "judged", index, "model"), judged.model)
            if expect.member is not None:
                yield from _member(config, suite, (*path, "member"), case.bot or file.bot, expect.member)


def _bot(config: Config, suite: EvalSuite, path: Path, name: str) -> Iterator[Problem]:
    known = [*config.bots, *config.teams, *(f"@{workflow}" for workflow in config.workflows)]
    if name and name not in known:
        yield suite.problem(path, f"no bot or team is called `{name}`", nearest(name, known))


def _person(config: Config, suite: EvalSuite, path: Path, name: str | None) -> Iterator[Problem]:
    known = [*config.people, *_PEOPLE]
    if name is not None and name not in known:
        yield suite.problem(path, f"nobody in bots.yaml is called `{name}`", nearest(name, known))


def _roles(config: Config, suite: EvalSuite, path: Path, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name not in config.roles:
            yield suite.problem((*path, index), f"there is no role `{name}`", nearest(name, config.roles))


def _model(config: Config, suite: EvalSuite, path: Path, name: str | None) -> Iterator[Problem]:
    if name is None:
        return
    try:
        config.resolve_model(name)
    except NotFound as error:
        yield suite.problem(path, str(error), nearest(name, config.models))


def _member(config: Config, suite: EvalSuite, path: Path, bot: str, name: str) -> Iterator[Problem]:
    if bot not in config.teams:
        yield suite.problem(path, f"`{bot}` is no team, so nobody of it answers")
    elif name not in (known := _members(config, bot)):
        yield suite.problem(path, f"`{name}` is not in the team `{bot}`", nearest(name, known))


def _members(config: Config, team: str) -> list[str]:
    """Bots of a team and of the teams in it."""
    found: dict[str, None] = {}
    todo = [team]
    while todo:
        for member in config.teams[todo.pop()].members:
            if member.bot not in found:
                found[member.bot] = None
                if member.bot in config.teams:
                    todo.append(member.bot)
    return list(found)
