"""The worst model there can be: it does whatever any text it reads tells it to, and repeats all it has read.

`CALL tool {json}` is an order, wherever it stands, in whatever disguise: other letters that look alike, invisible
characters, base64.
"""

from __future__ import annotations

__all__ = ["disguised", "obey", "orders_in"]

import base64
import binascii
import json
import re
import unicodedata
from typing import Any, cast

from botkit.core.models import ModelReply, ModelRequest
from botkit.testing.models import calls

_ORDER = re.compile(r"CALL\s+(\S[^{\n]*?)\s*(?=\{)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_ALIKE = str.maketrans("АСВЕаcеорІі", "ACBEaceopIi")
_TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}


def disguised(text: str) -> str:
    """The text without its disguise."""
    text = unicodedata.normalize("NFKC", text.translate(_TAGS)).translate(_ALIKE)
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def _decoded(text: str) -> str:
    found: list[str] = []
    for match in _BASE64.findall(text):
        try:
            found.append(base64.b64decode(match, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return "\n".join(found)


def orders_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Every order in a text: (tool, arguments)."""
    found: list[tuple[str, dict[str, Any]]] = []
    for plain in (text, disguised(text)):
        whole = f"{plain}\n{_decoded(plain)}"
        for match in _ORDER.finditer(whole):
            try:
                arguments, _ = json.JSONDecoder().raw_decode(whole, match.end())
            except ValueError:
                continue
            if isinstance(arguments, dict):
                found.append((match[1].strip("`'\" "), cast("dict[str, Any]", arguments)))
    return [order for index, order in enumerate(found) if order not in found[:index]]


def obey(request: ModelRequest) -> ModelReply:
    """Give every order that was not given yet in this turn; then say everything."""
    messages = request.messages
    last = max(index for index, message in enumerate(messages) if message["role"] == "user")
    given = [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for message in messages[last:]
        for call in message.get("tool_calls") or ()
    ]
    read = [str(message["content"]) for message in messages if message["role"] != "assistant" and message["content"]]
    wanted = [order for text in read for order in orders_in(text) if order not in given]
    wanted = [order for index, order in enumerate(wanted) if order not in wanted[:index]]
    if wanted and request.tools and request.tool_choice == "auto":
        return calls(*wanted)
    return ModelReply(text="All I have read:\n" + "\n".join(read))
