"""Teams: who is in them, and how well their messages find the right member."""

from __future__ import annotations

__all__ = ["RoutingReport", "TeamOperations", "TeamView", "read_cases"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botkit.core.data import Data
from botkit.core.errors import ConfigError, NotFound
from botkit.core.models import Usage
from botkit.core.teams import Colleague, Routed, RouteRequest

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_CASES_LIMIT = 10_000


class TeamView(Data, omit_defaults=False):
    name: str
    default: str
    members: tuple[Colleague, ...]
    router: str
    """The model that chooses, or `words`."""


class WrongRoute(Data, omit_defaults=False):
    """A message that found another member than it should."""

    text: str
    expected: str
    chosen: str
    confidence: float
    by: str


class RoutingReport(Data, omit_defaults=False):
    """How a router did on labelled messages."""

    team: str
    total: int
    right: int
    accuracy: float
    by_member: dict[str, float]
    """Fraction of each member's messages that found it."""
    wrong: tuple[WrongRoute, ...]
    usage: Usage
    cost_cents: float


class TeamOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[TeamView]:
        """All teams of the running revision."""
        from botkit.engine.teams import colleagues_of

        config = self._i.configs.current
        return [
            TeamView(
                name=name,
                default=team.default,
                members=colleagues_of(config, team),
                router=team.router.model or "words",
            )
            for name, team in config.teams.items()
        ]

    async def route(self, *, team: str, text: str, current: str = "") -> Routed:
        """Who would answer a message. Raises `NotFound`."""
        return await self._choose(self._request(team), text, current)

    async def evaluate(self, *, team: str, cases: Mapping[str, Sequence[str]], trace_id: str = "") -> RoutingReport:
        """How often the right member is found, each message on its own.

        Args:
            cases: member → messages.
            trace_id: what the model calls belong to.

        Raises:
            NotFound: no such team, or a member nobody knows.
        """
        request = self._request(team)
        known = {one.name for one in request.members}
        if strange := sorted(set(cases) - known):
            raise NotFound(f"not in the team `{team}`: {', '.join(strange)}; it has: {', '.join(sorted(known))}")
        wrong: list[WrongRoute] = []
        usage, total = Usage(), 0
        right: dict[str, list[bool]] = {member: [] for member in cases}
        for member, texts in cases.items():
            for text in texts:
                routed = await self._choose(request, text, "", trace_id)
                usage, total = usage + routed.usage, total + 1
                right[member].append(routed.member == member)
                if routed.member != member:
                    mistake = WrongRoute(
                        text=text, expected=member, chosen=routed.member, confidence=routed.confidence, by=routed.by
                    )
                    wrong.append(mistake)
        return RoutingReport(
            team=team,
            total=total,
            right=total - len(wrong),
            accuracy=round((total - len(wrong)) / total, 4) if total else 1.0,
            by_member={member: round(sum(found) / len(found), 4) for member, found in right.items() if found},
            wrong=tuple(wrong),
            usage=usage,
            cost_cents=usage.cost_micros / 10_000,
        )

    async def _choose(self, request: RouteRequest, text: str, current: str, trace_id: str = "") -> Routed:
        import msgspec

        asked = msgspec.structs.replace(request, text=text, current=current)
        return await self._i.router.choose(asked, self._i.clock, trace_id=trace_id)

    def _request(self, name: str) -> RouteRequest:
        from botkit.engine.teams import request_of

        config = self._i.configs.current
        if name not in config.teams:
            known = ", ".join(config.teams) or "none"
            raise NotFound(f"no team is called `{name}`; bots.yaml has: {known}")
        return request_of(config, name)


def read_cases(file: Path) -> tuple[str, dict[str, list[str]]]:
    """The team and its labelled messages. Raises `ConfigError` for a file of another shape."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        raw: Any = cast("Any", YAML(typ="safe", pure=True)).load(file.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name} cannot be read: {error}") from None
    found = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    team, cases = found.get("team"), found.get("cases")
    if not isinstance(team, str) or not isinstance(cases, dict):
        raise ConfigError(f"{file.name}: it needs `team: NAME` and `cases: {{MEMBER: [message, …]}}`")
    read: dict[str, list[str]] = {}
    for member, texts in cast("dict[str, Any]", cases).items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in cast("list[Any]", texts)):
            raise ConfigError(f"{file.name}: cases.{member} is not a list of texts")
        read[str(member)] = cast("list[str]", texts)
    if sum(map(len, read.values())) > _CASES_LIMIT:
        raise ConfigError(f"{file.name} has more than {_CASES_LIMIT} cases")
    return team, read
