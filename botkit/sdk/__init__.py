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
    "Card",
    "ChannelFatal",
    "ChatGone",
    "Clock",
    "Conversation",
    "Event",
    "Fact",
    "Form",
    "FormField",
    "Health",
    "Heard",
    "HttpRequest",
    "HttpResponse",
    "LimitReached",
    "Mention",
    "NotFound",
    "Option",
    "OutMessage",
    "Part",
    "RateLimited",
    "Recalled",
    "Receipt",
    "Rendered",
    "ReplyTo",
    "Said",
    "Select",
    "SendFailed",
    "SendUnknown",
    "ServesHttp",
    "ServingHost",
    "StoreError",
    "Template",
    "User",
    "card_text",
    "degrade",
    "list_text",
    "named",
    "payload_key",
    "plain_json",
    "plain_text",
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
from botkit.core.messages import (
    Button,
    Capabilities,
    Card,
    Fact,
    Form,
    FormField,
    Mention,
    Option,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    Select,
    Template,
)
from botkit.core.recall import Heard, Recalled, Said
from botkit.sdk.adapter import Adapter, AdapterHost, Health, HttpRequest, HttpResponse
from botkit.sdk.degrade import card_text, degrade, list_text, named, plain_text
from botkit.sdk.parsing import payload_key, plain_json, quarantined
from botkit.sdk.serving import ServesHttp, ServingHost
