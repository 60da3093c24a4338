"""`auth_gate` on a journal in memory: death at every commit, the other methods, and the mathematics of codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.app.delivery import Deliveries
from botkit.app.identity_desk import Codes
from botkit.core.delivery import CheckedCode, Mail, NotDelivered, NotSetUp, Undelivered
from botkit.core.identity import Challenge, Verification
from botkit.core.journal import Wait
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.limits import SlidingWindow
from botkit.gateway.serving.sealing import Sealer
from botkit.testing.clock import ManualClock
from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from tests.workflows.memory import MemoryRun

KEY, OTHER_KEY = "11" * 32, "22" * 32
ADA = "ada@example.com"


class Shelf:
    """`Verifications` in memory."""

    def __init__(self) -> None:
        self.kept: list[Verification] = []

    async def put(self, verification: Verification) -> None:
        self.kept = [one for one in self.kept if one.address != verification.address] + [verification]

    async def of(self, person_id: str, *, now: int) -> Sequence[Verification]:
        return [one for one in self.kept if one.person_id == person_id and one.expires_at > now]

    async def forget(self, person_id: str) -> int:
        return 0


class Post:
    """Stands for every way out; `codes` for a service that makes and checks codes itself."""

    repeatable = False

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.texts: list[tuple[str, str]] = []
        self.service: Service | None = None
        self.missing = False

    def mailer(self) -> Post:
        if self.missing:
            raise NotSetUp("no mail can be sent")
        return self

    def texter(self) -> Texts:
        return Texts(self.texts)

    def sms_codes(self) -> Service | None:
        return self.service

    def own_codes(self) -> Service:
        if self.service is None:
            raise NotSetUp("nobody checks identities")
        return self.service

    async def send(self, mail: Mail, *, key: str) -> str:
        self.mails.append(mail)
        return "1"


class Texts:
    def __init__(self, sent: list[tuple[str, str]]):
        self._sent = sent

    async def send(self, to: str, text: str, *, code: str = "", key: str) -> str:
        assert code in text
        self._sent.append((to, text))
        return "1"


class Service:
    """A service that makes and checks codes itself."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.asked: list[tuple[str, str, str]] = []
        self.down: Exception | None = None

    async def send(self, to: str, *, person: str, key: str) -> str:
        self.sent.append(to)
        return f"ref-{len(self.sent)}"

    async def check(self, to: str, code: str, *, person: str, reference: str) -> CheckedCode:
        if self.down is not None:
            raise self.down
        self.asked.append((to, code, reference))
        return CheckedCode(verified=code == "blue", identity={"customer": 17})


def desk(clock: ManualClock, post: Post, shelf: Shelf | None = None, key: str = KEY) -> Codes:
    keys = EnvironmentKeys(key)
    seal = Sealer(keys, lambda: clock.micros() / 1_000_000)
    ways = cast("Deliveries", post)
    return Codes(keys, seal, ways, shelf or Shelf(), SlidingWindow(clock), clock, lambda: "https://bots.example.com")


def a_run(post: Post, shelf: Shelf | None = None, **data: Any) -> MemoryRun:
    graph = Graph(
        name="flow",
        nodes=(
            GraphNode(id="gate", type="auth_gate", data={"to": ADA, **data}),
            GraphNode(id="in", type="set_variable", data={"values": {"who": "{{ verified_identity.address }}"}}),
            GraphNode(id="out", type="set_variable", data={"values": {"who": "nobody: {{ gate.reason }}"}}),
        ),
        edges=(
            GraphEdge(source="gate", target="in", handle="verified"),
            GraphEdge(source="gate", target="out", handle="failed"),
        ),
    )
    run = MemoryRun(graph)
    run.services = replace(run.services, identity=desk(run.clock, post, shelf))
    return run


def says(run: MemoryRun, words: Callable[[], str | None]) -> Callable[[Wait], dict[str, Any] | None]:
    """A person who answers each question."""

    def answer(wait: Wait) -> dict[str, Any] | None:
        said = words()
        assert run.services.identity is not None
        return None if said is None else {"sealed": run.services.identity.seal(said)}

    return answer


def code_of(mail: Mail) -> str:
    found = re.search(r"\b\d{6}\b", mail.text)
    assert found is not None
    return found[0]


def who(run: MemoryRun, outcome: Any) -> tuple[str, tuple[str, ...]]:
    return outcome.state, outcome.path


@pytest.mark.parametrize("after", [False, True])
async def test_death_at_any_commit_loses_neither_the_person_nor_their_code(after: bool) -> None:
    died = 0
    for die_at in range(1, 40):
        post, shelf = Post(), Shelf()
        run = a_run(post, shelf)
        run.die_at, run.die_after_commit = die_at, after
        tried: list[str] = []

        def words(post: Post = post, tried: list[str] = tried) -> str:
            code = code_of(post.mails[-1])
            tried.append("wrong" if not tried else "right")
            return f"{(int(code) + 1) % 1_000_000:06d}" if tried[-1] == "wrong" else code

        outcome = await run.finish(says(run, words))
        assert who(run, outcome) == ("completed", ("gate", "in"))
        assert len({code_of(mail) for mail in post.mails}) == 1, "a repeat brings the same code"
        assert len(post.mails) <= 2
        assert [one.address for one in shelf.kept] == [ADA]
        assert tried == ["wrong", "right"]
        died += run.commits >= die_at
        if run.commits < die_at:
            break
    assert died > 5


