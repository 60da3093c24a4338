"""Names that point at other parts of the file: do they exist, and do they make sense together?"""

from __future__ import annotations

__all__ = ["check_references"]

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from botkit.core.config.locate import nearest, problem_at, shown
from botkit.core.config.models import BUILTIN_ROLES, PLATFORMS, Channel, Document, Money, ToolRules
from botkit.core.config.models.llm import TIERS
from botkit.core.config.tree import Branch, Leaf, Path, find
from botkit.core.errors import Problem
from botkit.core.own_tools import OWN_SERVERS
from botkit.core.tools import FUNCTIONS

_ELSEWHERE = ("sandbox", "web", "terminal", "email", "phone")
"""Names an identity may have besides channels and platforms."""


def check_references(
    document: Document, tree: Branch, platforms: Collection[str]
) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings. `document` may lack entries with problems of their own: the tree knows their names."""
    check = _Check(document, tree, platforms)
    check.run()
    return check.problems, check.warnings


class _Check:
    def __init__(self, document: Document, tree: Branch, platforms: Collection[str]):
        self.doc = document
        self.tree = tree
        self.platforms = (*PLATFORMS, *platforms)
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def run(self) -> None:
        self._models()
        self._bots()
        self._workspaces()
        self._knowledge()
        self._teams()
        self._channels()
        self._people()
        self._ingress()
        self._budgets()
        self._settings()

    # names

    def declared(self, key: str) -> set[str]:
        """Names under a top key, also of entries that are otherwise wrong."""
        values: Mapping[str, Any] = getattr(self.doc, key)
        branch = self.tree.entries.get(key)
        written = set(branch.entries) if isinstance(branch, Branch) else set[str]()
        return written | set(values)

    def roles(self) -> set[str]:
        return {*BUILTIN_ROLES, *self.doc.settings.roles}

    def groups(self) -> set[str]:
        return set(self.doc.settings.groups)

    def refer(self, path: Path, name: str | None, what: str, names: Iterable[str], *, key: bool = False) -> None:
        """Complain unless `name` is one of `names`. `key`: the name is the last key of the path."""
        known = set(names)
        if name is not None and name not in known:
            hint = nearest(name, known) or (f"there is: {', '.join(sorted(known)[:12])}" if known else "")
            _, node, _ = find(self.tree, path)
            if isinstance(node, Leaf) and "${" in node.text and not key:  # a variable's value may be private
                name, hint = node.text, ""
            self.complain(path, f"no {what} is called {shown(name)}", hint, key=key)

    def complain(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        self.problems.append(problem_at(self.tree, path, message, hint, key=key))

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        self.warnings.append(problem_at(self.tree, path, message, hint))

    # what several parts share

    def model(self, path: Path, name: str | None) -> None:
        if name is not None and "/" not in name:
            self.refer(path, name, "model", self.declared("models") | set(TIERS))

    def money(self, path: Path, money: Money | None) -> None:
        currency = self.doc.settings.currency
        if money is not None and money.currency != currency:
            self.complain((*path, "currency"), f"prices are counted in {currency}, see settings.currency")

    def who(self, path: Path, names: Sequence[str]) -> None:
        known = self.roles() | self.groups() | self.declared("people")
        for index, name in _indexed(names):
            self.refer((*path, *index), name, "role or person", known)

    def rules(self, path: Path, rules: ToolRules, servers: Collection[str]) -> None:
        for key, patterns in (("allow", rules.allow or ()), ("deny", rules.deny)):
            for index, pattern in _indexed(patterns):
                self.tool((*path, key, *index), pattern, servers)

    def tool(self, path: Path, pattern: str, servers: Collection[str]) -> None:
        """The part before `__` names a server, unless it is a pattern."""
        server, separator, _ = pattern.partition("__")
        if _is_pattern(server):
            return
        if not separator:
            self.complain(path, "a tool is written server__tool, or as a pattern such as orders__*")
        elif server in servers or server in OWN_SERVERS:
            return
        elif server in (every := self.tool_owners()):
            self.warn(path, f"the workspace does not offer `{server}`, so this has no effect here")
        else:
            self.refer(path, server, "server", every - {FUNCTIONS})

    def tool_owners(self) -> set[str]:
        return self.declared("servers") | self.declared("skills") | {FUNCTIONS}

    def servers_of(self, workspace: str) -> set[str]:
        found = self.doc.workspaces.get(workspace)
        if found is None or "*" in found.servers or found.workspaces:
            return self.tool_owners()
        return {*found.servers, *found.skills, *((FUNCTIONS,) if found.functions else ())}

    # the parts

    def _models(self) -> None:
        for name, spec in self.doc.models.items():
            for index, fallback in _indexed(spec.fallbacks):
                self.model(("models", name, "fallbacks", *index), fallback)
            cycle = _cycle(name, self._fallbacks)
            if cycle and name == min(cycle):  # once, not for each of its members
                self.complain(("models", name, "fallbacks"), f"falls back to itself: {' → '.join(cycle)}")
            if spec.escalate is not None:
                self.model(("models", name, "escalate", "to"), spec.escalate.to)
            cycle = _cycle(name, self._stronger)
            if cycle and name == min(cycle):
                self.complain(("models", name, "escalate"), f"escalates to itself: {' → '.join(cycle)}")

    def _stronger(self, model: str) -> Sequence[str]:
        spec = self.doc.models.get(model)
        return (spec.escalate.to,) if spec is not None and spec.escalate is not None else ()

    def _fallbacks(self, model: str) -> Sequence[str]:
        return self.doc.models[model].fallbacks if model in self.doc.models else ()

    def _inner_workspaces(self, workspace: str) -> Sequence[str]:
        return self.doc.workspaces[workspace].workspaces if workspace in self.doc.workspaces else ()

    def _bots(self) -> None:
        for name, bot in self.doc.bots.items():
            here: Path = ("bots", name)
            self.model((*here, "model"), bot.model)
            self.refer((*here, "workspace"), bot.workspace, "workspace", self.declared("workspaces"))
            self.refer((*here, "workflow"), bot.workflow, "workflow", self.declared("workflows"))
            self.rules((*here, "tools"), bot.tools, self.servers_of(bot.workspace))
            self.money((*here, "spending_cap"), bot.spending_cap)
            self.money((*here, "max_turn_cost"), bot.max_turn_cost)

    def _workspaces(self) -> None:
        for name, workspace in self.doc.workspaces.items():
            here: Path = ("workspaces", name)
            lists: tuple[tuple[str, str, Sequence[str]], ...] = (
                ("servers", "server", workspace.servers),
                ("skills", "skill", workspace.skills),
                ("functions", "function", workspace.functions),
                ("knowledge", "source", workspace.knowledge),
                ("workspaces", "workspace", workspace.workspaces),
            )
            for key, what, names in lists:
                for index, item in _indexed(names):
                    if (key, item) not in (("servers", "*"), ("knowledge", "*")):
                        self.refer((*here, key, *index), item, what, self.declared(key))
            cycle = _cycle(name, self._inner_workspaces)
            if cycle and name == min(cycle):
                self.complain((*here, "workspaces"), f"contains itself: {' → '.join(cycle)}")
            self._tools_of_workspace(name)

    def _tools_of_workspace(self, name: str) -> None:
        workspace, servers = self.doc.workspaces[name], self.servers_of(name)
        for pattern, review in workspace.tools.items():
            here: Path = ("workspaces", name, "tools", pattern)
            self.tool(here, pattern, self.tool_owners())  # reviews are often shared between workspaces
            for index, role in _indexed(review.roles or ()):
                self.refer((*here, "roles", *index), role, "role", self.roles() | self.groups())
            self.who((*here, "approvers"), review.approvers or ())
        for role, rules in workspace.roles.items():
            here = ("workspaces", name, "roles", role)
            self.refer(here, role, "role", self.roles())
            self.rules(here, rules, servers)

    def _knowledge(self) -> None:
        self.model(("settings", "knowledge", "embedding"), self.doc.settings.knowledge.embedding)
        for name, source in self.doc.knowledge.items():
            here: Path = ("knowledge", name)
            self.model((*here, "embedding"), source.embedding)
            for index, bot in _indexed(source.bots):
                self.refer((*here, "bots", *index), bot, "bot", self.declared("bots"))
            for index, role in _indexed(source.roles):
                self.refer((*here, "roles", *index), role, "role", self.roles())

    def _teams(self) -> None:
        for name, team in self.doc.teams.items():
            members = [member.bot for member in team.members]
            answering = self.declared("bots") | self.declared("teams")
            for index, bot in enumerate(members):
                self.refer(("teams", name, "members", index, "bot"), bot, "bot or team", answering)
                if bot in members[:index]:
                    self.complain(("teams", name, "members", index, "bot"), f"{bot} is a member already")
                if bot in self.doc.teams and (circle := self._circle(name, bot)):
                    self.complain(("teams", name, "members", index, "bot"), f"a team inside itself: {circle}")
            self.refer(("teams", name, "default"), team.default, "member of this team", members)
            self.model(("teams", name, "router", "model"), team.router.model)
            for index, rule in enumerate(team.router.rules):
                self.refer(("teams", name, "router", "rules", index, "member"), rule.member, "member", members)
            if name in self.doc.bots:
                self.complain(("teams", name), "a bot has the same name", key=True)

    def _circle(self, team: str, member: str) -> str:
        """The way from a member back to its team; empty when there is none."""
        trails = [[team, member]]
        while trails:
            trail = trails.pop()
            inner = self.doc.teams.get(trail[-1])
            for bot in [one.bot for one in inner.members] if inner is not None else ():
                if bot == team:
                    return " → ".join([*trail, bot])
                if bot not in trail:
                    trails.append([*trail, bot])
        return ""

    def _channels(self) -> None:
        tokens: dict[tuple[str, str], str] = {}
        for name, channel in self.doc.channels.items():
            here: Path = ("channels", name)
            answering = self.declared("bots") | self.declared("teams")
            self.refer((*here, "platform"), channel.platform, "platform", self.platforms)
            self.refer((*here, "bot"), channel.bot, "bot or team", answering)
            self.model((*here, "model"), channel.model)
            for room, overrides in channel.rooms.items():
                self.refer((*here, "rooms", room, "bot"), overrides.bot, "bot or team", answering)
                self.model((*here, "rooms", room, "model"), overrides.model)
            if name in _ELSEWHERE:
                self.complain(here, f"`{name}` is botkit's own channel; choose another name")
            self._who_may_write(here, channel)
            self._one_connection_per_account(here, channel, tokens)

    def _who_may_write(self, here: Path, channel: Channel) -> None:
        people = self.declared("people")
        for index, entry in _indexed(channel.allow):
            path = (*here, "allow", *index)
            if entry.startswith("@"):
                self.complain(path, "user names change hands; write the numeric id, or a name from `people`")
            elif entry not in people and channel.platform == "telegram" and not re.fullmatch(r"-?[0-9]+", entry):
                self.refer(path, entry, "person", people)
        if channel.dm_rule == "open" and channel.platform not in ("custom", "web"):
            self.warn((*here, "dm_policy"), "everybody on this platform may write to this bot")
        if channel.dm_rule == "allowlist" and not channel.allow:
            self.warn((*here, "dm_policy"), "nobody is on the list: add ids or people under `allow`")
        if channel.dm_rule != "allowlist" and channel.allow:
            self.warn((*here, "allow"), "has a meaning only under dm_policy: allowlist")

    def _one_connection_per_account(self, here: Path, channel: Channel, tokens: dict[tuple[str, str], str]) -> None:
        for key in ("token", "bot_token"):
            token = getattr(channel, key, None)
            if token is None or channel.enabled is False:
                continue
            other = tokens.setdefault((channel.platform, token.secret), str(here[-1]))
            if other != here[-1]:
                self.complain((*here, key), f"`{other}` uses this account already; one account, one channel")

    def _people(self) -> None:
        places = {*self.declared("channels"), *self.platforms, *_ELSEWHERE}
        owners: dict[tuple[str, str], str] = {}
        for name, person in self.doc.people.items():
            here: Path = ("people", name)
            for index, role in _indexed(person.roles):
                self.refer((*here, "roles", *index), role, "role", self.roles())
            for index, group in _indexed(person.groups):
                self.refer((*here, "groups", *index), group, "group", self.groups())
            for place, ids in person.identities.items():
                self.refer((*here, "identities", place), place, "channel or platform", places, key=True)
                for index, one in _indexed(ids):
                    other = owners.setdefault((place, one), name)
                    if other != name:
                        path = (*here, "identities", place, *index)
                        self.complain(path, f"`{other}` has this id already; one id, one person")

    def _ingress(self) -> None:
        for key in ("webhooks", "endpoints"):
            for name, one in cast("Mapping[str, Any]", getattr(self.doc, key)).items():
                here: Path = (key, name)
                self.refer((*here, "workspace"), one.workspace, "workspace", self.declared("workspaces"))
                self.refer((*here, "workflow"), one.workflow, "workflow", self.declared("workflows"))
                self.refer((*here, "owner"), one.owner, "person", self.declared("people"))
                self.rules((*here, "tools"), one.tools, self.servers_of(one.workspace))
                self.model((*here, "model"), one.model)
        for name, schedule in self.doc.schedules.items():
            for key, names in (
                ("workflow", "workflows"), ("function", "functions"), ("channel", "channels"), ("owner", "people"),
            ):  # fmt: skip
                self.refer(("schedules", name, key), getattr(schedule, key), key, self.declared(names))
            bots = self.declared("bots") | self.declared("teams")
            self.refer(("schedules", name, "bot"), schedule.bot, "bot or team", bots)
        for name, workflow in self.doc.workflows.items():
            path = ("workflows", name, "workspace")
            self.refer(path, workflow.workspace, "workspace", self.declared("workspaces"))
        for name, skill in self.doc.skills.items():
            self.refer(("skills", name, "function"), skill.function, "function", self.declared("functions"))

    def _budgets(self) -> None:
        for name, budget in self.doc.budgets.items():
            for key, what in (
                ("bots", "bot"),
                ("teams", "team"),
                ("workspaces", "workspace"),
                ("channels", "channel"),
                ("people", "person"),
            ):
                for index, one in _indexed(cast("Sequence[str]", getattr(budget, key))):
                    if one != "*":
                        self.refer(("budgets", name, key, *index), one, what, self.declared(key))
            for index, role in _indexed(budget.roles):
                path = ("budgets", name, "roles", *index)
                self.refer(path, role, "role", self.roles() | self.groups())
            self.money(("budgets", name, "spend"), budget.spend)

    def _speech(self) -> None:
        speech = self.doc.settings.speech
        self.model(("settings", "speech", "transcription"), speech.transcription)
        self.model(("settings", "speech", "synthesis"), speech.synthesis)
        for name, bot in self.doc.bots.items():
            if bot.voice != "never" and speech.synthesis is None:
                self.warn(("bots", name, "voice"), "nothing speaks: name a model in settings.speech.synthesis")

    def _settings(self) -> None:
        self._speech()
        approvals = self.doc.settings.approvals
        self.who(("settings", "approvals", "approvers"), approvals.approvers)
        self.refer(("settings", "approvals", "channel"), approvals.channel, "channel", self.declared("channels"))
        self._approvals_by_mail(approvals.email)
        for role, rights in self.doc.settings.roles.items():
            self.rules(("settings", "roles", role, "tools"), rights.tools, self.tool_owners())
        for name, group in self.doc.settings.groups.items():
            here: Path = ("settings", "groups", name)
            for index, role in _indexed(group.roles):
                self.refer((*here, "roles", *index), role, "role", self.roles())
            if name in self.roles() | self.declared("people"):
                self.complain(here, f"`{name}` is a role or a person already; a name means one thing", key=True)

    def _approvals_by_mail(self, names: Sequence[str]) -> None:
        here: Path = ("settings", "approvals", "email")
        for index, name in _indexed(names):
            if "@" in name:
                continue
            self.refer((*here, *index), name, "person", self.declared("people"))
            person = self.doc.people.get(name)
            if person is not None and not person.identities.get("email"):
                self.complain((*here, *index), "this person has no mail address", "give them identities.email")
        if names and self.doc.settings.mail is None and "mail" not in self._written("settings"):
            self.complain(here, "no mail can be sent", "say how in settings.mail")

    def _written(self, key: str) -> set[str]:
        branch = self.tree.entries.get(key)
        return set(branch.entries) if isinstance(branch, Branch) else set()


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[")


def _indexed(names: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Each name with the path below its list; a single name may stand without a list, then the path ends there."""
    for index, name in enumerate(names):
        yield (index,), name


def _cycle(start: str, following: Callable[[str], Sequence[str]]) -> list[str]:
    """The chain from `start` back to itself, or nothing."""
    trail: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> bool:
        trail.append(name)
        for after in following(name):
            if after == start:
                trail.append(after)
                return True
            if after not in seen:
                seen.add(after)
                if visit(after):
                    return True
        trail.pop()
        return False

    return trail if visit(start) else []
