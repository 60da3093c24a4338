"""The contract of codes and refresh tokens of OAuth clients."""

from __future__ import annotations

__all__ = ["OAuthContract"]

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.core.oauth import OAuthKey
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.members import a_member, a_token, an_act


def a_key(**fields: Any) -> OAuthKey:
    return OAuthKey(
        kind=fields.pop("kind", "code"),
        family=fields.pop("family", "fam_1"),
        workspace="desk",
        member_id="mem_1",
        client="https://client.example/id",
        redirect_uri="http://127.0.0.1:1/cb",
        challenge="x",
        allow=("orders__*",),
        deny=("orders__refund",),
        per_minute=60,
        created_at=1,
        expires_at=fields.pop("expires_at", 100),
        **fields,
    )


class OAuthContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_a_key_is_spent_once_and_a_copy_is_noticed(self, store: Stores) -> None:
        key = a_key()
        await store.oauth_keys.add(key, "d1")
        results = await asyncio.gather(*(store.oauth_keys.spend("d1", "code", at=50) for _ in range(5)))
        assert [spent.key for spent in results if spent is not None] == [key] * 5
        assert sorted(spent.again for spent in results if spent is not None) == [False, True, True, True, True]

    async def test_unknown_expired_and_other_kinds_of_keys_are_none(self, store: Stores) -> None:
        await store.oauth_keys.add(a_key(), "d1")
        assert await store.oauth_keys.spend("d2", "code", at=50) is None
        assert await store.oauth_keys.spend("d1", "refresh", at=50) is None
        assert await store.oauth_keys.spend("d1", "code", at=100) is None
        assert await store.oauth_keys.expire(100) == 0
        assert await store.oauth_keys.expire(101) == 1

    async def test_access_tokens_that_expired_long_ago_are_forgotten_and_others_are_not(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        for id_, origin, expires_at in (("a", "oauth", 5), ("b", "oauth", 50), ("c", "token", 5), ("d", "token", 0)):
            token = a_token(ada, id=id_, origin=origin, expires_at=expires_at)
            await store.members.add_token(token, id_, audit=an_act())
        assert await store.oauth_keys.expire(10) == 1
        assert {token.id for token in await store.members.tokens()} == {"b", "c", "d"}

    async def test_a_family_ends_together_and_alone(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        for id_, family in (("tok_1", "fam_1"), ("tok_2", "fam_1"), ("tok_3", "fam_2"), ("tok_4", "")):
            await store.members.add_token(a_token(ada, id=id_, family=family), id_, audit=an_act())
        await store.oauth_keys.add(a_key(kind="refresh"), "d1")
        await store.oauth_keys.add(a_key(kind="refresh", family="fam_2"), "d2")
        assert sorted(await store.oauth_keys.end_family("fam_1", by="ada", at=9)) == ["tok_1", "tok_2"]
        assert await store.oauth_keys.end_family("fam_1", by="ada", at=9) == []
        assert await store.oauth_keys.end_family("", by="ada", at=9) == []
        ended = await store.oauth_keys.spend("d1", "refresh", at=10)
        assert ended is not None
        assert ended.again
        assert [await store.oauth_keys.is_over(family) for family in ("fam_1", "fam_2", "")] == [True, False, False]
        other = await store.oauth_keys.spend("d2", "refresh", at=10)
        assert other is not None
        assert not other.again
        holders = await store.members.holders(["tok_1", "tok_3", "tok_4"])
        assert {id_: holder.good_until(10) for id_, holder in holders.items()} == {"tok_1": -1, "tok_3": 0, "tok_4": 0}

    async def test_revoking_one_token_of_a_family_ends_it_all(self, store: Stores) -> None:
        ada = a_member()
        await store.members.add(ada, audit=an_act())
        for id_ in ("tok_1", "tok_2"):
            await store.members.add_token(a_token(ada, id=id_, family="fam_1"), id_, audit=an_act())
        await store.oauth_keys.add(a_key(kind="refresh"), "d1")
        await store.members.revoke_token("tok_1", by="ada", at=9, audit=an_act())
        assert await store.oauth_keys.is_over("fam_1")
        assert {holder.good_until(10) for holder in (await store.members.holders(["tok_1", "tok_2"])).values()} == {-1}
        spent = await store.oauth_keys.spend("d1", "refresh", at=10)
        assert spent is not None
        assert spent.again
