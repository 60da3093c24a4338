"""Kills and freezes at random moments while several people write: nothing lost, nothing doubled, order kept."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import psycopg
import pytest
from psycopg import sql

from tests.chaos.field import Field, Home
from tests.store.conftest import database_url

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("BOTKIT_TEST_KILLS", "200"))
"""Random kills under load, two in three of them with Telegram."""


class People:
    """Who said what, in order; each message is unique."""

    def __init__(self, count: int, seed: int, say: Callable[[str, str], object]):
        self.said: dict[str, list[str]] = {}
        self.total = 0
        self._count = count
        self._chance = random.Random(seed)
        self._say = say

    def speak(self, messages: int) -> None:
        for _ in range(messages):
            who = f"p{self._chance.randrange(self._count)}"
            text = f"{who}-{self.total}"
            self._say(who, text)
            self.said.setdefault(who, []).append(text)
            self.total += 1

    def moment(self, longest_s: float) -> None:
        """Pass a random time, which has nothing to do with what the processes are doing."""
        time.sleep(self._chance.uniform(0.0, longest_s))


def kill_at_random(home: Home, people: People, kills: int) -> None:
    for kill in range(kills):
        people.speak(2)
        home.start()
        before = home.counts().get("messages", 0)
        if kill % 4 == 0:  # let some work through; elsewhere the kill may hit the start itself
            home.until(lambda before=before: home.counts().get("messages", 0) > before, "a message")
        people.moment(0.5)
        home.kill()
    home.start()
    home.until(lambda: home.settled(people.total, held=True), "everything to be dealt with")
    home.kill()


def check_effects(home: Home, people: People) -> None:
    """Each at most once, and for one person in the order of their messages.

    A process that froze with a call under way makes it when it goes on, whatever happened meanwhile: such a call is
    asked about (`reconcile`), so its place is not looked at.
    """
    lines, doubted = home.effects(), home.doubted()
    assert [text for text, times in Counter(lines).items() if times > 1] == [], "doubled effects"
    for texts in people.said.values():
        known = [text for text in texts if f'"{text}"' not in doubted]
        assert [text for text in lines if text in known] == [text for text in known if text in lines]


def check_answers(
    people: People, told: Mapping[str, Sequence[str]], *, unknown: Sequence[str], waiting: int, in_order: bool = True
) -> None:
    """Each at most once and in order; what is missing is held, or waits for an operator, who was told."""
    lost: list[str] = []
    for who, texts in people.said.items():
        order = [text.removeprefix("done: ") for text in told.get(who, ()) if text.startswith("done: ")]
        assert len(order) == len(set(order)), f"doubled: {who}"
        if in_order:
            assert order == [text for text in texts if text in order], f"order: {who}"
        lost += [text for text in texts if text not in order and f"done: {text}" not in unknown]
    assert len(lost) == waiting, f"{lost} lost, {waiting} wait"


def test_random_kills_with_telegram(field: Field) -> None:
    home = field.home(policy="hold")
    chats: dict[str, str] = {}

    def say(who: str, text: str) -> None:
        chats[str(field.telegram.do("say", who=who, text=text)["chat_id"])] = who

    people = People(12, 20261121, say)
    kill_at_random(home, people, KILLS * 2 // 3)

    told: dict[str, list[str]] = {}
    for message in field.telegram.look("sent"):
        told.setdefault(chats.get(str(message["chat_id"]), ""), []).append(message["text"])
    check_effects(home, people)
    check_answers(people, told, unknown=home.unknown_parts(), waiting=home.reconciling())


def test_random_kills_where_the_platform_knows_a_repeated_message(field: Field) -> None:
    home = field.home(platform="board", stream=True)
    people = People(6, 20261122, home.say)
    kill_at_random(home, people, KILLS // 3)
    home.start()
    home.until(lambda: home.settled(people.total), "what is unknown to be settled")
    home.kill()

    check_effects(home, people)
    told = {who: home.told(who) for who in people.said}
    check_answers(people, told, unknown=(), waiting=home.reconciling())
    assert all(len(home.told(who)) == len(texts) for who, texts in people.said.items()), "one message for each"


def test_random_freezes_of_one_of_two_processes(field: Field, postgres_template: str) -> None:
    """Both serve the same people; now one, now the other stands still past its lease, under load."""
    with psycopg.connect(postgres_template, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE load TEMPLATE botkit_template"))
    database = database_url(postgres_template, "load")
    first = field.home(platform="board", database=database, lease_s=3.0)
    second = field.home(platform="board", beside=first, lease_s=3.0)
    people = People(5, 20261123, first.say)
    first.start()
    second.start()

    def dealt_with(by: Home) -> bool:
        by.revive()
        return by.settled(people.total)

    def living(by: Home) -> int:
        by.revive()
        return by.ask("SELECT count(*) FROM owners")[0][0]

    def both_live(one: Home, two: Home) -> bool:
        one.revive()
        return living(two) == 2

    for frozen, other in ((first, second), (second, first), (first, second)):
        other.until(lambda frozen=frozen, other=other: both_live(frozen, other), "both to run")
        people.speak(10)
        people.moment(0.4)
        frozen.revive()
        assert frozen.child is not None
        frozen.child.send(signal.SIGSTOP)
        people.speak(5)
        other.until(lambda other=other: living(other) == 1, "the other to find its lease run out")
        other.until(lambda other=other: dealt_with(other), "the other to take over")
        frozen.thaw()
        people.speak(5)
        frozen.until(lambda frozen=frozen: not frozen.alive, "the frozen one to give up")
        frozen.start()
        other.until(lambda other=other: dealt_with(other), "all to be dealt with")
    for home in (first, second):
        home.kill()

    check_effects(first, people)
    told = {who: first.told(who) for who in people.said}
    # A reply that one process was about to send when it froze is sent by the other once the lease has run out; what
    # the other answered meanwhile did not wait for it. What was done, above, is in order all the same.
    check_answers(people, told, unknown=(), waiting=first.reconciling(), in_order=False)
