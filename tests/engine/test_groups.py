"""Groups: a name that stands for several people wherever a role does."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.app.gateway_settings import gateway_settings
from botkit.core.config import load_config
from botkit.core.errors import ConfigError
from botkit.core.tools import Principal, Tool
from botkit.gateway.rights import may_call, review_of
from botkit.testing.models import calls
from tests.engine.support import World, a_config

GROUPS: dict[str, Any] = {"support": {"roles": ["cashier"], "description": "The shop"}}
PEOPLE: dict[str, Any] = {
    "ada": {"groups": ["support"], "identities": {"fake": ["ada"]}},
    "boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}},
}
ROLES: dict[str, Any] = {"cashier": {"classes": ["destructive"], "tools": {"allow": ["orders__*"]}}}


def test_a_person_has_the_roles_of_their_groups_and_the_group_itself() -> None:
    config = a_config(people=PEOPLE, settings={"groups": GROUPS, "roles": ROLES})
    assert config.roles_of("ada") == ("member", "support", "cashier")
    assert config.roles_of("boss") == ("admin",)


def test_a_review_may_name_a_group_and_its_roles_count_at_the_gateway() -> None:
    tools = {"notes__wipe": {"class": "destructive", "roles": ["support"]}, "orders__refund": {"class": "destructive"}}
    workspaces = {"default": {"servers": "*", "tools": tools}}
    config = a_config(people=PEOPLE, settings={"groups": GROUPS, "roles": ROLES}, workspaces=workspaces)
    settings = gateway_settings(config)

    def may(person: str, name: str) -> bool:
        tool = Tool(name=name, server="s", upstream_name="t", definition={}, tool_class="destructive")
        principal = Principal(id=person, roles=config.roles_of(person), bot="desk")
        return may_call(settings, principal, "default", tool, review_of(settings.workspaces["default"], name))

    assert may("ada", "notes__wipe")
    assert may("ada", "orders__refund")
    assert not may("ada", "notes__other")
    assert not may("boss", "notes__wipe"), "the review names who may"


async def test_a_group_approves(world: World) -> None:
    approvals = {"approvers": ["support"], "channel": "fake", "room": "ops"}
    world.config = a_config(people=PEOPLE, settings={"groups": GROUPS, "roles": ROLES, "approvals": approvals})
    world.tools.add("orders__refund", approve=True, order="string")
    world.script.extend([calls(("orders__refund", {"order": "1"})), "Refunded."])
    await world.start()
    await world.ask("refund", person="mallory")
    (request,) = [shown for shown in world.platform.messages if shown.buttons]
    await world.platform.press(request, "Approve", person="mallory")
    await world.settle()
    assert world.tools.effects == []
    await world.platform.press(request, "Approve", person="ada")
    await world.settle()
    assert len(world.tools.effects) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("people: {ada: {groups: [suport]}}\nsettings: {groups: {support: {}}}", "no group is called"),
        ("settings: {groups: {support: {roles: [casher]}}}", "no role is called"),
        ("settings: {groups: {admin: {}}}", "is a role or a person already"),
        ("people: {ada: {}}\nsettings: {groups: {ada: {}}}", "is a role or a person already"),
    ],
)
def test_names_are_checked(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config("bots.yaml", files={"bots.yaml": f"version: 1\n{text}\n"})
