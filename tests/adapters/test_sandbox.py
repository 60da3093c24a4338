"""The page and the terminal as a platform: what they are given, and what they send."""

from __future__ import annotations

from hypothesis import given

from adapters.sandbox import Sandbox
from botkit.core.events import Action, Conversation
from botkit.core.messages import Attachment, Button, OutMessage
from botkit.testing.adapters import MemoryHost
from tests.adapters.test_rich_rendering import nothing_is_missing
from tests.sdk.rich_messages import rich_messages

HERE = Conversation(channel="sandbox", room="ada-1")
SANDBOX = Sandbox("sandbox", None, MemoryHost())


def action(**payload: object) -> Action | None:
    (event,) = SANDBOX.parse({"id": "c0ffee", "room": "ada-1", "person": "ada", **payload})
    return event.action


def test_a_press_a_choice_and_a_form():
    assert action(text="hello") is None
    assert action(press="yes", message_id="m") == Action(value="yes", message_id="m")
    assert action(press="city", values=["a", "b"]) == Action(value="a", values=("a", "b"))
    sent = action(press="f", fields={"name": "Ada", "count": 2, "gift": False, "tags": ["x"], "note": None})
    assert sent == Action(value="f", sent=True, fields={"name": "Ada", "count": "2", "gift": "false", "tags": ["x"]})


@given(rich_messages())
def test_everything_is_in_what_the_page_is_given(message: OutMessage):
    nothing_is_missing(message, list(SANDBOX.render(message, HERE)))


def test_files_are_named_in_the_text():
    picture = Attachment(kind="image", name="a.png")
    (part,) = SANDBOX.render(
        OutMessage(text="Here", attachments=(picture,), buttons=((Button(label="Go", value="g"),),)), HERE
    )
    assert part.text == "Here\n📎 a.png"
    assert part.payload["rich"]["buttons"] == [[{"label": "Go", "value": "g"}]]
