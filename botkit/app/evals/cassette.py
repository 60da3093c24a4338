"""Answers of models on file, beside the evaluation they were given in, so that it runs again without a provider.

    support.yaml → support.recorded.json
    {"version": 1, "answers": [{"case": "…", "attempt": 1, "key": "9f2c…", "asked": "…", "reply": {"text": "…"}}]}

A request is known by a hash of what it says: the model, the messages, the tools, the schema. Times and ids that differ
from run to run count as one. What is written was redacted before; of a request only its last message stands there, for
whoever reviews the file.
"""

from __future__ import annotations

__all__ = ["Asked", "Cassette", "Recorded", "Stale", "asked_of", "cassette_path"]

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from botkit.core.data import Data
from botkit.core.errors import ConfigError, ModelRefused, Problem
from botkit.core.models import ModelReply, ModelRequest, RequestedCall, Usage

_VERSION = 1
_EXCERPT_CHARS = 300
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_PASSING = (
    (re.compile(rf"{_DAY} \d{{1,2}} [A-Z][a-z]+ \d{{4}}, \d{{2}}:\d{{2}}"), "<now>"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b[a-z]{2,5}_[0-9a-f]{32}\b"), "<id>"),
)
_PARTS = {"model": "the model", "instructions": "the instructions", "tools": "the tools", "talk": "the conversation"}


class Stale(ModelRefused):
    """What a model is asked differs from what was recorded."""

    code = "stale_recording"


class Asked(Data):
    """A request as a recording knows it: hashes of its parts."""

    model: str
    instructions: str
    tools: str
    talk: str

    @property
    def key(self) -> str:
        return _digest([self.model, self.instructions, self.tools, self.talk])


class SavedReply(Data):
    """What a model answered."""

    text: str = ""
    calls: tuple[RequestedCall, ...] = ()
    finish: str = "stop"
    model: str = ""
    usage: Usage = Usage()
    latency_ms: float = 0.0


class Recorded(Data):
    """One answer on file."""

    case: str
    attempt: int = 1
    key: str
    parts: Asked
    asked: str = ""
    """The beginning of the last message, for people."""
    reply: SavedReply


class _File(Data):
    version: int = _VERSION
    answers: tuple[Recorded, ...] = ()


def cassette_path(evals: Path) -> Path:
    """Where the answers of a file of evaluations are kept."""
    return evals.with_name(f"{evals.stem}.recorded.json")


def asked_of(request: ModelRequest) -> Asked:
    """What counts of a request."""
    system = [message for message in request.messages if message.get("role") == "system"]
    talk = [message for message in request.messages if message.get("role") != "system"]
    return Asked(
        model=request.model,
        instructions=_digest(system),
        tools=_digest([request.tools, request.tool_choice, request.response_schema]),
        talk=_digest(talk),
    )


class Cassette:
    """The answers of one file of evaluations, played or recorded."""

    def __init__(self, path: Path, answers: Iterable[Recorded] = ()):
        self.path = path
        self._old = list(answers)
        self._new: list[Recorded] = []
        self._known: defaultdict[tuple[str, int, str], list[Recorded]] = defaultdict(list)
        self._attempts: defaultdict[str, int] = defaultdict(int)
        for one in self._old:
            self._known[one.case, one.attempt, one.key].append(one)
            self._attempts[one.case] = max(self._attempts[one.case], one.attempt)
        self._played: defaultdict[tuple[str, int, str], int] = defaultdict(int)

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read a recording. Raises `ConfigError` when there is none, or it is no recording."""
        hint = "record one with `botkit eval FILE --record`"
        try:
            file = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise ConfigError(f"nothing was recorded yet: {hint}", (Problem("does not exist", path.name),)) from None
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{path.name} is not a recording: {hint}", (Problem(str(error), path.name),)) from error
        if file.version != _VERSION:
            raise ConfigError(f"{path.name} was written by another version: {hint}")
        return cls(path, file.answers)

    def play(self, case: str, attempt: int, request: ModelRequest) -> ModelReply:
        """The recorded answer.

        A try beyond those that were recorded gets the answers of an earlier one. The last answer to a request is given
        again whenever it is asked once more.

        Raises:
            Stale: nothing was recorded for this request.
        """
        asked = asked_of(request)
        tries = self._attempts.get(case, 0)
        known = self._known.get((case, (attempt - 1) % tries + 1, asked.key), []) if tries else []
        if not known:
            raise Stale(self._why(case, asked), model=request.model)
        turn = (case, attempt, asked.key)
        number = min(self._played[turn], len(known) - 1)
        self._played[turn] += 1
        reply = known[number].reply
        return msgspec.convert(
            {**msgspec.to_builtins(reply), "usage": reply.usage, "calls": reply.calls}, ModelReply, from_attributes=True
        )

    def record(
        self, case: str, attempt: int, request: ModelRequest, reply: ModelReply, redact: Callable[[str], str]
    ) -> None:
        """Keep an answer; `save` writes it."""
        asked = asked_of(request)
        calls = tuple(msgspec.structs.replace(call, arguments=redact(call.arguments)) for call in reply.calls)
        saved = SavedReply(
            text=redact(reply.text),
            calls=calls,
            finish=reply.finish,
            model=reply.model,
            usage=reply.usage,
            latency_ms=round(reply.latency_ms, 3),
        )
        last = request.messages[-1].get("content") if request.messages else ""
        said = redact(last if isinstance(last, str) else _text(last))
        self._new.append(
            Recorded(case=case, attempt=attempt, key=asked.key, parts=asked, asked=said[:_EXCERPT_CHARS], reply=saved)
        )

    def save(self, *, ran: Iterable[str], cases: Iterable[str]) -> int:
        """Write the file: new answers for cases that ran, the old ones of the others; how many there are.

        Args:
            cases: every case there is; answers of others are dropped.
        """
        done, there = set(ran), list(cases)
        kept = [one for one in self._old if one.case not in done and one.case in there]
        order = {name: number for number, name in enumerate(there)}
        answers = sorted([*kept, *self._new], key=lambda one: (order.get(one.case, 0), one.attempt))
        raw = msgspec.json.format(msgspec.json.encode(_File(answers=tuple(answers))), indent=1)
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.write_bytes(raw + b"\n")
        temporary.replace(self.path)
        return len(answers)

    def _why(self, case: str, asked: Asked) -> str:
        """What differs from the recorded request that is most alike."""
        again = f"record it again with `botkit eval FILE --case '{case}' --record`"
        mine = [one.parts for one in self._old if one.case == case]
        if not mine:
            return f"nothing was recorded for the case “{case}”: {again}"

        def differing(one: Asked) -> list[str]:
            return [words for name, words in _PARTS.items() if getattr(one, name) != getattr(asked, name)]

        found = min((differing(one) for one in mine), key=len)
        return f"the recording of “{case}” is out of date, {' and '.join(found)} changed since: {again}"


def _digest(value: Any) -> str:
    text = _text(value)
    for pattern, word in _PASSING:
        text = pattern.sub(word, text)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted", enc_hook=str).decode()
