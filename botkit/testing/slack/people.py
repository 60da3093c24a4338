"""What people do: write, press, use commands, edit, react. Every deed becomes the payload Slack would send."""

from __future__ import annotations

__all__ = ["People", "Who"]

import html
import re
from typing import Any

from botkit.testing.slack.responses import Responses
from botkit.testing.slack.world import FakeFile, FakeMessage, FakePerson, FakeRoom, FakeTrigger, World

Who = FakePerson | str
"""A person, or a name: the same name is the same person, made at first use."""


class People:
    """The control side that acts as people. `deliver(kind, payload)` is how the app hears of it."""

    def __init__(self, world: World):
        self.world = world
        self._named: dict[str, FakePerson] = {}

    responses: Responses

    def deliver(self, kind: str, payload: dict[str, Any]) -> None:
        raise NotImplementedError

    # --- who and where ----------------------------------------------------------------------------------

    def person(self, who: Who, *, is_bot: bool = False) -> FakePerson:
        if isinstance(who, FakePerson):
            return who
        if who not in self._named:
            made = FakePerson(f"U{self.world.number():04d}", who, is_bot)
            self._named[who] = self.world.people[made.id] = made
        return self._named[who]

    def dm(self, who: Who) -> FakeRoom:
        return self.world.dm(self.person(who))

    def channel(self, name: str = "general") -> FakeRoom:
        """A new channel the app is in."""
        return self.world.channel(name)

    # --- messages ---------------------------------------------------------------------------------------

    def say(
        self, who: Who, text: str, room: FakeRoom | None = None, *, thread: FakeMessage | str = "", subtype: str = ""
    ) -> FakeMessage:
        """A person writes. Without `room` it is their direct chat. `@Name` becomes a mention, as their app does."""
        message = self._message(who, room, text, thread)
        message.subtype = subtype
        return self._arrives(message)

    def send_file(
        self,
        who: Who,
        data: bytes = b"file",
        room: FakeRoom | None = None,
        *,
        name: str = "note.txt",
        mime: str = "text/plain",
        size: int = 0,
        voice_s: float = 0.0,
    ) -> FakeMessage:
        """A person sends a file. `size` claims more bytes than there are; `voice_s` makes it a voice clip."""
        message = self._message(who, room, "", "")
        message.subtype = "file_share"
        number = f"F{self.world.number():04d}"
        file = FakeFile(number, name, data, mime, size or len(data), int(voice_s * 1000))
        self.world.files[number] = file
        message.files.append(file)
        return self._arrives(message)

    def edit(self, message: FakeMessage, text: str) -> FakeMessage:
        message.edits.append(message.text)
        message.text = self._marked(text)
        message.edited_ts, message.edited_by = self.world.ts(), message.sender.id
        self.announce(message, "changed")
        return message

    def unfurl(self, message: FakeMessage) -> None:
        """Slack adds a preview of a link: a change nobody made."""
        self.announce(message, "changed")

    def delete(self, message: FakeMessage) -> None:
        message.deleted = True
        self.announce(message, "deleted")

    def react(self, who: Who, message: FakeMessage, name: str) -> None:
        person = self.person(who)
        message.reactions.setdefault(name, set()).add(person.id)
        item = {"type": "message", "channel": message.room.id, "ts": message.ts}
        about = {"user": person.id, "item_user": message.sender.id, "item": item}
        self.event({"type": "reaction_added", "reaction": name, **about})

    def open_assistant(self, who: Who) -> FakeMessage:
        """A person opens a thread with the assistant; returns the message it hangs on."""
        person = self.person(who)
        root = FakeMessage(self.world.ts(), self.world.dm(person), self.world.app, "New assistant thread")
        root.subtype = "assistant_app_thread"
        self.world.messages.append(root)
        self._assistant("assistant_thread_started", person, root)
        return root

    def look_at(self, who: Who, root: FakeMessage, room: FakeRoom) -> None:
        """A person with an assistant thread beside goes to a channel."""
        self._assistant("assistant_thread_context_changed", self.person(who), root, room)

    def _assistant(self, kind: str, person: FakePerson, root: FakeMessage, room: FakeRoom | None = None) -> None:
        context = {"channel_id": room.id, "team_id": self.world.team, "enterprise_id": None} if room else {}
        where = {"channel_id": root.room.id, "thread_ts": root.ts}
        self.event({"type": kind, "assistant_thread": {"user_id": person.id, "context": context, **where}})

    def stop(self, who: Who, thread: FakeMessage) -> None:
        """Press the stop button of an agent's session. Raises `LookupError` while none is shown."""
        root = self.world.find(thread.room.id, thread.thread_ts or thread.ts)
        if root is None or root.status != "processing":
            raise LookupError("there is no stop button: nothing is processing in this thread")
        streaming = [
            message for message in self.world.messages if message.thread_ts == root.ts and message.streaming_since
        ]
        for message in streaming:
            message.streaming_since = 0.0
        stopped = {"channel": root.room.id, "thread_ts": root.ts, "user": self.person(who).id}
        self.event(
            {"type": "agent_session_stopped", **stopped, "streaming_message_ts": [message.ts for message in streaming]}
        )

    def announce(self, message: FakeMessage, what: str) -> None:
        """Tell the app of a message, as far as it subscribed to the room's events."""
        place = {"channel": message.room.id, "channel_type": message.room.kind}
        shown = self.world.message_json(message)
        match what:
            case "posted":
                subtype = {"subtype": message.subtype} if message.subtype else {}
                self.event({**shown, **place, **subtype, "event_ts": message.ts})
                if (
                    f"<@{self.world.app.id}>" in message.text
                    and message.room.kind != "im"
                    and not message.sender.is_bot
                ):
                    self.event({**shown, "type": "app_mention", "channel": message.room.id, "event_ts": message.ts})
            case "changed":
                change = {"subtype": "message_changed", "message": shown, "previous_message": shown}
                self.event({"type": "message", **place, **change, "ts": self.world.ts(), "hidden": True})
            case _:
                gone = {"subtype": "message_deleted", "deleted_ts": message.ts, "previous_message": shown}
                self.event({"type": "message", **place, **gone, "ts": self.world.ts(), "hidden": True})

    def event(self, event: dict[str, Any]) -> None:
        """Any event, also a malformed one."""
        number = self.world.number()
        payload: dict[str, Any] = {
            "token": "verification",
            "team_id": self.world.team,
            "api_app_id": "A01",
            "event": {"event_ts": self.world.ts(), **event},
            "type": "event_callback",
            "event_id": f"Ev{number:06d}",
            "event_time": int(self.world.clock.now().timestamp()),
            "authorizations": [{"team_id": self.world.team, "user_id": self.world.app.id, "is_bot": True}],
        }
        self.deliver("events_api", payload)

    def _message(self, who: Who, room: FakeRoom | None, text: str, thread: FakeMessage | str) -> FakeMessage:
        person = self.person(who)
        place = room or self.world.dm(person)
        message = FakeMessage(self.world.ts(), place, person, self._marked(text))
        message.thread_ts = (thread.thread_ts or thread.ts) if isinstance(thread, FakeMessage) else thread
        return message

    def _marked(self, text: str) -> str:
        """`@Desk & co` → `<@U0BOT> &amp; co`."""
        text = html.escape(text, quote=False)
        for person in self.world.people.values():
            text = re.sub(rf"@{re.escape(person.name)}\b", f"<@{person.id}>", text)
        return text

    def _arrives(self, message: FakeMessage) -> FakeMessage:
        self.world.messages.append(message)
        self.announce(message, "posted")
        return message

    # --- interactivity ----------------------------------------------------------------------------------

    def press(self, who: Who, message: FakeMessage, label: str) -> dict[str, Any]:
        """Press the button of that label; returns the payload. Raises `LookupError` when there is none."""
        button = next((item for item in message.buttons if item["text"]["text"] == label), None)
        if button is None:
            raise LookupError(f"message {message.ts} has no button {label!r}: {message.labels}")
        return self._act(who, message, button)

    def choose(self, who: Who, message: FakeMessage, *labels: str, menu: int = 0) -> dict[str, Any]:
        """Choose options of a menu; returns the payload. Raises `LookupError` when there is no such menu or option."""
        if menu >= len(message.menus):
            raise LookupError(f"message {message.ts} has no menu {menu}")
        found = message.menus[menu]
        options = {str(option["text"]["text"]): option for option in found["options"]}
        chosen = [options[label] for label in labels]
        if found["type"] == "static_select":
            if len(chosen) != 1:
                raise LookupError("the menu takes one option")
            return self._act(who, message, {**found, "selected_option": chosen[0]})
        if len(chosen) > found.get("max_selected_items", 100):
            raise LookupError(f"the menu does not take {len(chosen)} options")
        return self._act(who, message, {**found, "selected_options": chosen})

    def submit(self, pressed: dict[str, Any], answers: dict[str, str | bool | list[str]]) -> dict[str, Any]:
        """Send the view that a press opened, filled in by the labels people read; returns the payload.

        Raises `LookupError` when no view was opened, a label is unknown, or a required input is empty.
        """
        trigger = self.world.triggers[pressed["trigger_id"]]
        if trigger.view is None:
            raise LookupError("no view was opened")
        inputs = {str(block["label"]["text"]): block for block in trigger.view["blocks"] if block["type"] == "input"}
        if unknown := set(answers) - set(inputs):
            raise LookupError(f"the view has no {unknown}: {list(inputs)}")
        values: dict[str, Any] = {}
        for label, block in inputs.items():
            element = block["element"]
            state = _filled(element, answers.get(label))
            if not block.get("optional") and not any(value for key, value in state.items() if key != "type"):
                raise LookupError(f"{label} is required")
            values[block["block_id"]] = {element["action_id"]: state}
        payload: dict[str, Any] = {
            "type": "view_submission",
            "user": pressed["user"],
            "team": pressed["team"],
            "api_app_id": "A01",
            "token": "verification",
            "trigger_id": self._trigger(trigger.person),
            "view": {**trigger.view, "state": {"values": values}},
            "response_urls": [],
        }
        self.deliver("interactive", payload)
        return payload

    def _trigger(self, person: FakePerson) -> str:
        """Leave to open one view."""
        trigger = f"{self.world.number()}.trigger"
        self.world.triggers[trigger] = FakeTrigger(person, self.world.clock.monotonic())
        return trigger

    def _act(self, who: Who, message: FakeMessage, action: dict[str, Any]) -> dict[str, Any]:
        """Use something of a message that can be pressed."""
        person = self.person(who)
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": {
                "id": person.id,
                "name": person.name.lower(),
                "username": person.name.lower(),
                "team_id": self.world.team,
            },
            "api_app_id": "A01",
            "token": "verification",
            "trigger_id": self._trigger(person),
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.room.id},
            "team": {"id": self.world.team, "domain": "team"},
            "channel": {"id": message.room.id, "name": message.room.name or "directmessage"},
            "message": self.world.message_json(message),
            "response_url": self.responses.open(message.room, person),
            "actions": [{**action, "block_id": "x", "action_ts": self.world.ts()}],
        }
        self.deliver("interactive", payload)
        return payload

    def command(self, who: Who, command: str, text: str = "", room: FakeRoom | None = None) -> dict[str, Any]:
        """Use a slash command; returns the payload."""
        person = self.person(who)
        place = room or self.world.dm(person)
        payload = {
            "token": "verification",
            "team_id": self.world.team,
            "channel_id": place.id,
            "channel_name": place.name or "directmessage",
            "user_id": person.id,
            "user_name": person.name.lower(),
            "command": command,
            "text": text,
            "api_app_id": "A01",
            "response_url": self.responses.open(place, person),
            "trigger_id": f"{self.world.number()}.trigger",
        }
        self.deliver("slash_commands", payload)
        return payload


def _filled(element: dict[str, Any], answer: str | bool | list[str] | None) -> dict[str, Any]:
    """What Slack sends of one input of a view; empty ones are null or an empty list."""
    kind = element["type"]
    options = {str(option["text"]["text"]): option for option in element.get("options", ())}
    match kind:
        case "checkboxes":
            ticked = answer if answer is not None else bool(element.get("initial_options"))
            return {"type": kind, "selected_options": list(options.values()) if ticked else []}
        case "static_select":
            chosen = options[str(answer)] if answer else element.get("initial_option")
            return {"type": kind, "selected_option": chosen}
        case "multi_static_select":
            labels = answer if isinstance(answer, list) else [answer] if isinstance(answer, str) else []
            return {"type": kind, "selected_options": [options[label] for label in labels]}
        case "datepicker":
            return {"type": kind, "selected_date": answer or element.get("initial_date")}
        case _:
            text = answer if answer is not None else element.get("initial_value")
            if text and not element.get("min_length", 0) <= len(str(text)) <= element.get("max_length", 3000):
                raise LookupError(f"the input does not take {len(str(text))} characters")
            return {"type": kind, "value": text or None}
