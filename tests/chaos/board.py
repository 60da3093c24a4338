"""A notice board: a chat platform in a process of its own that shows each part once, however often it is sent.

    python -m tests.chaos.board      # prints the port it listens on

It speaks lines of JSON. A bot says `{"hello": ACCOUNT}` and is sent every event of that account which no bot has taken
yet, then each new one; it answers `{"ack": KEY}`. Its messages are `{"id": 1, "take": PART}` and
`{"id": 2, "edit": [MESSAGE, TEXT]}`, answered with `{"id": 1, "shown": MESSAGE}`. The part's id is the nonce by which
the board knows a repeated message. Several bots may be connected to one account, as several processes of one instance
are: each is sent everything.

People speak through `Board`, from the test.
"""

from __future__ import annotations

__all__ = ["CAPABILITIES", "Board"]

import asyncio
import json
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from botkit.core.data import encode
from botkit.core.events import Action, Event
from botkit.core.messages import Capabilities, Part
from botkit.testing.platform import FakePlatform

CAPABILITIES = Capabilities(
    text_limit=4096, stream="edit", stream_interval_s=0.0, edit=True, buttons=True, idempotent_send="native"
)


class _Server:
    def __init__(self) -> None:
        self.platform = FakePlatform(CAPABILITIES)
        self.events: dict[str, dict[str, Event]] = {}
        """Account → what none of its bots has taken, by its key, oldest first."""
        self.bots: dict[str, list[asyncio.StreamWriter]] = {}

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, of a bot or of the test; a killed bot's simply ends."""
        with suppress(ConnectionError):
            while line := await reader.readline():
                said: dict[str, Any] = json.loads(line)
                answer = self.heard(said, writer)
                if answer is not None:
                    writer.write(json.dumps(answer).encode() + b"\n")
        for bots in self.bots.values():
            if writer in bots:
                bots.remove(writer)
        writer.close()

    def heard(self, said: dict[str, Any], writer: asyncio.StreamWriter) -> Any:
        match said:
            case {"hello": account}:
                self.bots.setdefault(account, []).append(writer)
                for event in self.events.get(account, {}).values():
                    _push(writer, event)
                return None
            case {"ack": key}:
                for events in self.events.values():
                    events.pop(key, None)
                return None
            case {"id": number, "take": part}:
                sent = msgspec.convert(part, Part)
                self.platform.sends.append(sent)
                return {"id": number, "shown": self.platform.show(sent).id}
            case {"id": number, "edit": [message_id, text]}:
                shown = next(message for message in self.platform.messages if message.id == message_id)
                shown.versions.append(text)
                return {"id": number, "shown": message_id}
            case {"say": values, "to": account}:
                return self.happened(
                    account, self.platform.event(channel="board", occurred_at=datetime.now(UTC), **values)
                )
            case {"press": values, "to": account}:
                return self.happened(account, self.pressed(**values))
            case {"look": "messages"}:
                return [
                    {"id": m.id, "room": m.conversation.room, "part": m.part_id, "versions": m.versions,
                     "buttons": [label for label, _ in m.buttons]}
                    for m in self.platform.messages
                ]  # fmt: skip
            case {"look": "sends"}:
                return [part.id for part in self.platform.sends]
            case _:
                raise ValueError(f"the board does not understand {said}")

    def pressed(self, message: str, label: str, person: str) -> Event:
        shown = next(one for one in self.platform.messages if one.id == message)
        return self.platform.event(
            channel="board",
            occurred_at=datetime.now(UTC),
            person=person,
            room=shown.conversation.room,
            kind="action",
            action=Action(value=dict(shown.buttons)[label], message_id=shown.id),
        )

    def happened(self, account: str, event: Event) -> dict[str, str]:
        self.events.setdefault(account, {})[event.dedupe_key] = event
        for bot in self.bots.get(account, ()):
            _push(bot, event)
        return {"key": event.dedupe_key}


def _push(bot: asyncio.StreamWriter, event: Event) -> None:
    bot.write(b'{"event":' + encode(event) + b"}\n")


class Board:
    """People at the board, and what they see; used by the test, which has no event loop."""

    def __init__(self, port: int):
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rwb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def say(self, account: str, person: str, text: str, room: str) -> None:
        """Somebody writes to an account in a room of their own with it."""
        self._ask(say={"person": person, "text": text, "room": room}, to=account)

    def press(self, account: str, person: str, message_id: str, label: str) -> None:
        self._ask(press={"person": person, "message": message_id, "label": label}, to=account)

    def messages(self, room: str = "") -> list[dict[str, Any]]:
        """What is shown, oldest first: `id`, `room`, `part`, `versions` (the last is what it says), `buttons`."""
        return [shown for shown in self._ask(look="messages") if not room or shown["room"] == room]

    def texts(self, room: str = "") -> list[str]:
        return [shown["versions"][-1] for shown in self.messages(room)]

    def sends(self) -> list[str]:
        """Part ids of all requests to show something, also of those that were known already."""
        return self._ask(look="sends")

    def _ask(self, **what: Any) -> Any:
        self._file.write(json.dumps(what).encode() + b"\n")
        self._file.flush()
        return json.loads(self._file.readline())


async def _serve() -> None:
    server = await asyncio.start_server(_Server().meet, "127.0.0.1", 0, limit=16 * 1024 * 1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
