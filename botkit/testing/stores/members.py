"""The contract of members, their tokens and their invitations."""

from __future__ import annotations

__all__ = ["MembersContract", "a_member", "a_token"]

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.core.errors import Conflict, NotFound
from botkit.core.ids import new_id
from botkit.core.journal import Audit
from botkit.core.members import Invitation, Member, MemberToken
from botkit.core.tools import CallRecord
from botkit.testing.stores.administration import SEALED
from botkit.testing.stores.database import Database, Stores

_DAY = 86_400_000_000


def a_member(name: str = "Ada", workspace: str = "desk", **fields: Any) -> Member:
    return Member(id=fields.pop("id", new_id("mem")), workspace=workspace, name=name, **fields)


def a_token(member: Member, **fields: Any) -> MemberToken:
    id_ = fields.pop("id", "") or new_id("tok")
    return MemberToken(id=id_, workspace=member.workspace, member_id=member.id, **fields)


def an_act(action: str = "test.act", at: int = 1) -> Audit:
    return Audit(at=at, actor="operator", via="test", action=action, target="desk")


class MembersContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_a_member_is_found_by_name_and_by_id_in_its_workspace_only(self, store: Stores) -> None:
        ada = a_member(email="ada@example.org", role="admin", person_id="per_1", created_at=5, joined_at=5)
        await store.members.add(ada, audit=an_act("member.add"))
        assert await store.members.find("desk", "Ada") == ada
        assert await store.members.find("desk", ada.id) == ada
        assert await store.members.get(ada.id) == ada
        assert await store.members.find("sales", "Ada") is None
        assert await store.members.find("sales", ada.id) is None
        assert await store.members.find("desk", "ada") is None
        assert [audit.action for audit in await store.records.audits()] == ["member.add"]

    async def test_a_name_is_taken_once_in_a_workspace(self, store: Stores) -> None:
        await store.members.add(a_member(), audit=an_act())
        with pytest.raises(Conflict):
            await store.members.add(a_member(), audit=an_act("member.refused"))
        await store.members.add(a_member(workspace="sales"), audit=an_act())
        assert len(await store.members.list()) == 2
        assert "member.refused" not in {audit.action for audit in await store.records.audits()}

    async def test_members_are_listed_with_their_calls(self, store: Stores) -> None:
        ada, bo = a_member("Ada"), a_member("Bo")
        for member in (bo, ada, a_member("Cy", "sales")):
            await store.members.add(member, audit=an_act())
        await store.calls.append([a_call(f"c{number}", ada) for number in range(3)])
        listed = await store.members.list("desk")
        assert [(member.name, member.calls) for member in listed] == [("Ada", 3), ("Bo", 0)]
        assert [member.name for member in await store.members.list()] == ["Ada", "Bo", "Cy"]

    async def test_a_role_is_changed(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        await store.members.set_role(ada.id, "read-only", audit=an_act("member.role"))
        assert await store.members.get(ada.id) == replace(ada, role="read-only")
        with pytest.raises(NotFound):
            await store.members.set_role("mem_none", "admin", audit=an_act())

    async def test_whoever_is_removed_loses_every_token_and_nobody_else_does(self, store: Stores) -> None:
        ada, bo = a_member("Ada"), a_member("Bo")
        for member in (ada, bo):
            await store.members.add(member, audit=an_act())
            await store.secrets.put(replace(SEALED, scope=f"person:member:{member.id}"))
        tokens = [a_token(ada, id="tok_1"), a_token(ada, id="tok_2"), a_token(bo, id="tok_3")]
        for token in tokens:
            await store.members.add_token(token, f"d-{token.id}", audit=an_act())
        ended = await store.members.remove(ada.id, by="operator", at=9, audit=an_act("member.remove"))
        assert sorted(ended) == ["tok_1", "tok_2"]
        holders = await store.members.holders(["tok_1", "tok_2", "tok_3", "tok_none"])
        assert {id_: holder.good_until(1) for id_, holder in holders.items()} == {"tok_1": -1, "tok_2": -1, "tok_3": 0}
        assert holders["tok_1"].token.revoked_by == "operator"
        assert await store.members.find("desk", "Ada") is None
        assert [row.scope for row in await store.secrets.list()] == [f"person:member:{bo.id}"]
        assert [member.name for member in await store.members.list("desk")] == ["Bo"]
        assert len(await store.members.list("desk", removed=True)) == 2
        with pytest.raises(NotFound):
            await store.members.remove(ada.id, by="operator", at=9, audit=an_act())
        await store.members.add(a_member("Ada"), audit=an_act())  # the name is free again

    async def test_a_token_is_found_by_its_digest_with_its_member(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        token = a_token(
            ada,
            name="laptop",
            hint="beef",
            allow=("orders__*",),
            deny=("orders__refund",),
            per_minute=60,
            per_month=5000,
            origin="oauth",
            client="https://client.example/id",
            family="fam_1",
            created_at=3,
            created_by="operator",
            expires_at=9,
        )
        await store.members.add_token(token, "digest-1", audit=an_act("token.create"))
        holder = await store.members.holder("digest-1")
        assert holder is not None
        assert (holder.token, holder.member) == (token, ada)
        assert (holder.good_until(8), holder.good_until(9)) == (9, -1)
        assert await store.members.holder("digest-2") is None
        assert await store.members.holder("") is None

    async def test_no_scopes_and_empty_scopes_are_not_the_same(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        for digest, allow in (("all", None), ("none", ())):
            await store.members.add_token(a_token(ada, allow=allow), digest, audit=an_act())
        found = [await store.members.holder(digest) for digest in ("all", "none")]
        assert [holder.token.allow for holder in found if holder is not None] == [None, ()]

    async def test_a_token_is_revoked_once(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        token = a_token(ada, name="laptop")
        await store.members.add_token(token, "d", audit=an_act())
        revoked = [
            await store.members.revoke_token(token.id, by=who, at=7, audit=an_act("token.revoke"))
            for who in ("ada", "bo")
        ]
        assert revoked == [True, False]
        (listed,) = await store.members.tokens(workspace="desk")
        assert (listed.revoked_at, listed.revoked_by) == (7, "ada")
        assert [audit.action for audit in await store.records.audits()].count("token.revoke") == 1
        with pytest.raises(NotFound):
            await store.members.revoke_token("tok_none", by="ada", at=7, audit=an_act())

    async def test_nobody_but_active_members_gets_a_token(self, store: Stores) -> None:
        pending = a_member(state="pending")
        await store.members.add(pending, audit=an_act())
        for member in (pending, a_member()):
            with pytest.raises(NotFound):
                await store.members.add_token(a_token(member), "d", audit=an_act())

    async def test_tokens_are_found_by_id_beginning_and_name(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        for id_, name in (("tok_aa", "laptop"), ("tok_ab", "phone"), ("tok_b", "phone")):
            await store.members.add_token(a_token(ada, id=id_, name=name), id_, audit=an_act())
        found = [await store.members.find_token("desk", text) for text in ("tok_aa", "laptop", "tok_b")]
        assert [token and token.id for token in found] == ["tok_aa", "tok_aa", "tok_b"]
        for text in ("phone", "tok_a"):
            with pytest.raises(Conflict):
                await store.members.find_token("desk", text)
        for workspace, text in (("desk", "tok_c"), ("desk", ""), ("desk", "tok%"), ("sales", "laptop")):
            assert await store.members.find_token(workspace, text) is None
        anywhere = await store.members.find_token("", "laptop")
        assert anywhere is not None
        assert anywhere.id == "tok_aa"

    async def test_use_is_noted_for_token_and_member_and_never_goes_back(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        token = a_token(ada)
        await store.members.add_token(token, "d", audit=an_act())
        for at in (50, 40):
            await store.members.note_use({token.id: at, "tok_none": at})
        holder = await store.members.holder("d")
        assert holder is not None
        assert (holder.token.last_used_at, holder.member.last_active_at) == (50, 50)
        await store.members.note_use({})

    async def test_an_invitation_lets_one_in_once(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        ada = a_member(state="pending", role="read-only", email="ada@example.org", created_at=now)
        await store.members.invite(ada, an_invitation(ada, now), "code", audit=an_act("member.invite"))
        assert (await store.members.find("desk", "Ada")) == ada
        results = await asyncio.gather(
            *(
                store.members.accept("code", a_token(ada, id=f"tok_{n}"), f"d{n}", at=now + 1, via="page")
                for n in range(5)
            ),
            return_exceptions=True,
        )
        (holder,) = [result for result in results if not isinstance(result, BaseException)]
        assert [type(result) for result in results if isinstance(result, BaseException)] == [NotFound] * 4
        assert (holder.member.state, holder.member.joined_at, holder.member.role) == ("active", now + 1, "read-only")
        assert holder.token.member_id == ada.id
        (token,) = await store.members.tokens(member_id=ada.id)
        assert token == holder.token
        (invitation,) = await store.members.invitations("desk")
        assert invitation.accepted_at == now + 1
        joined = [audit for audit in await store.records.audits() if audit.action == "member.join"]
        assert [(audit.actor, audit.via, audit.target) for audit in joined] == [("Ada", "page", "desk/Ada")]

    async def test_unknown_expired_and_withdrawn_invitations_are_refused_alike(
        self, store: Stores, database: Database
    ) -> None:
        now = database.clock.micros()
        for name in ("Ada", "Bo"):
            member = a_member(name, state="pending")
            await store.members.invite(member, an_invitation(member, now), f"code-{name}", audit=an_act())
        bo = await store.members.find("desk", "Bo")
        assert bo is not None
        await store.members.remove(bo.id, by="operator", at=now, audit=an_act())
        said: set[str] = set()
        for digest, at in (("code-none", now), ("code-Ada", now + _DAY), ("code-Bo", now)):
            with pytest.raises(NotFound) as refused:
                await store.members.accept(digest, a_token(bo), "d", at=at, via="page")
            said.add(str(refused.value))
        assert len(said) == 1
        assert await store.members.tokens() == []

    async def test_inviting_again_replaces_the_invitation_and_keeps_the_member(
        self, store: Stores, database: Database
    ) -> None:
        now = database.clock.micros()
        first, second = a_member(state="pending"), a_member(state="pending", role="admin", email="new@example.org")
        await store.members.invite(first, an_invitation(first, now), "code-1", audit=an_act())
        await store.members.invite(second, an_invitation(second, now), "code-2", audit=an_act())
        (listed,) = await store.members.list("desk")
        assert (listed.id, listed.role, listed.email) == (first.id, "admin", "new@example.org")
        with pytest.raises(NotFound):
            await store.members.accept("code-1", a_token(first), "d1", at=now, via="page")
        assert (await store.members.accept("code-2", a_token(first), "d2", at=now, via="page")).member.id == first.id
        with pytest.raises(Conflict):
            await store.members.invite(second, an_invitation(second, now), "code-3", audit=an_act())

    async def test_hostile_names_are_stored_harmless(self, store: Stores) -> None:
        await store.members.add(a_member("a\x00b\ud800"), audit=an_act())
        (listed,) = await store.members.list()
        assert "\x00" not in listed.name
        assert await store.members.find("desk", "a\x00b\ud800") == listed

    async def test_members_survive_a_restart(self, store: Stores, database: Database) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        await store.members.add_token(a_token(ada), "d", audit=an_act())
        await store.close()
        again = await database.open()
        holder = await again.members.holder("d")
        assert holder is not None
        assert holder.member == ada


def an_invitation(member: Member, now: int) -> Invitation:
    return Invitation(
        id=new_id("inv"), workspace=member.workspace, member_id=member.id, created_at=now, expires_at=now + _DAY
    )


def a_call(id_: str, member: Member) -> CallRecord:
    return CallRecord(
        id=id_,
        at=1,
        workspace=member.workspace,
        server="orders",
        tool="orders__find",
        principal_kind="member",
        principal=member.id,
        status="ok",
    )
