"""Workflows, killed wherever they can be: every node once, every message once, every question answered once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as made_by

import pytest

from tests.chaos.field import Field, Home

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

FLOW = """
workflows:
  flow:
    steps:
      - mcp_tool: {tool: ledger__look, arguments: {text: "{{ message.text }}"}}
        id: look
      - wait_for_reply: {question: "Which order?"}
        id: order
      - mcp_tool: {tool: ledger__record, arguments: {text: "order {{ order.text }}"}}
        id: note
        compensate: [{mcp_tool: {tool: ledger__record, arguments: {text: "undone"}}, id: undo}]
      - delay: {seconds: 0.3}
        id: later
      - parallel: {wait_for: all}
        id: both
        branches:
          left: [{mcp_tool: {tool: ledger__record, arguments: {text: left}}, id: left_note}]
          right:
            - loop: {times: 2}
              id: twice
              body: [{mcp_tool: {tool: ledger__record, arguments: {text: "round {{ index }}"}}, id: round}]
      - sub_workflow: {workflow: inner, input: {about: "{{ order.text }}"}}
        id: called
      - human_handoff: {reason: "600 for {{ order.text }}", tell: "Somebody looks at it."}
        id: boss
        rejected: [{send_message: {text: "No."}, id: no}, {logic: {condition: "[1][5] == 1"}, id: broken}]
      - send_message: {text: "Done with {{ order.text }}."}
        id: end
  inner:
    steps:
      - mcp_tool: {tool: ledger__record, arguments: {text: "inner {{ input.about }}"}}
        id: inside
"""
DONE = ["order 7", "left", "round 0", "round 1", "inner 7"]
PATH = ["look", "order", "note", "later", "both/left/left_note", "both/right/twice/0/round", "both/right/twice/1/round",
        "both/right/twice", "both", "called/inside", "called", "boss", "end"]  # fmt: skip
TOGETHER = 4
"""Homes that are driven at the same time."""


@dataclass
class Person:
    """Somebody who answers what they are asked, once."""

    home: Home
    verdict: str
    kill_at: str = ""
    answered: set[str] = made_by(default_factory=set[str])

    def begin(self) -> None:
        self.home.say("boss", "hello")
        self.home.start(kill_at=self.kill_at)

    @property
    def run(self) -> tuple[str, str]:
        """(state, what it waits for)"""
        found = self.home.ask("SELECT state, waiting_for FROM runs ORDER BY started_at")
        return (str(found[0][0]), str(found[0][1])) if found else ("", "")

    def look(self, *, revive: bool = True) -> bool:
        """Do what is to be done now; True when the run has ended and everything is delivered."""
        if revive:
            self.home.revive()
        if "unreadable" in self.home.counts():
            return False
        for message in self.home.shown("boss"):
            if message["versions"][-1] == "Which order?" and "reply" not in self.answered:
                self.answered.add("reply")
                self.home.say("boss", "7")
            if self.verdict in message["buttons"] and "press" not in self.answered:
                self.answered.add("press")
                self.home.press("boss", message["id"], self.verdict)
        state, waiting_for = self.run
        counts = self.home.counts()  # after the state: what was to be sent is there once the run has ended
        ended = state in ("completed", "failed") or (state, waiting_for) == ("waiting", "reconcile")
        return (
            ended
            and "unreadable" not in counts
            and not counts["undone"]
            and not counts["unsent"]
            and not counts["running"]
        )


def drive(field: Field, boundaries: Sequence[str], verdict: str) -> list[Person]:
    """One home for each boundary to die at, all to their ends."""

    people = [Person(field.home(platform="board", workflows=FLOW), verdict, boundary) for boundary in boundaries]
    for start in range(0, len(people), TOGETHER):
        for person in people[start : start + TOGETHER]:
            person.begin()
        for person in people[start : start + TOGETHER]:
            person.home.until(person.look, f"the end after a kill at {person.kill_at!r}")
        for person in people[start : start + TOGETHER]:
            person.home.kill()
    return people


def check(person: Person) -> None:
    """The promise, for one run."""
    home, where = person.home, person.kill_at
    recorded, told = home.recorded(), Counter(home.told("boss"))
    assert max(recorded.values(), default=0) <= 1, f"{where}: {recorded}"
    lost = int(home.ask("SELECT count(*) FROM waits WHERE kind = 'reconcile'")[0][0])
    for text, times in told.items():  # of two calls that were lost side by side, each is asked about
        assert times <= (lost if text.startswith("I lost the connection") else 1), f"{where}: {told}"
    if person.run[1] == "reconcile":
        return
    undone = {"undone": 1} if person.verdict == "Reject" else {}
    assert recorded == {**dict.fromkeys(DONE, 1), **undone}, where
    assert told["Which order?"] == 1, where
    output = json.loads(home.ask("SELECT output FROM runs")[0][0])
    walked = [path for path in output["path"] if not path.startswith("~")]
    if person.verdict == "Approve":
        assert sorted(walked) == sorted(PATH), where
        assert told["Done with 7."] == 1, where
    else:
        assert output["compensated"] == ["note"], where
        assert told["No."] == 1, where


@pytest.fixture(scope="module")
def undisturbed(field: Field) -> list[str]:
    """All boundaries of such a run."""
    (alive,) = drive(field, [""], "Approve")
    check(alive)
    return alive.home.passed()


def test_a_kill_at_every_boundary_of_a_workflow_repeats_and_loses_nothing(field: Field, undisturbed: list[str]) -> None:
    # after one write and before the next nothing happens but the effect itself
    boundaries = [name for name in undisturbed if name.startswith("before write") or "send" in name]
    people = drive(field, boundaries, "Approve")
    for person in people:
        check(person)
    killed = sum(person.home.log.exists() for person in people)
    uncertain = [person.kill_at for person in people if person.run[1] == "reconcile"]
    assert killed >= len(boundaries) * 3 // 4
    assert uncertain, "a kill in a call cannot be certain; if it is, nothing was proven"
    assert len(uncertain) <= 2 * len(DONE), uncertain


def test_what_was_done_is_undone_once_wherever_the_undoing_is_killed(field: Field, undisturbed: list[str]) -> None:
    (alive,) = drive(field, [""], "Reject")
    check(alive)
    passed = alive.home.passed()
    boundaries = [name for name in passed[-24:] if name.startswith("before write")]
    people = drive(field, boundaries, "Reject")
    for person in people:
        check(person)
    assert any(person.home.log.exists() for person in people)
