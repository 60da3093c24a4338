"""Interactions: three seconds to answer, fifteen minutes to follow up.

Source: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

__all__ = ["ANSWER_S", "TOKEN_S", "Interactions"]

from dataclasses import replace
from typing import Any

from botkit.testing.discord.checks import check_message
from botkit.testing.discord.faults import ApiError, Call
from botkit.testing.discord.layouts import check_modal
from botkit.testing.discord.rest import Rest
from botkit.testing.discord.world import EPHEMERAL, LOADING, FakeInteraction, World

ANSWER_S = 3.0
TOKEN_S = 900.0
_PONG, _MESSAGE, _DEFERRED_MESSAGE, _DEFERRED_UPDATE, _UPDATE, _MODAL = 1, 4, 5, 6, 7, 9


class Interactions:
    """Their callback and webhook routes; the token in the path is all the authorisation there is."""

    def __init__(self, world: World, rest: Rest):
        self.world = world
        self.rest = rest

    def callback(self, number: int, token: str, call: Call) -> Any:
        """`POST /interactions/{id}/{token}/callback`, with or without an answer to read.

        Raises `ApiError`: 10062 too late, 40060 twice.
        """
        found = self.world.interactions.get(number)
        if found is None or found.token != token or self.world.clock.monotonic() - found.at_s > ANSWER_S:
            raise ApiError(404, 10062, "Unknown interaction")
        if found.state != "open":
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        self.respond(found, call)
        if call.query.get("with_response") not in {"1", "true"}:
            return None
        made: dict[str, Any] = {"id": str(number), "type": found.kind}
        if found.response is None:
            return {"interaction": made}
        made |= {
            "response_message_id": str(found.response.id),
            "response_message_loading": bool(found.response.flags & LOADING),
            "response_message_ephemeral": bool(found.response.flags & EPHEMERAL),
        }
        message = self.world.message_json(found.response)
        return {"interaction": made, "resource": {"type": call.body["type"], "message": message}}

    def respond(self, found: FakeInteraction, call: Call) -> None:
        """Apply an answer, from the callback route or from the body of an HTTP interaction."""
        data: dict[str, Any] = call.body.get("data") or {}
        flags = int(data.get("flags", 0)) & EPHEMERAL
        inner = replace(call, body=data)
        match call.body.get("type"):
            case 4:
                check_message(inner, creates=True)
                found.response = self._message(found, inner, flags)
                found.state = "answered"
            case 5:
                found.response = self._message(found, Call("POST", "", {"content": ""}), flags | LOADING)
                found.flags, found.state = flags, "deferred"
            case 6 if found.kind == 3 or (found.kind == 5 and found.message is not None):
                found.response, found.state = found.message, "answered"
            case 9 if found.kind in {2, 3}:
                check_modal(data)
                found.dialog, found.state = data, "answered"
            case 7 if found.kind == 3 and found.message is not None:
                check_message(inner, creates=False)
                self.rest.change(found.message, inner)
                found.response, found.state = found.message, "answered"
            case _:
                raise ApiError(400, 50035, "Invalid Form Body")

    def _message(self, found: FakeInteraction, call: Call, flags: int) -> Any:
        place = self.world.channels[found.channel_id]
        message = self.rest.write(place, call, flags=flags, seen_by=found.user.id if flags & EPHEMERAL else 0)
        message.kind = 20 if found.kind == 2 else 0
        if not flags & LOADING:
            self.rest.announce("MESSAGE_CREATE", message)
        return message

    def webhook(self, call: Call, token: str, message: str) -> Any:
        """`/webhooks/{application}/{token}` and `…/messages/{message}`. Raises `ApiError` when it expired."""
        found = next((item for item in self.world.interactions.values() if item.token == token), None)
        if found is None:
            raise ApiError(404, 10015, "Unknown Webhook")
        if self.world.clock.monotonic() - found.at_s > TOKEN_S:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        if found.state == "open":
            raise ApiError(404, 10015, "Unknown Webhook")
        if call.method == "POST":
            return self._follow_up(found, call)
        target = found.response if message == "@original" else self.world.live(int(message))
        if target is None or target.deleted:
            raise ApiError(404, 10008, "Unknown Message")
        if call.method == "DELETE":
            target.deleted = True
            found.state = "answered"
            return None
        if call.method == "PATCH":
            check_message(call, creates=target.flags & LOADING > 0)
            self._complete(found, target, call)
        return self.world.message_json(target)

    def _follow_up(self, found: FakeInteraction, call: Call) -> Any:
        check_message(call, creates=True)
        if found.state == "deferred" and found.response is not None:
            self._complete(found, found.response, call)  # the first follow-up takes the place of "thinking …"
            return self.world.message_json(found.response)
        flags = int(call.body.get("flags", 0)) & EPHEMERAL
        return self.world.message_json(self._message(found, call, flags))

    def _complete(self, found: FakeInteraction, target: Any, call: Call) -> None:
        self.rest.change(target, call)
        if target.flags & LOADING:
            target.flags &= ~LOADING
            target.edited_at, target.edits = None, []
            self.rest.announce("MESSAGE_CREATE", target)
        found.state = "answered"
