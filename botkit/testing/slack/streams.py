"""Messages that grow, and what a thread shows besides its messages.

Streams behave as people measured it: an open one refuses edits and deletion, one that is over refuses to be appended to
or stopped, and after about five minutes it is over by itself.

Source: https://docs.slack.dev/reference/methods/chat.startStream, https://docs.slack.dev/ai/agent-sessions
"""

from __future__ import annotations

__all__ = ["Streams"]

from collections.abc import Callable
from typing import Any, cast

from botkit.testing.slack.world import ApiError, FakeMessage, World

LIFE_S = 300.0
_MARKDOWN_LIMIT = 12_000
_STATUSES = frozenset({"processing", "active", "suspended", "closed"})


class Streams:
    """Args:
    announce: told of (message, what happened).
    """

    def __init__(self, world: World, announce: Callable[[FakeMessage, str], None]):
        self.world = world
        self.announce = announce
        self.is_agent = True
        """The app is declared as an agent: it has sessions and their stop button."""

    def is_open(self, message: FakeMessage) -> bool:
        if message.streaming_since and self._now() - message.streaming_since > LIFE_S:
            message.streaming_since = 0.0
        return bool(message.streaming_since)

    def stop(self, message: FakeMessage) -> None:
        """Somebody else ends it: a person by the stop button, or Slack."""
        message.streaming_since = 0.0

    def rest(self, message: FakeMessage) -> None:
        """A new message takes a line of status away; a session keeps its status until the app changes it."""
        root = self.world.find(message.room.id, message.thread_ts)
        if root is not None and root.status not in _STATUSES:
            root.status = ""

    # --- methods ----------------------------------------------------------------------------------------

    def chat_start_stream(self, args: dict[str, Any]) -> dict[str, Any]:
        room = self.world.room_of(args)
        root = self.world.find(room.id, str(args.get("thread_ts") or ""))
        if root is None:
            raise ApiError("invalid_thread_ts")
        for name in ("recipient_user_id", "recipient_team_id"):
            if not args.get(name):
                raise ApiError(f"missing_{name}")
        if str(args["recipient_user_id"]) not in self.world.people:
            raise ApiError("user_not_found")
        message = FakeMessage(self.world.ts(), room, self.world.app, thread_ts=root.thread_ts or root.ts)
        message.streaming_since, message.streamed = self._now(), True
        self._grow(message, args)
        self.world.messages.append(message)
        self.rest(message)
        self.announce(message, "posted")
        return {"channel": room.id, "ts": message.ts}

    def chat_append_stream(self, args: dict[str, Any]) -> dict[str, Any]:
        message = self._streamed(args)
        if not args.get("markdown_text"):
            raise ApiError("no_text")
        message.edits.append(message.shown)
        self._grow(message, args)
        return {"channel": message.room.id, "ts": message.ts}

    def chat_stop_stream(self, args: dict[str, Any]) -> dict[str, Any]:
        message = self._streamed(args)
        message.edits.append(message.shown)
        self._grow(message, args)
        message.blocks += cast("list[dict[str, Any]]", args.get("blocks") or [])
        message.metadata = args.get("metadata", message.metadata)
        message.streaming_since = 0.0
        root = self.world.find(message.room.id, message.thread_ts)
        if args.get("session_status") and root is not None and self.is_agent:
            if args["session_status"] not in _STATUSES:
                raise ApiError("invalid_arguments")
            root.status = str(args["session_status"])
        self.announce(message, "changed")
        return {"channel": message.room.id, "ts": message.ts, "message": self.world.message_json(message)}

    def agents_sessions_set_status(self, args: dict[str, Any]) -> dict[str, Any]:
        if not self.is_agent:
            raise ApiError("app_not_agent")
        if args.get("status") not in _STATUSES:
            raise ApiError("invalid_arguments")
        root = self._root(args)
        root.status = str(args["status"])
        return {"status": root.status}

    def assistant_threads_set_status(self, args: dict[str, Any]) -> dict[str, Any]:
        self._root(args).status = str(args["status"])
        return {}

    def assistant_threads_set_title(self, args: dict[str, Any]) -> dict[str, Any]:
        self._root(args).title = str(args["title"])
        return {}

    def assistant_threads_set_suggested_prompts(self, args: dict[str, Any]) -> dict[str, Any]:
        prompts = cast("list[dict[str, str]]", args["prompts"])
        if not 1 <= len(prompts) <= 4 or not all(prompt["title"] and prompt["message"] for prompt in prompts):
            raise ApiError("invalid_arguments")
        self._root(args).prompts = [prompt["message"] for prompt in prompts]
        return {}

    # --- shared pieces ----------------------------------------------------------------------------------

    def _root(self, args: dict[str, Any]) -> FakeMessage:
        root = self.world.find(self.world.room_of(args).id, str(args.get("thread_ts")))
        if root is None:
            raise ApiError("invalid_thread_ts")
        return root

    def _streamed(self, args: dict[str, Any]) -> FakeMessage:
        message = self.world.find(self.world.room_of(args).id, str(args.get("ts")))
        if message is None:
            raise ApiError("message_not_found")
        if not self.is_open(message):
            raise ApiError("message_not_in_streaming_state")
        return message

    @staticmethod
    def _grow(message: FakeMessage, args: dict[str, Any]) -> None:
        piece = str(args.get("markdown_text") or "")
        if len(piece) > _MARKDOWN_LIMIT:
            raise ApiError("msg_too_long")
        message.text += piece
        message.blocks = [{"type": "markdown", "text": message.text}] if message.text else []

    def _now(self) -> float:
        return self.world.clock.now().timestamp()
