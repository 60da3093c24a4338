"""The variables that the examples of the reference are written for."""

from __future__ import annotations

from typing import Any

VARIABLES: dict[str, Any] = {
    "message": {"text": "I want a refund", "id": "m1", "attachments": []},
    "user": {"id": "u1", "name": "Ada", "roles": ["customer", "vip"], "locale": "de"},
    "order": {
        "id": "A-1002",
        "total": 612.5,
        "status": "sent",
        "paid": True,
        "note": None,
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "items": [
            {"name": "Shoes", "price": 600, "heavy": True},
            {"name": "Socks", "price": 12.5, "heavy": False},
        ],
    },
    "run": {"id": "r1", "started_at": "2026-11-21T09:30:00+00:00"},
    "n": 3,
}
