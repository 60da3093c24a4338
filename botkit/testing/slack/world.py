"""What exists at the fake: people, rooms, messages, files, and their JSON."""

from __future__ import annotations

__all__ = ["TRIGGER_S", "ApiError", "FakeFile", "FakeMessage", "FakePerson", "FakeRoom", "FakeTrigger", "World"]

from dataclasses import dataclass, field
from typing import Any

from botkit.core.clock import Clock

_SCOPES = (
    *("app_mentions:read", "channels:history", "chat:write", "commands", "files:read"),
    *("files:write", "groups:history", "im:history", "im:read", "im:write", "mpim:history", "reactions:read"),
    *("reactions:write", "users:read"),
)
TRIGGER_S = 3.0


class ApiError(Exception):
    """`{"ok": false, "error": …}`."""

    def __init__(self, error: str, *, status: int = 200, retry_after: int = 0, **more: Any):
        super().__init__(error)
        self.error = error
        self.status = status
        self.retry_after = retry_after
        self.more = more


@dataclass(slots=True)
class FakePerson:
    id: str
    name: str
    is_bot: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "team_id": "T01",
            "name": self.name.lower(),
            "real_name": self.name,
            "is_bot": self.is_bot,
            "deleted": False,
            "tz": "Europe/Berlin",
            "locale": "en-US",
            "profile": {"display_name": self.name, "real_name": self.name},
        }


@dataclass(slots=True)
class FakeRoom:
    id: str
    kind: str
    """`im` or `channel`."""
    name: str = ""
    person: FakePerson | None = None
    archived: bool = False
    member: bool = True
    """The app is in it."""


@dataclass(slots=True)
class FakeFile:
    id: str
    name: str
    data: bytes
    mime: str
    size: int
    duration_ms: int = 0
    gone: bool = False


@dataclass(slots=True)
class FakeMessage:
    ts: str
    room: FakeRoom
    sender: FakePerson
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    thread_ts: str = ""
    subtype: str = ""
    files: list[FakeFile] = field(default_factory=list[FakeFile])
    metadata: dict[str, Any] | None = None
    edits: list[str] = field(default_factory=list[str])
    edited_ts: str = ""
    edited_by: str = ""
    reactions: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    seen_by: str = ""
    """The only person who sees it; empty: everybody there."""
    deleted: bool = False
    username: str = ""
    streaming_since: float = 0.0
    """While it is an open stream: when that began, seconds since 1970."""
    streamed: bool = False
    """It is a stream, or was one."""
    status: str = ""
    """Of the thread this message begins: `processing` and the like, or a line of text."""
    title: str = ""
    """Of the thread this message begins."""
    prompts: list[str] = field(default_factory=list[str])

    @property
    def shown(self) -> str:
        """What people read: the blocks, else the text."""
        texts: list[str] = []
        for block in self.blocks:
            text: Any = block.get("text", "")
            texts += [str(text if isinstance(text, str) else text["text"])] if text else []
            texts += [str(field["text"]) for field in block.get("fields", ())]
        return "\n".join(texts) if self.blocks else self.text

    @property
    def interactive(self) -> list[dict[str, Any]]:
        """What can be pressed or chosen from, in its order."""
        found: list[dict[str, Any]] = []
        for block in self.blocks:
            found += block.get("elements") or []
            found += [block["accessory"]] if "accessory" in block else []
        return found

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [item for item in self.interactive if item["type"] == "button"]

    @property
    def menus(self) -> list[dict[str, Any]]:
        return [item for item in self.interactive if item["type"] != "button"]

    @property
    def labels(self) -> list[str]:
        return [str(button["text"]["text"]) for button in self.buttons]


@dataclass(slots=True)
class FakeTrigger:
    """A press that may open one view, for three seconds."""

    person: FakePerson
    at_s: float
    """On the monotonic clock."""
    view: dict[str, Any] | None = None


