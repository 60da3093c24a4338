# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""Tickets in one file, with a solved one to begin with. Replace it with a server of your own ticket system."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("tickets", instructions="Finds, opens and answers tickets.", log_level="WARNING")

SAMPLE: list[dict[str, Any]] = [
    {
        "id": "T-100",
        "title": "Blank page while paying",
        "body": "The payment page stays white.",
        "status": "answered",
        "priority": "normal",
        "comments": ["An extension of the browser blocks the page: open it in a private window."],
    }
]


@server.tool()
def create_ticket(title: str, body: str, ctx: Context[Any, Any], priority: str = "normal") -> dict[str, Any]:
    """Open a ticket; returns it with its `id`."""
    tickets, request = _load(), _request(ctx)
    for ticket in tickets:
        if request and ticket.get("request") == request:
            return ticket
    made = {"id": f"T-{100 + len(tickets)}", "title": title, "body": body, "status": "open", "priority": priority}
    _save([*tickets, made | {"comments": [], "request": request}])
    return made


@server.tool()
def find_tickets(text: str) -> dict[str, Any]:
    """Tickets that have one of these words in them."""
    words = {word for word in text.lower().split() if len(word) > 3}
    found = [ticket for ticket in _load() if any(word in json.dumps(ticket).lower() for word in words)]
    return {"tickets": found[:10]}


@server.tool()
def get_ticket(id: str) -> dict[str, Any]:  # noqa: A002 - the argument's name is what models and people see
    """Show one ticket with its comments."""
    found = next((ticket for ticket in _load() if ticket["id"] == id), None)
    if found is None:
        raise ToolError(f"There is no ticket {id}.")
    return found


@server.tool()
def add_comment(
    id: str,  # noqa: A002 - as above
    text: str,
    ctx: Context[Any, Any],
    status: str = "open",
) -> dict[str, Any]:
    """Write a comment to a ticket and set its status; a ticket of elsewhere is opened here by it."""
    tickets, request = _load(), _request(ctx)
    ticket: dict[str, Any] | None = next((one for one in tickets if one["id"] == id), None)
    if ticket is None:
        ticket = {"id": id, "title": id, "body": "", "priority": "normal", "comments": []}
        tickets.append(ticket)
    done: list[str] = ticket.setdefault("requests", [])
    if not request or request not in done:
        ticket |= {"comments": [*ticket["comments"], text], "status": status, "requests": [*done, request]}
        _save(tickets)
    return {"id": id, "status": ticket["status"], "comments": ticket["comments"]}


def _request(ctx: Context[Any, Any]) -> str:
    """The same for a repeat of one request."""
    meta: Any = ctx.request_context.meta or {}
    return str(meta.get("io.botkit/idempotency-key") or "")


def _file() -> Path:
    folder = Path(os.environ.get("BOTKIT_SERVER_DATA", ".botkit/servers/tickets"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "tickets.json"


def _load() -> list[dict[str, Any]]:
    return json.loads(_file().read_text("utf-8")) if _file().exists() else [dict(one) for one in SAMPLE]


def _save(tickets: list[dict[str, Any]]) -> None:
    fresh = _file().with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(tickets, indent=2), encoding="utf-8")
    fresh.replace(_file())


if __name__ == "__main__":
    server.run()
