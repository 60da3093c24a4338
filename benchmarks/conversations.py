"""Long conversations with large tool results, the same in every run: what is said, what tools answer, what is asked.

Each conversation plants facts in what the person says and in the middle of what tools return, goes on about other
things, and then asks for each of them. The answer to a question is a text that stands nowhere else.
"""

from __future__ import annotations

__all__ = ["Conversation", "Question", "Turn", "conversations"]

import json
import random
from dataclasses import dataclass, field

_TOPICS = ("kettles", "bicycles", "train tickets", "the printer", "a new desk", "the garden fence", "solar panels")
_REMARKS = (
    "Thanks. Can you tell me a little more about {topic}, what to look out for and what it costs over the years?",
    "And how would you compare {topic} with what most people choose? Take your time.",
    "Let us go on with {topic}: what would you do next in this place?",
)
_ANSWER = (
    "About {topic}: most people look at price first, then at how long it lasts and who repairs it. A sensible order is "
    "to write down what you need, to compare three offers, and to ask what happens when something breaks. "
) * 2
_FACTS = (
    ("I am allergic to {value}.", "What am I allergic to?", "allergic"),
    ("My dog is called {value}.", "What is the name of my dog?", "dog"),
    ("I live in {value} since last spring.", "Where do I live?", "live"),
    ("I prefer to be called {value}.", "How do I want to be called?", "called"),
    ("My membership number is {value}.", "What is my membership number?", "membership"),
)


@dataclass(frozen=True)
class Turn:
    """One message of the person, with what the model asks of tools before it answers."""

    text: str
    answer: str
    customer: str = ""
    """Whose report the model asks `shop__report` for; empty: it asks for none."""
    report: str = ""
    """What the tool returns."""


@dataclass(frozen=True)
class Question:
    text: str
    answer: str
    find: str
    """A word that stands beside the answer, as somebody would look it up."""
    kind: str
    """`said` by the person, or `result` of a tool."""


@dataclass(frozen=True)
class Conversation:
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...] = field(default=())


def conversations(count: int = 6, turns: int = 36) -> list[Conversation]:
    """The set; a smaller one is the beginning of a larger one."""
    return [_conversation(random.Random(f"conversation {number}"), turns) for number in range(count)]


def _conversation(dice: random.Random, turns: int) -> Conversation:
    made: list[Turn] = []
    questions: list[Question] = []
    facts = list(_FACTS)
    for number in range(turns):
        topic = dice.choice(_TOPICS)
        text = dice.choice(_REMARKS).format(topic=topic)
        customer = report = ""
        if facts and number % 4 == 1:
            said, asked, find = facts.pop(0)
            value = _word(dice)
            text = f"{said.format(value=value)} {text}"
            questions.append(Question(asked, value, find, "said"))
        if number % 4 == 2:
            customer, code = f"customer {_word(dice)}", f"RC-{dice.randrange(10**8):08}"
            make = _orders if number % 8 == 2 else _log
            text, report = f"Look at the report of {customer}. {text}", make(dice, customer, code)
            questions.append(Question(f"Which code stood in the report of {customer}?", code, customer, "result"))
        made.append(Turn(text, _ANSWER.format(topic=topic), customer, report))
    return Conversation(tuple(made), tuple(questions))


def _orders(dice: random.Random, customer: str, code: str) -> str:
    """Some 100 KB of JSON; what matters stands in one of 600 orders."""
    rows = [
        {
            "id": f"ORD-{dice.randrange(10**6):06}",
            "customer": f"customer {_word(dice)}",
            "code": f"RC-{dice.randrange(10**8):08}",
            "total": dice.randrange(1, 90_000) / 100,
            "status": dice.choice(("open", "sent", "returned")),
            "note": "leave at the door, ring twice",
        }
        for _ in range(600)
    ]
    rows[dice.randrange(200, 600)] |= {"customer": customer, "code": code}
    return json.dumps({"orders": rows, "next": None})


def _log(dice: random.Random, customer: str, code: str) -> str:
    """Some 60 KB of lines; one of them matters."""
    lines = [
        f"2026-11-{dice.randrange(1, 21):02} {dice.choice(('INFO', 'WARN'))} customer {_word(dice)} took "
        f"{dice.randrange(900)} ms, code RC-{dice.randrange(10**8):08}"
        for _ in range(800)
    ]
    lines[dice.randrange(200, 600)] = f"2026-11-20 ERROR {customer} was refused, code {code}"
    return "\n".join(lines)


def _word(dice: random.Random) -> str:
    """A name nobody has."""
    return "".join(dice.choice("bdfgklmnprstvz") + dice.choice("aeiou") for _ in range(4)).capitalize()