class World:
    """One workspace with one app, without any HTTP."""

    def __init__(self, *, clock: Clock, name: str = "Desk", team: str = "T01"):
        self.clock = clock
        self.triggers: dict[str, FakeTrigger] = {}
        self.app = FakePerson("U0BOT", name, is_bot=True)
        self.bot_id = "B0BOT"
        self.team = team
        """Id of the workspace."""
        self.scopes = list(_SCOPES)
        """What the app was given; only told, not enforced."""
        self.people: dict[str, FakePerson] = {self.app.id: self.app}
        self.rooms: dict[str, FakeRoom] = {}
        self.messages: list[FakeMessage] = []
        self.files: dict[str, FakeFile] = {}
        self.base = ""
        self._count = 0

    def number(self) -> int:
        self._count += 1
        return self._count

    def ts(self) -> str:
        """Seconds and a counter: what Slack names a message by."""
        return f"{int(self.clock.now().timestamp())}.{self.number():06d}"

    def dm(self, person: FakePerson) -> FakeRoom:
        for room in self.rooms.values():
            if room.person is person:
                return room
        return self._add(FakeRoom(f"D{self.number():04d}", "im", person=person))

    def channel(self, name: str) -> FakeRoom:
        return self._add(FakeRoom(f"C{self.number():04d}", "channel", name))

    def _add(self, room: FakeRoom) -> FakeRoom:
        self.rooms[room.id] = room
        return room

    def room_of(self, args: dict[str, Any]) -> FakeRoom:
        """The room a call names. Raises `ApiError` where the app cannot act there."""
        room = self.rooms.get(str(args.get("channel") or args.get("channel_id")))
        if room is None:
            raise ApiError("channel_not_found")
        if room.archived:
            raise ApiError("is_archived")
        if not room.member:
            raise ApiError("not_in_channel")
        return room

    def find(self, room: str, ts: str) -> FakeMessage | None:
        found = (m for m in self.messages if m.room.id == room and m.ts == ts and not m.deleted and not m.seen_by)
        return next(found, None)

    def file_json(self, file: FakeFile) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": file.id,
            "created": int(self.clock.now().timestamp()),
            "name": file.name,
            "title": file.name,
            "mimetype": file.mime,
            "filetype": file.name.rpartition(".")[2],
            "pretty_type": file.name.rpartition(".")[2].upper(),
            "size": file.size,
            "mode": "hosted",
            "editable": False,
            "is_external": False,
            "external_type": "",
            "is_public": True,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "permalink": f"{self.base}/files/{file.id}/{file.name}",
            "channels": [],
            "groups": [],
            "url_private": f"{self.base}/files-pri/{self.team}-{file.id}/{file.name}",
            "url_private_download": f"{self.base}/files-pri/{self.team}-{file.id}/download/{file.name}",
        }
        return found | ({"subtype": "slack_audio", "duration_ms": file.duration_ms} if file.duration_ms else {})

    def message_json(self, message: FakeMessage, *, with_metadata: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "message", "ts": message.ts, "text": message.text, "team": self.team}
        found["user"] = message.sender.id
        if message.sender.is_bot:
            found["bot_id"] = self.bot_id if message.sender is self.app else f"B{message.sender.id[1:]}"
        if message.username:
            found["username"] = message.username
        if message.streamed:
            found["streaming_state"] = "in_progress" if message.streaming_since else "completed"
        if message.blocks:
            found["blocks"] = message.blocks
        if message.thread_ts:
            found["thread_ts"] = message.thread_ts
            parent = self.find(message.room.id, message.thread_ts)
            if parent is not None and parent is not message:
                found["parent_user_id"] = parent.sender.id
        if message.files:
            found["files"] = [self.file_json(file) for file in message.files]
        if message.edited_ts:
            found["edited"] = {"user": message.edited_by, "ts": message.edited_ts}
        if with_metadata and message.metadata is not None:
            found["metadata"] = message.metadata
        return found
