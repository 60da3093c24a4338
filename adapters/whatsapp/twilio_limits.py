"""What a WhatsApp number at Twilio can do.

Source: https://www.twilio.com/docs/whatsapp/api
"""

from __future__ import annotations

__all__ = ["CAPABILITIES", "FILE_LIMIT_BYTES"]

from botkit.sdk import Capabilities

FILE_LIMIT_BYTES = 16 * 1024 * 1024
CAPABILITIES = Capabilities(
    text_limit=1600,
    typing_s=25.0,
    buttons=True,
    button_value_bytes=200,
    selects=10,
    templates=True,
    window_s=86_400.0,
    files=True,
    file_in_limit_bytes=FILE_LIMIT_BYTES,
    file_out_limit_bytes=FILE_LIMIT_BYTES,
    commands=True,
)
