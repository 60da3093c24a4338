"""The stable names that authors of adapters and workspace code use."""

from __future__ import annotations

__all__ = [
    "Action",
    "Adapter",
    "AdapterError",
    "AdapterHost",
    "Attachment",
    "BadSignature",
    "BotkitError",
    "Button",
    "Capabilities",
    "ChannelFatal",
    "ChatGone",
    "Clock",
    "Conversation",
    "Event",
    "Health",
    "HttpRequest",
    "HttpResponse",
    "LimitReached",
    "NotFound",
    "OutMessage",
    "Part",
    "RateLimited",
    "Receipt",
    "Rendered",
    "ReplyTo",
    "SendFailed",
    "SendUnknown",
    "StoreError",
    "User",
    "payload_key",
    "plain_json",
    "quarantined",
]

from botkit.core.clock import Clock
from botkit.core.errors import (
    AdapterError,
    BadSignature,
    BotkitError,
    ChannelFatal,
    ChatGone,
    LimitReached,
    NotFound,
    RateLimited,
    SendFailed,
    SendUnknown,
    StoreError,
)
from botkit.core.events import Action, Attachment, Conversation, Event, ReplyTo, User
from botkit.core.messages import Button, Capabilities, OutMessage, Part, Receipt, Rendered
from botkit.sdk.adapter import Adapter, AdapterHost, Health, HttpRequest, HttpResponse
from botkit.sdk.parsing import payload_key, plain_json, quarantined