async def test_a_code_by_short_message() -> None:
    post = Post()
    run = a_run(post, method="sms_otp", to="+49 170 1234567")
    outcome = await run.finish(says(run, lambda: post.texts[-1][1].split()[0]))
    assert post.texts[0][0] == "+491701234567"
    assert who(run, outcome) == ("completed", ("gate", "in"))


async def test_a_service_that_makes_and_checks_codes_itself() -> None:
    post, shelf = Post(), Shelf()
    post.service = Service()
    run = a_run(post, shelf, method="custom", to="C-17")
    words = iter(["red", "Blue", "blue"])
    outcome = await run.finish(says(run, lambda: next(words)))
    assert who(run, outcome) == ("completed", ("gate", "in"))
    assert post.service.asked == [("C-17", "red", "ref-1"), ("C-17", "Blue", "ref-1"), ("C-17", "blue", "ref-1")]
    assert shelf.kept[0].details == {"customer": 17}


@pytest.mark.parametrize("down", [NotDelivered("away", retryable=True), Undelivered("no answer")])
async def test_a_service_that_is_away_costs_no_attempt(down: Exception) -> None:
    post = Post()
    post.service = Service()
    run = a_run(post, method="custom", to="C-17", attempts=1)
    service, times = post.service, iter(range(10))

    def words() -> str:
        service.down = down if next(times) < 3 else None
        return "blue"

    outcome = await run.finish(says(run, words))
    assert who(run, outcome) == ("completed", ("gate", "in"))


async def test_without_a_way_out_the_run_fails() -> None:
    post = Post()
    post.missing = True
    run = a_run(post)
    outcome = await run.finish()
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "not_set_up"


async def test_an_answer_in_clear_or_sealed_elsewhere_is_none() -> None:
    post = Post()
    run = a_run(post)
    stranger = desk(run.clock, post, key=OTHER_KEY)

    def answer(wait: Wait) -> dict[str, Any] | None:
        code = code_of(post.mails[-1])
        number = int(wait.key.rpartition("/")[2])
        return [{"text": code}, {"sealed": stranger.seal(code)}, {"fields": {"answer": code}}, {"nonce": "x"}, None][
            number
        ]

    outcome = await run.finish(answer)
    assert who(run, outcome) == ("completed", ("gate", "out"))


_words = st.text(min_size=1, max_size=12)
_challenges = st.builds(
    Challenge,
    run_id=_words,
    path=_words,
    person_id=_words,
    conversation=_words,
    method=st.sampled_from(["email_otp", "sms_otp"]),
    to=_words,
    nonce=_words,
    sent_at=st.just(0),
    expires_at=st.just(1),
)


def code(codes: Codes, challenge: Challenge) -> str:
    return codes._code(challenge, codes._peppers()[0])  # pyright: ignore[reportPrivateUsage] - what nobody is told


@settings(max_examples=200, derandomize=True)  # one pair in a million agrees by chance
@given(_challenges, st.sampled_from(["run_id", "path", "person_id", "conversation", "to", "nonce"]), _words)
async def test_a_code_fits_what_it_is_bound_to_and_no_more(challenge: Challenge, field: str, value: str) -> None:
    clock, post = ManualClock(), Post()
    codes = desk(clock, post)
    right = code(codes, challenge)
    assert re.fullmatch(r"\d{6}", right)
    assert (await codes.check(challenge, f"it is {right}")).verified
    assert not (await codes.check(challenge, right + "0")).verified
    assert not (await codes.check(msgspec.structs.replace(challenge, decoy=True), right)).verified
    assert not (await codes.check(msgspec.structs.replace(challenge, method="magic_link"), right)).verified
    changed = msgspec.structs.replace(challenge, **{field: value})
    if changed != challenge:
        assert not (await codes.check(changed, right)).verified


PLAIN = Challenge(
    run_id="r",
    path="p",
    person_id="a",
    conversation="c",
    method="email_otp",
    to=ADA,
    nonce="n",
    sent_at=0,
    expires_at=1,
)


async def test_codes_are_spread_evenly_and_another_key_makes_others() -> None:
    clock, post = ManualClock(), Post()
    mine, theirs = desk(clock, post), desk(clock, post, key=OTHER_KEY)
    all_ = [msgspec.structs.replace(PLAIN, nonce=str(number)) for number in range(3000)]
    first = Counter(code(mine, one)[0] for one in all_)
    assert set(first) == set("0123456789")
    assert max(first.values()) < 400
    assert len({code(mine, one) for one in all_}) > 2980
    assert sum(code(mine, one) == code(theirs, one) for one in all_) <= 3


async def test_a_code_is_good_while_its_key_is_known() -> None:
    clock, post = ManualClock(), Post()
    before = desk(clock, post)
    sent = code(before, PLAIN)
    rotating = desk(clock, post, key=f"{OTHER_KEY},{KEY}")
    assert (await rotating.check(PLAIN, sent)).verified
    assert not (await desk(clock, post, key=OTHER_KEY).check(PLAIN, sent)).verified
