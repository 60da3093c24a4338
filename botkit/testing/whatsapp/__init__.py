"""WhatsApp on loopback: Meta's Cloud API and Twilio, with people who write, press buttons and read.

async with FakeCloud(push=hook) as fake:       # or FakeTwilio
    ...start an adapter with api_base=fake.api_base...
    fake.say("Ada", "hello")
    await fake.wait_for(lambda: fake.sent)
    assert fake.sent[-1].text == "hi"
"""

from __future__ import annotations

__all__ = [
    "FakeCloud",
    "FakeMessage",
    "FakePerson",
    "FakeTwilio",
    "FakeWhatsApp",
    "Hook",
    "RemoteWhatsApp",
    "mount_control",
]

from botkit.testing.whatsapp.cloud import FakeCloud
from botkit.testing.whatsapp.control import RemoteWhatsApp, mount_control
from botkit.testing.whatsapp.twilio import FakeTwilio
from botkit.testing.whatsapp.world import FakeMessage, FakePerson, FakeWhatsApp, Hook
