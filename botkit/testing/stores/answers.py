"""The contract of answers kept for identical model calls."""

from __future__ import annotations

__all__ = ["AnswersContract"]

from collections.abc import AsyncIterator

import pytest

from botkit.core.answers import KeptAnswer
from botkit.core.events import User
from botkit.core.models import ModelReply, Usage
from botkit.testing.stores.database import Database, Stores

_HOUR = 3_600_000_000


def an_answer(key: str, *, at: int = 0, model: str = "fast", person: str = "", ttl: int = _HOUR) -> KeptAnswer:
    reply = ModelReply(text=f"About {key} \x00", model="openai/gpt-5-mini", usage=Usage(input_tokens=3, cost_micros=9))
    return KeptAnswer(key=key, reply=reply, model=model, person_id=person, at=at, expires_at=at + ttl)


class AnswersContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_an_answer_is_given_again_until_its_time_is_over(self, store: Stores) -> None:
        await store.answers.put(an_answer("a"), most=10)
        found = await store.answers.get("a", now=_HOUR - 1)
        assert found is not None
        assert (found.reply.text, found.reply.usage.cost_micros) == ("About a \x00", 9)
        assert await store.answers.get("a", now=_HOUR) is None
        assert await store.answers.get("b", now=0) is None

    async def test_a_newer_answer_takes_the_place_of_the_older(self, store: Stores) -> None:
        await store.answers.put(an_answer("a"), most=10)
        await store.answers.put(an_answer("a", at=_HOUR, person="per_1"), most=10)
        found = await store.answers.get("a", now=_HOUR + 1)
        assert found is not None
        assert (found.at, found.person_id) == (_HOUR, "per_1")

    async def test_the_oldest_of_a_model_go_when_there_are_too_many(self, store: Stores) -> None:
        await store.answers.put(an_answer("other", model="strong"), most=10)
        for number in range(5):
            await store.answers.put(an_answer(f"k{number}", at=number), most=3)
        kept = [number for number in range(5) if await store.answers.get(f"k{number}", now=10) is not None]
        assert kept == [2, 3, 4]
        assert await store.answers.get("other", now=10) is not None

    async def test_answers_go_with_the_person_they_were_for(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", User(id="1", name="Ada"))
        await store.answers.put(an_answer("hers", person=ada.id), most=10)
        await store.answers.put(an_answer("others", person="per_bo"), most=10)
        rows = [row async for row in store.lifecycle.export_person(ada.id) if row["table"] == "kept_answers"]
        assert [row["reply"]["text"] for row in rows] == ["About hers \x00"]
        await store.lifecycle.erase_person(ada.id, actor="operator")
        assert await store.answers.get("hers", now=1) is None
        assert await store.answers.get("others", now=1) is not None

    async def test_answers_go_when_their_time_is_over_or_that_of_conversations(
        self, store: Stores, database: Database
    ) -> None:
        now = database.clock.micros()
        await store.answers.put(an_answer("over", at=now - 2 * _HOUR), most=10)
        await store.answers.put(an_answer("long", at=now - 2 * _HOUR, ttl=99 * _HOUR), most=10)
        await store.answers.put(an_answer("new", at=now), most=10)
        assert await store.lifecycle.expire() == {"kept_answers": 1}
        assert await store.lifecycle.expire(messages_before=now - _HOUR) == {"kept_answers": 1}
        assert await store.answers.get("new", now=now) is not None
