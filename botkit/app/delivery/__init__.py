"""Outgoing mail and short messages: one file per kind of service, chosen by `settings`."""

from botkit.app.delivery.choosing import Deliveries

__all__ = ["Deliveries"]
