"""The desk: who may give and take what, and what is written down of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from botkit.core.errors import Conflict, Denied, InvalidArguments, NotFound
from botkit.core.members import Member
from botkit.gateway.access.desk import AccessDesk, Actor
from botkit.gateway.access.permissions import ACTIONS, may
from tests.gateway.access.conftest import Door

BOSS = Actor(name="operator", via="cli")


@pytest.fixture
def desk(door: Door) -> AccessDesk:
    return AccessDesk(door.store.members, door.clock, workspaces=lambda: door.workspaces)


async def acting(desk: AccessDesk, name: str, role: str, workspace: str = "desk") -> Actor:
    issued = await desk.create_token(workspace, by=BOSS, name=name, role=role)  # pyright: ignore[reportArgumentType] - a role by its text
    return Actor(name=name, via="api", member=issued.member)


async def test_every_act_leaves_a_row_with_who_and_by_which_way(desk: AccessDesk, door: Door) -> None:
    admin = await acting(desk, "ada", "admin")
    await desk.create_token("desk", by=admin, name="laptop", member="bo", role="read-only")
    await desk.set_role("desk", "bo", "developer", by=admin)
    await desk.revoke_token("desk", "laptop", by=admin)
    invited = await desk.invite("desk", by=admin, name="cy", role="read-only")
    await desk.accept(invited.code, via="page")
    await desk.remove("desk", "cy", by=admin)
    rows = list(reversed(await door.store.records.audits()))
    assert [(row.actor, row.via, row.action, row.target) for row in rows] == [
        ("operator", "cli", "member.add", "desk/ada"),
        ("operator", "cli", "token.create", "desk/ada"),
        ("ada", "api", "member.add", "desk/bo"),
        ("ada", "api", "token.create", "desk/bo"),
        ("ada", "api", "member.role", "desk/bo"),
        ("ada", "api", "token.revoke", rows[5].target),
        ("ada", "api", "member.invite", "desk/cy"),
        ("cy", "page", "member.join", "desk/cy"),
        ("ada", "api", "member.remove", "desk/cy"),
    ]
    assert rows[4].detail == {"role": "developer", "was": "read-only"}
    said = str(rows)
    assert "mwt_" not in said
    assert "mwi_" not in said


async def test_developers_make_and_revoke_tokens_of_their_own_only(desk: AccessDesk) -> None:
    ada, bo = await acting(desk, "ada", "developer"), await acting(desk, "bo", "developer")
    own = await desk.create_token("desk", by=ada, name="phone", member="ada")
    assert own.member.name == "ada"
    assert {row.name for row, _ in await desk.tokens("desk", by=ada)} == {"ada", "phone"}
    for refused in (
        desk.create_token("desk", by=ada, name="x", member="bo"),
        desk.create_token("desk", by=ada, name="somebody-new"),
        desk.revoke_token("desk", "bo", by=ada),
        desk.invite("desk", by=ada, name="cy"),
        desk.set_role("desk", "ada", "admin", by=ada),
        desk.remove("desk", "bo", by=ada),
        desk.close("desk", by=ada),
    ):
        with pytest.raises(Denied):
            await refused
    await desk.revoke_token("desk", "phone", by=ada)
    assert [member.name for member in await desk.members("desk", by=bo)] == ["ada", "bo"]


async def test_whoever_only_reads_gives_and_takes_nothing(desk: AccessDesk) -> None:
    ada = await acting(desk, "ada", "read-only")
    for refused in (
        desk.create_token("desk", by=ada, name="x", member="ada"),
        desk.revoke_token("desk", "ada", by=ada),
        desk.tokens("desk", by=ada),
        desk.members("desk", by=ada),
    ):
        with pytest.raises(Denied):
            await refused


async def test_an_admin_of_one_workspace_is_nobody_in_another(desk: AccessDesk) -> None:
    ada = await acting(desk, "ada", "admin")
    await acting(desk, "bo", "developer", "sales")
    for refused in (
        desk.create_token("sales", by=ada, name="x"),
        desk.revoke_token("sales", "bo", by=ada),
        desk.remove("sales", "bo", by=ada),
        desk.members("sales", by=ada),
        desk.tokens("sales", by=ada),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_a_removed_admin_may_do_nothing(desk: AccessDesk) -> None:
    ada = await acting(desk, "ada", "admin")
    assert ada.member is not None
    gone = replace(ada, member=replace(ada.member, state="removed"))
    with pytest.raises(NotFound):
        await desk.create_token("desk", by=gone, name="x")


async def test_the_last_admin_cannot_leave_but_the_operator_can_remove_anybody(desk: AccessDesk) -> None:
    ada = await acting(desk, "ada", "admin")
    with pytest.raises(Conflict, match="last admin"):
        await desk.remove("desk", "ada", by=ada)
    with pytest.raises(Conflict, match="last admin"):
        await desk.set_role("desk", "ada", "developer", by=ada)
    bo = await acting(desk, "bo", "admin")
    await desk.remove("desk", "ada", by=bo)
    await desk.remove("desk", "bo", by=BOSS)
    assert await desk.members("desk", by=BOSS) == []


async def test_revoking_removing_and_closing_are_pushed_to_the_gate(desk: AccessDesk) -> None:
    told: list[str] = []
    tokens = {name: await desk.create_token("desk", by=BOSS, name=name) for name in ("ada", "bo", "cy")}
    for name, issued in tokens.items():
        assert await desk.gate.authenticate("desk", issued.token) is not None
        desk.gate.watch(issued.row.id, lambda name=name: told.append(name))
    await desk.revoke_token("desk", tokens["ada"].row.id, by=BOSS)
    assert told == ["ada"]
    await desk.remove("desk", "bo", by=BOSS)
    assert told == ["ada", "bo"]
    assert await desk.close("desk", by=BOSS) == 2
    assert told == ["ada", "bo", "cy"]
    for issued in tokens.values():
        assert await desk.gate.authenticate("desk", issued.token) is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb\x00", "\u202eevil"])
async def test_names_that_cannot_be_shown_are_refused(desk: AccessDesk, name: str) -> None:
    with pytest.raises(InvalidArguments):
        await desk.invite("desk", by=BOSS, name=name)


async def test_codes_of_invitations_do_not_open_doors_and_tokens_invite_nobody(desk: AccessDesk) -> None:
    invited = await desk.invite("desk", by=BOSS, name="ada")
    assert await desk.gate.authenticate("desk", invited.code) is None
    issued = await desk.accept(invited.code, via="page")
    for code in (issued.token, invited.code, "", "mwi_ada_" + "0" * 64):
        with pytest.raises(NotFound):
            await desk.accept(code, via="page")


def test_the_table_lets_admins_do_everything_and_readers_almost_nothing() -> None:
    assert all(may("admin", action) for action in ACTIONS)
    assert [action for action in ACTIONS if may("read-only", action)] == ["analytics.view"]
    assert {action for action in ACTIONS if may("read-only", action)} <= {
        action for action in ACTIONS if may("developer", action)
    }
    assert not may("developer", "members.manage")
    assert Member(id="m", workspace="w", name="n").role == "developer"
