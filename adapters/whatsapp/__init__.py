"""WhatsApp, by Meta's Cloud API or by Twilio."""

from __future__ import annotations

__all__ = ["WhatsApp"]

from adapters.whatsapp.adapter import WhatsApp
