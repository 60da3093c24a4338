"""The Web API: what an app may ask for, answered from the world.

Source: https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

__all__ = ["Methods"]

import json
import re
from collections.abc import Callable
from typing import Any, cast

from botkit.testing.slack.blocks import check_blocks, check_view
from botkit.testing.slack.streams import Streams
from botkit.testing.slack.world import TRIGGER_S, ApiError, FakeFile, FakeMessage, FakeRoom, World

_MARKDOWN_LIMIT = 12_000
_BLOCKS_LIMIT = 50
_ELEMENTS_LIMIT = 25
_TEXT_LIMIT = 40_000


class Methods:
    """Args:
    announce: told of (message, what happened): `posted`, `changed` or `deleted`.
    """

    def __init__(self, world: World, announce: Callable[[FakeMessage, str], None]):
        self.world = world
        self.announce = announce
        self.streams = Streams(world, announce)
        """Streams, statuses, titles."""

    def answer(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        """The fields beside `ok`. Raises `ApiError`."""
        name = re.sub(r"[.A-Z]", lambda found: "_" + found[0].strip(".").lower(), method)
        handler = getattr(self.streams, name, None) or getattr(self, f"_{name}", None)
        if handler is None:
            raise ApiError("unknown_method")
        return handler(args)

    def _auth_test(self, args: dict[str, Any]) -> dict[str, Any]:
        app = self.world.app
        return {
            "user_id": app.id,
            "bot_id": self.world.bot_id,
            "team_id": self.world.team,
            "team": "Team",
            "user": "desk",
        }

    def _users_info(self, args: dict[str, Any]) -> dict[str, Any]:
        person = self.world.people.get(str(args.get("user")))
        if person is None:
            raise ApiError("user_not_found")
        return {"user": {**person.as_json(), "team_id": self.world.team}}

    # --- messages ---------------------------------------------------------------------------------------

    def _room(self, args: dict[str, Any]) -> FakeRoom:
        return self.world.room_of(args)

    def _chat_post_message(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self._room(args)
        message = FakeMessage(self.world.ts(), room, self.world.app, **_checked(args))
        thread = str(args.get("thread_ts") or "")
        message.thread_ts = thread if self.world.find(room.id, thread) else ""
        message.metadata = args.get("metadata")
        self.world.messages.append(message)
        self.streams.rest(message)
        self.announce(message, "posted")
        return {"channel": room.id, "ts": message.ts, "message": self.world.message_json(message)}

    def _chat_post_ephemeral(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self._room(args)
        message = FakeMessage(self.world.ts(), room, self.world.app, **_checked(args))
        message.seen_by = str(args["user"])
        self.world.messages.append(message)
        return {"message_ts": message.ts}

    def _chat_update(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self._room(args)
        message = self.world.find(room.id, str(args.get("ts")))
        if message is None:
            raise ApiError("message_not_found")
        if message.sender is not self.world.app:
            raise ApiError("cant_update_message")
        if self.streams.is_open(message):
            raise ApiError("streaming_state_conflict")
        changed = _checked(args)
        message.edits.append(message.shown)
        message.text, message.blocks = changed["text"], changed["blocks"]
        message.edited_ts, message.edited_by = self.world.ts(), self.world.app.id
        message.metadata = args.get("metadata", message.metadata)
        self.announce(message, "changed")
        return {"channel": room.id, "ts": message.ts, "text": message.text}

    def _chat_delete(self, args: dict[str, Any]) -> dict[str, Any]:
        message = self.world.find(self._room(args).id, str(args.get("ts")))
        if message is None:
            raise ApiError("message_not_found")
        if self.streams.is_open(message):
            raise ApiError("cant_delete_message")
        message.deleted = True
        self.announce(message, "deleted")
        return {"ts": message.ts}

    def _conversations_open(self, args: dict[str, Any]) -> dict[str, Any]:
        person = self.world.people.get(str(args.get("users")))
        if person is None:
            raise ApiError("user_not_found")
        return {"channel": {"id": self.world.dm(person).id}}

    def _conversations_history(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self._room(args)
        return self._page(list(reversed(self._listed(args, room, ""))), args)

    def _conversations_replies(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self._room(args)
        if self.world.find(room.id, str(args["ts"])) is None:
            raise ApiError("thread_not_found")
        return self._page(self._listed(args, room, str(args["ts"])), args)

    @staticmethod
    def _page(found: list[dict[str, Any]], args: dict[str, Any]) -> dict[str, Any]:
        start, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
        more = start + limit < len(found)
        answer: dict[str, Any] = {"messages": found[start : start + limit], "has_more": more}
        return answer | ({"response_metadata": {"next_cursor": str(start + limit)}} if more else {})

    def _listed(self, args: dict[str, Any], room: FakeRoom, thread: str) -> list[dict[str, Any]]:
        oldest = float(args.get("oldest") or 0)
        whole = str(args.get("include_all_metadata", "")).lower() in {"true", "1"}
        found = [
            message
            for message in self.world.messages
            if message.room is room
            and not message.deleted
            and not message.seen_by
            and (float(message.ts) > oldest or message.ts == thread)
            and (thread in {message.ts, message.thread_ts} if thread else not message.thread_ts)
        ]
        return [self.world.message_json(message, with_metadata=whole) for message in found]

    def _views_open(self, args: dict[str, Any]) -> dict[str, Any]:
        """Only for three seconds after somebody pressed something, and once."""
        opened = self.world.triggers.get(str(args.get("trigger_id")))
        if opened is None:
            raise ApiError("invalid_trigger_id")
        if self.world.clock.monotonic() - opened.at_s > TRIGGER_S:
            raise ApiError("expired_trigger_id")
        if opened.view is not None:
            raise ApiError("exchanged_trigger_id")
        view = cast("dict[str, Any]", args["view"] if isinstance(args["view"], dict) else json.loads(args["view"]))
        check_view(view)
        opened.view = {**view, "id": f"V{self.world.number():04d}", "hash": "1"}
        return {"view": opened.view}

    # --- reactions and files ----------------------------------------------------------------------------

    def _reactions_add(self, args: dict[str, Any]) -> dict[str, Any]:
        people = self._reacted(args)
        if self.world.app.id in people:
            raise ApiError("already_reacted")
        people.add(self.world.app.id)
        return {}

    def _reactions_remove(self, args: dict[str, Any]) -> dict[str, Any]:
        people = self._reacted(args)
        if self.world.app.id not in people:
            raise ApiError("no_reaction")
        people.discard(self.world.app.id)
        return {}

    def _reacted(self, args: dict[str, Any]) -> set[str]:
        message = self.world.find(self._room(args).id, str(args.get("timestamp")))
        if message is None:
            raise ApiError("message_not_found")
        if not re.fullmatch(r"[a-z0-9_+'-]+", str(args.get("name"))):
            raise ApiError("invalid_name")
        return message.reactions.setdefault(str(args["name"]), set())

    def _files_get_upload_u_r_l_external(self, args: dict[str, Any]) -> dict[str, Any]:
        file = FakeFile(f"F{self.world.number():04d}", str(args["filename"]), b"", "", int(args["length"]))
        self.world.files[file.id] = file
        return {"upload_url": f"{self.world.base}/upload/{file.id}", "file_id": file.id}

    def _files_complete_upload_external(self, args: dict[str, Any]) -> dict[str, Any]:
        listed = [self.world.files[str(item["id"])] for item in json.loads(str(args["files"]))]
        if any(len(file.data) != file.size for file in listed):
            raise ApiError("file_not_found")
        if args.get("channel_id"):
            room = self._room(args)
            message = FakeMessage(self.world.ts(), room, self.world.app, subtype="file_share", files=listed)
            message.thread_ts = str(args.get("thread_ts") or "")
            self.world.messages.append(message)
            self.announce(message, "posted")
        return {"files": [{"id": file.id, "title": file.name} for file in listed]}


def _checked(args: dict[str, Any]) -> dict[str, Any]:
    """The text and blocks of a message. Raises `ApiError` for what Slack would refuse."""
    text, blocks = str(args.get("text") or ""), cast("list[dict[str, Any]]", args.get("blocks") or [])
    if not text.strip() and not blocks:
        raise ApiError("no_text")
    if len(text) > _TEXT_LIMIT:
        raise ApiError("msg_too_long")
    check_blocks(blocks)
    return {"text": text, "blocks": blocks}
