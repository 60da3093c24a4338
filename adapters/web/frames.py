"""Stored parts and events → what a browser is told of them. Messages are told whole, so telling one again is harmless.

{"id": "run_….0", "by": "bot", "at": 1763…, "body": […tree…], "buttons": […], "selects": […], "files": [{"url", …}]}
{"id": "k3…", "by": "me", "at": 1763…, "text": "hello", "files": […]}
{"id": "k3…", "gone": true}
"""

from __future__ import annotations

__all__ = ["CURSOR_MARK", "Frames"]

from collections.abc import Callable, Mapping
from typing import Any

from adapters.web.tickets import FileTicket
from adapters.web.tree import tree
from botkit.sdk import Attachment, Event, Part, Recalled

CURSOR_MARK = " ▌"
"""How the text of an answer that is still being written ends."""
_UNSENT = ("failed", "dropped")


class Frames:
    """For one visitor.

    Args:
        link: the address of a file that only this visitor gets.
    """

    def __init__(self, visitor: str, link: Callable[[FileTicket], str]):
        self._visitor = visitor
        self._link = link

    def of_part(self, part: Part, *, at: int = 0) -> dict[str, Any]:
        """A message of ours; with `message_id`, what that message says from now on."""
        payload = part.payload
        frame: dict[str, Any] = {
            "id": part.message_id or part.edit_of or part.id,
            "by": "bot",
            "at": at or part.created_at,
            **self.body(str(payload.get("text") or "")),
        }
        if part.edit_of:
            frame["edit"] = True
        for name in ("buttons", "selects", "quote"):
            if payload.get(name):
                frame[name] = payload[name]
        if files := payload.get("files"):
            frame["files"] = [self._file(one) for one in files]
        return frame

    def body(self, text: str) -> dict[str, Any]:
        """Text of a message, and whether it is still being written."""
        if text.endswith(CURSOR_MARK):
            return {"body": tree(text.removesuffix(CURSOR_MARK)), "live": True}
        return {"body": tree(text)}

    def of_event(self, event: Event, at: int) -> dict[str, Any] | None:
        """What a visitor did, for their other tabs and for after a reload; None for what leaves no trace."""
        match event.kind:
            case "message" | "command":
                text = f"/{event.command} {event.text}".rstrip() if event.kind == "command" else event.text
                frame: dict[str, Any] = {"id": event.message_id, "by": "me", "at": at, "text": text}
                if event.attachments:
                    frame["files"] = [self._attached(one) for one in event.attachments]
                return frame
            case "delete":
                return {"id": event.target_id, "gone": True}
            case "reaction":
                return {"id": event.target_id, "feedback": event.status}
            case _:
                return None

    def everything(self, recalled: Recalled, *, after: int = 0) -> list[dict[str, Any]]:
        """All messages that changed after a time, oldest first, each as it stands now."""
        found: dict[str, tuple[int, dict[str, Any]]] = {}
        for said in recalled.said:
            part = said.part
            if part.state in _UNSENT:
                continue
            if part.edit_of and part.edit_of in found:
                changed, first = found[part.edit_of]
                edited = {**self.of_part(part, at=first["at"]), "id": part.edit_of}
                found[part.edit_of] = (max(changed, said.at), edited)
            else:
                key = part.edit_of or part.id
                found[key] = (said.at, {**self.of_part(part), "id": key})
        marks: list[tuple[int, dict[str, Any]]] = []
        for heard in recalled.heard:
            frame = self.of_event(heard.event, heard.at)
            if frame is None:
                continue
            if "by" in frame:
                found[frame["id"]] = (heard.at, frame)
            else:
                marks.append((heard.at, frame))
        for at, mark in marks:
            if mark["id"] in found:
                changed, frame = found[mark["id"]]
                found[mark["id"]] = (max(changed, at), frame | mark)
        shown = [frame for changed, frame in found.values() if changed >= after]
        if not after:
            shown = [frame for frame in shown if not frame.get("gone")]
        return sorted(shown, key=lambda frame: frame["at"])

    def _attached(self, one: Attachment) -> dict[str, Any]:
        shown = {"kind": one.kind, "name": one.name, "mime": one.mime, "size_bytes": one.size_bytes}
        return self._file({**shown, "file_id": one.remote})

    def _file(self, one: Mapping[str, Any]) -> dict[str, Any]:
        name, mime, size = str(one.get("name") or ""), str(one.get("mime") or ""), int(one.get("size_bytes") or 0)
        ticket = FileTicket(file=str(one.get("file_id") or ""), visitor=self._visitor, until=0, name=name, mime=mime)
        shown = {"name": name, "kind": one.get("kind") or "file", "size": size, "text": one.get("text") or ""}
        return {**shown, "url": self._link(ticket) if ticket.file else ""}
