"""What a site's backend does: sign who is logged in. Written apart from the adapter, from the specification.

Source: https://www.rfc-editor.org/rfc/rfc7519
"""

from __future__ import annotations

__all__ = ["sign_identity"]

import base64
import hashlib
import hmac
import json
from typing import Any


def sign_identity(secret: str, claims: dict[str, Any], *, head: dict[str, Any] | None = None) -> str:
    """A JWT, signed with HMAC-SHA256 whatever its head says."""
    signed = f"{_piece(head or {'alg': 'HS256', 'typ': 'JWT'})}.{_piece(claims)}"
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _piece(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
