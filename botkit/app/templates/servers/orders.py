# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""Orders of a small shop, with sample data. Replace the body of the functions with calls of your own system.

What is refunded stands in `refunds.jsonl` under `$BOTKIT_SERVER_DATA`, one line each. A repeat of a request (the same
`_meta["io.botkit/idempotency-key"]`) books nothing and returns the first refund.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("orders", instructions="Looks up orders and customers, refunds orders.", log_level="WARNING")

CUSTOMERS = {
    "ada@example.com": {"email": "ada@example.com", "name": "Ada Larsen", "city": "Aarhus"},
    "bruno@example.com": {"email": "bruno@example.com", "name": "Bruno Keller", "city": "Basel"},
}
ORDERS = {
    "A-1001": ("ada@example.com", "delivered", 6600, "PN 4471 0932 DK"),
    "A-1002": ("ada@example.com", "shipped", 3900, "PN 4471 2288 DK"),
    "A-1003": ("bruno@example.com", "paid", 82900, None),
}


@server.tool()
def get_order(order_id: str) -> dict[str, Any]:
    """Show one order: customer, status, total, tracking number, and its refund if there was one."""
    number = order_id.strip().upper()
    if number not in ORDERS:
        raise ToolError(f"There is no order {number}.")
    email, status, total_cents, tracking = ORDERS[number]
    refund = next((line for line in _ledger() if line["order_id"] == number), None)
    return {
        "order_id": number,
        "email": email,
        "status": status,
        "total_cents": total_cents,
        "currency": "EUR",
        "tracking": tracking,
        "refund": refund,
    }


@server.tool()
def get_customer(email: str) -> dict[str, Any]:
    """Show a customer by e-mail address."""
    found = CUSTOMERS.get(email.strip().lower())
    if found is None:
        raise ToolError(f"There is no customer with the address {email}.")
    return found


@server.tool()
def refund_order(order_id: str, reason: str, ctx: Context[Any, Any], amount_cents: int | None = None) -> dict[str, Any]:
    """Give the money of an order back, all of it or a part. Once for each order."""
    order = get_order(order_id)
    meta: Any = ctx.request_context.meta or {}
    request = str(meta.get("io.botkit/idempotency-key") or "")
    if order["refund"] is not None:
        if request and order["refund"].get("request") == request:
            return order["refund"]
        raise ToolError(f"Order {order['order_id']} was refunded before.")
    amount = order["total_cents"] if amount_cents is None else amount_cents
    if not 0 < amount <= order["total_cents"]:
        raise ToolError(f"{amount} cents cannot be refunded for this order.")
    line = {
        "refund_id": f"R-{len(_ledger()) + 1:05d}",
        "order_id": order["order_id"],
        "amount_cents": amount,
        "reason": reason,
        "request": request,
    }
    with (_folder() / "refunds.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return line


def _ledger() -> list[dict[str, Any]]:
    file = _folder() / "refunds.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def _folder() -> Path:
    folder = Path(os.environ.get("BOTKIT_SERVER_DATA", ".botkit/servers/orders"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    server.run()
