"""aiogram is imported without its four hundred types, and works as if it had them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import adapters.telegram
from aiogram.methods import Response, SendMessage
from aiogram.types import Chat, Message, Update
from pydantic import BaseModel

assert not Chat.__pydantic_complete__, "aiogram's types were built at import"

message = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x",
           "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}}
update = Update.model_validate({"update_id": 1, "message": message})
assert update.message.chat.id == 1
assert update.message.reply_markup.inline_keyboard[0][0].callback_data == "b"
assert Response[list[Message]].model_validate({"ok": True, "result": [message]}).result[0].text == "x"
assert SendMessage(chat_id=1, text="x", entities=[{"type": "bold", "offset": 0, "length": 1}]).entities

class Other(BaseModel):
    later: "list[Later]"

class Later(BaseModel):
    x: int

assert Other.model_rebuild(force=True)
assert Other(later=[{"x": 1}]).later[0].x == 1
print("fine")
"""

SOMEBODY_ELSE_FIRST = """
import aiogram
from aiogram.types import Chat
import adapters.telegram
assert Chat.__pydantic_complete__
print("fine")
"""


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_types_are_built_when_they_are_used() -> None:
    assert _run(PROGRAM) == "fine"


def test_an_aiogram_that_is_there_already_is_left_alone() -> None:
    assert _run(SOMEBODY_ELSE_FIRST) == "fine"
