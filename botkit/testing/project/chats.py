"""People who talk to the project's bots on one fake platform, the same way on each."""

from __future__ import annotations

__all__ = ["Chat", "Person", "Seen"]

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from botkit.testing.site import Loopback


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot as a person sees it now."""

    text: str
    labels: tuple[str, ...] = ()
    """Of its buttons."""
    files: tuple[str, ...] = ()
    """Names of its files."""
    options: tuple[str, ...] = ()
    """Of its menu."""
    id: str = ""
    message: Any = None
    """As the platform's fake has it."""


class Chat(ABC):
    """One platform with the project's bot on it.

    Its faults are the fake's: `telegram.fake.drop_after()`.
    """

    platform: ClassVar[str]
    fake: Any
    """The fake platform itself, with everything it can do."""

    def __init__(self, fake: Loopback):
        self.fake = fake
        self.ready: Callable[[], Awaitable[Any]] | None = None
        """Awaited before somebody acts: starts the project."""
        self.log: Callable[[], str] = lambda: ""
        """What the project said last, for a test that waits in vain."""
        self._people: dict[str, Person] = {}

    def person(self, name: str) -> Person:
        """Somebody by name; the same name is the same person."""
        if name not in self._people:
            self._people[name] = Person(self, name)
        return self._people[name]

    @property
    def alice(self) -> Person:
        return self.person("Alice")

    @property
    def bob(self) -> Person:
        return self.person("Bob")

    async def begin(self) -> None:
        """The project runs, if anything has to."""
        if self.ready is not None:
            await self.ready()

    @abstractmethod
    def channel(self) -> tuple[dict[str, Any], dict[str, str]]:
        """(keys of the channel in bots.yaml, environment variables with its secrets)."""

    def connected(self, url: str, channel: str) -> None:  # noqa: B027 - only some need it
        """The project runs at that address, with the channel of that name on this platform."""

    def say(self, who: str, text: str) -> None:
        """Somebody writes, at once."""
        self.fake.say(who, text)

    def press(self, who: str, message: Any, label: str) -> Any:
        """Returns what the fake made of it."""
        return self.fake.press(who, message, label)

    def choose(self, who: str, message: Any, labels: Sequence[str]) -> None:
        """Choose options of a menu; where there are none, press the buttons that stand for them."""
        for label in labels:
            self.press(who, message, label)

    def is_open(self, pressed: Any) -> bool:
        """Whether a press opened a form."""
        raise AssertionError(f"{self.platform} has no forms: the bot asks field by field")

    def submit(self, pressed: Any, answers: Mapping[str, str | bool | list[str]]) -> None:
        """Send the form that a press opened, filled in by the labels people read."""
        self.fake.submit(pressed, dict(answers))

    def send_file(self, who: str, data: bytes, name: str) -> None:
        self.fake.send_file(who, data, name=name)

    def identity(self, who: str) -> str:
        """Their id on the platform."""
        return str(self.fake.user(who).id)

    @abstractmethod
    def shown(self, who: str) -> list[Seen]:
        """What the bot wrote to somebody in private, oldest first."""


class Person:
    """Somebody who writes to the bot in private, and reads what it answers."""

    def __init__(self, chat: Chat, name: str):
        self.chat = chat
        self.name = name
        self._read = 0

    async def says(self, text: str) -> None:
        """Write to the bot."""
        await self.chat.begin()
        self.chat.say(self.name, text)

    async def sends_file(self, data: bytes, name: str = "note.txt") -> None:
        await self.chat.begin()
        self.chat.send_file(self.name, data, name)

    async def presses(self, label: str) -> None:
        """Press the newest button of that label, once there is one."""

        def found() -> list[Seen]:
            return [seen for seen in self.chat.shown(self.name) if label in seen.labels]

        await self._until(found, f"a button {label!r}", 60.0)
        self.chat.press(self.name, found()[-1].message, label)

    async def chooses(self, *labels: str) -> None:
        """Choose these options of the newest message that offers them, by its menu or by its buttons."""

        def found() -> list[Seen]:
            return [seen for seen in self.chat.shown(self.name) if {*labels} <= {*seen.options, *seen.labels}]

        await self._until(found, f"the options {', '.join(labels)}", 60.0)
        self.chat.choose(self.name, found()[-1].message, labels)

    async def fills_in(self, button: str, answers: Mapping[str, str | bool | list[str]]) -> None:
        """Open the form behind the newest button of that label, and send it with these answers, by its labels.

        Raises:
            AssertionError: it does not open, or the platform has no forms.
        """

        def found() -> list[Seen]:
            return [seen for seen in self.chat.shown(self.name) if button in seen.labels]

        await self._until(found, f"a button {button!r}", 60.0)
        pressed = self.chat.press(self.name, found()[-1].message, button)
        await self._until(lambda: self.chat.is_open(pressed), f"the form of {button!r}", 60.0)
        self.chat.submit(pressed, answers)

    async def sees(self, text: str | re.Pattern[str], *, within_s: float = 60.0) -> Seen:
        """The next message of the bot that contains a text, or in which a pattern is found; waits for it.

        Messages are looked at in order: what stands before the found one counts as read, it included.

        Raises:
            AssertionError: it did not come, with what came instead and the end of the project's log.
        """
        pattern = re.compile(re.escape(text)) if isinstance(text, str) else text

        def found() -> tuple[int, Seen] | None:
            shown = self.chat.shown(self.name)
            places = ((place, shown[place]) for place in range(self._read, len(shown)))
            return next(((place, seen) for place, seen in places if pattern.search(seen.text)), None)

        place, seen = await self._until(found, repr(text), within_s)
        self._read = place + 1
        return seen

    def reads(self) -> list[str]:
        """Everything the bot wrote to this person so far, each in its latest wording."""
        return [seen.text for seen in self.chat.shown(self.name)]

    async def _until(self, found: Callable[[], Any], what: str, within_s: float) -> Any:
        await self.chat.begin()
        try:
            return await self.chat.fake.wait_for(found, timeout_s=within_s)
        except TimeoutError:
            lines = "\n".join(f"  {text!r}" for text in self.reads()) or "  nothing"
            report = f"{self.name} on {self.chat.platform} did not see {what} within {within_s} s.\nShe or he read:\n"
            raise AssertionError(f"{report}{lines}\nThe project said last:\n{self.chat.log()}") from None
