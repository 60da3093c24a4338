"""A law over random graphs: a run that was killed and resumed is the run that was not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.core.workflows import WorkflowOutcome
from tests.workflows.memory import Died, MemoryRun
from tests.workflows.nodes_for_tests import OWN, world
from tests.workflows.random_graphs import Corpus, corpora

_QUICK = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
)
_LONG = settings(_QUICK, max_examples=500)


def _mark(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}{key}".encode()).digest()[:4], "big")


def _answer(run: MemoryRun, seed: int) -> None:
    """One open question is answered or runs out; which and how follows from its key alone."""
    wait = min((wait for wait in run.waits.values() if wait.state == "open"), key=lambda wait: _mark(seed, wait.key))
    answered = wait.kind == "reply" and _mark(0, wait.key) % 3 > 0
    state, answer = ("answered", {"text": wait.key}) if answered else ("expired", None)
    run.waits[wait.key] = msgspec.structs.replace(wait, state=state, answer=answer)


class Life:
    """A run to its end, over deaths at these commits (counted over all lives)."""

    def __init__(self, corpus: Corpus, *, seed: int = 0, deaths: Sequence[int] = (), after: bool = False):
        self.run = MemoryRun(corpus.graph, nodes=OWN, others=corpus.others)
        self.seed = seed
        self.deaths = list(deaths)
        self.run.die_after_commit = after
        self.died = 0
        self.outcome = asyncio.run(self._whole())

    async def _whole(self) -> WorkflowOutcome:
        world.set(self.run.effects)
        for _ in range(3000):
            self.run.die_at = next((death for death in self.deaths if death > self.run.commits), 0)
            try:
                outcome = await self.run.live()
            except Died:
                self.died += 1
                continue
            if outcome is not None:
                return outcome
            _answer(self.run, self.seed)
        raise AssertionError("the run does not end")

    @property
    def told(self) -> dict[str, Any]:
        """Everything that must not depend on deaths."""
        outcome = self.outcome
        return {
            "state": outcome.state,
            "output": outcome.output,
            "error": outcome.error,
            "text": outcome.text,
            "path": sorted(outcome.path),
            "compensated": sorted(outcome.compensated),
            "sent": {key: part.text for key, part in self.run.sent.items()},
            "effects": set(self.run.effects.done),
            "waits": {key: wait.state for key, wait in self.run.waits.items()},
        }


def check_deaths(corpus: Corpus, deaths: Sequence[int] | None, *, after: bool) -> None:
    whole = Life(corpus)
    assert whole.run.effects.done.total() == len(whole.run.effects.done), "nothing is done twice while all is well"
    assert whole.told == Life(corpus).told, "the same again is the same"
    for death in deaths if deaths is not None else range(1, whole.run.commits + 1):
        at = 1 + (death - 1) % max(1, whole.run.commits)
        killed = Life(corpus, deaths=(at,), after=after)
        assert killed.told == whole.told, f"killed at commit {at}"
        twice = killed.run.effects.done - whole.run.effects.done
        if not corpus.side_by_side:
            assert twice.total() <= (0 if after else 1), f"killed at commit {at}: {twice}"
        assert max(killed.run.effects.done.values(), default=0) <= 2


_SOME = st.lists(st.integers(1, 200), min_size=1, max_size=6)


@_QUICK
@given(corpora(), _SOME, st.booleans())
def test_a_killed_run_of_any_graph_ends_like_one_that_was_not(corpus: Corpus, deaths: list[int], after: bool):
    check_deaths(corpus, deaths, after=after)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("after", [False, True])
def test_at_every_commit_of_very_many_graphs(after: bool):
    @_LONG
    @given(corpora(depth=3, size=6))
    def law(corpus: Corpus) -> None:
        check_deaths(corpus, None, after=after)

    law()


@_QUICK
@given(corpora(), _SOME, st.booleans())
def test_a_run_that_dies_again_and_again_ends_the_same(corpus: Corpus, gaps: list[int], after: bool):
    whole = Life(corpus)
    points: list[int] = []
    for gap in gaps:
        points.append((points[-1] if points else 0) + 1 + gap % 7)
    assert Life(corpus, deaths=points, after=after).told == whole.told


@_QUICK
@given(corpora(races=True), _SOME, st.booleans())
def test_races_are_decided_once_and_undone_once(corpus: Corpus, deaths: list[int], after: bool):
    for death in (0, *deaths):
        life = Life(corpus, deaths=(death,) if death else (), after=after)
        assert len(set(life.outcome.compensated)) == len(life.outcome.compensated)
        assert max(life.run.effects.done.values(), default=0) <= 1 + life.died
        assert all(wait.state != "open" for wait in life.run.waits.values()), "nobody is left being asked"


@_QUICK
@given(corpora(), st.integers(1, 1000))
def test_the_order_of_answers_decides_nothing_of_the_way(corpus: Corpus, seed: int):
    graphs = (corpus.graph, *corpus.others.values())
    if any(node.type in ("flaky", "faulty") for graph in graphs for node in graph.nodes):
        return  # a failure that comes first calls off what else was asked
    one, other = Life(corpus), Life(corpus, seed=seed)
    assert one.told["path"] == other.told["path"]
    assert one.told["effects"] == other.told["effects"]
    assert one.told["waits"] == other.told["waits"]


@_QUICK
@given(corpora(), st.integers(1, 12), _SOME)
def test_no_node_beyond_the_limit_is_begun(corpus: Corpus, limit: int, deaths: list[int]):
    graph = msgspec.structs.replace(corpus.graph, max_nodes=limit)
    bounded = Corpus(graph, corpus.others, corpus.side_by_side, corpus.handled)
    for death in (0, *deaths):
        life = Life(bounded, deaths=(death,) if death else ())
        begun = {path for path in life.outcome.path if not path.startswith("~")}
        assert len(begun) <= limit
        if life.outcome.state == "limit_reached":
            assert (life.outcome.error or {})["value"] == limit
