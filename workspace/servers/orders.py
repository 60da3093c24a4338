# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""Customers, orders and refunds of a small shop.

    python workspace/servers/orders.py        # speaks MCP over stdin and stdout

`$BOTKIT_SERVER_DATA` (default: `.botkit/servers/orders` under the working folder) holds two files:

- `orders.json`: customers and orders. Written with sample data when missing; replace it with an export of yours.
- `refunds.jsonl`: the ledger, one line for each refund, never rewritten. It alone decides what was refunded, so
  there is no moment at which money is booked in one place and missing in another.

A refund carrying the `_meta["io.botkit/idempotency-key"]` of an earlier one returns that one and books nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field, ValidationError

__all__ = ["Customer", "Order", "Orders", "Refund", "Shop", "server"]

server = MCPServer(
    "orders",
    title="Orders",
    instructions="Looks up customers and orders of the shop and refunds orders. An order is refunded once.",
    version="1.0.0",
    log_level="WARNING",
)

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
REFUNDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)

Status = Literal["pending", "paid", "shipped", "delivered", "cancelled"]


class Customer(BaseModel):
    """A person who ordered something."""

    name: str
    email: str
    city: str
    since: str = Field(description="Date of the first order, YYYY-MM-DD")


class Item(BaseModel):
    """A line of an order."""

    name: str
    quantity: int
    price_cents: int = Field(description="Price of one piece")


class Refund(BaseModel):
    """Money given back for an order."""

    refund_id: str
    order_id: str
    amount_cents: int
    currency: str
    reason: str
    at: str = Field(description="ISO 8601, UTC")


class Order(BaseModel):
    """An order with its lines, and its refund when there was one."""

    order_id: str
    email: str = Field(description="E-mail address of the customer")
    status: Status
    ordered_on: str = Field(description="YYYY-MM-DD")
    items: list[Item]
    total_cents: int
    currency: str
    tracking: str | None = Field(None, description="The carrier's number once it is shipped")
    refund: Refund | None = None


class Orders(BaseModel):
    """Orders, newest first, and how many there are in all."""

    orders: list[Order]
    total: int


class Shop(BaseModel):
    """What `orders.json` holds."""

    customers: list[Customer]
    orders: list[Order]


class _Line(Refund):
    """A line of the ledger: the refund, and the request that caused it."""

    request: str | None = None


OrderId = Annotated[
    str,
    Field(description="Order number, such as A-1001", pattern=r"^[A-Za-z]-[0-9]{3,8}$", examples=["A-1001"]),
]
Email = Annotated[
    str, Field(description="E-mail address of the customer", pattern=r"^\S+@\S+$", examples=["ada@example.com"])
]


def _order(
    number: str, email: str, status: Status, day: str, *items: tuple[str, int, int], tracking: str | None = None
) -> Order:
    lines = [Item(name=name, quantity=quantity, price_cents=price) for name, quantity, price in items]
    return Order(
        order_id=number,
        email=email,
        status=status,
        ordered_on=day,
        items=lines,
        total_cents=sum(line.quantity * line.price_cents for line in lines),
        currency="EUR",
        tracking=tracking,
    )


ADA, BRUNO, CHIARA, DMITRI = (f"{name}@example.com" for name in ("ada", "bruno", "chiara", "dmitri"))

SAMPLE = Shop(
    customers=[
        Customer(name="Ada Larsen", email=ADA, city="Aarhus", since="2024-03-02"),
        Customer(name="Bruno Keller", email=BRUNO, city="Basel", since="2025-01-19"),
        Customer(name="Chiara Conti", email=CHIARA, city="Como", since="2023-11-30"),
        Customer(name="Dmitri Novak", email=DMITRI, city="Decin", since="2026-05-07"),
    ],
    orders=[
        _order(
            "A-1001",
            ADA,
            "delivered",
            "2026-09-01",
            ("Ceramic teapot", 1, 4900),
            ("Tea, 100 g", 2, 850),
            tracking="PN 4471 0932 DK",
        ),
        _order("A-1002", ADA, "shipped", "2026-10-12", ("Travel mug", 2, 1950), tracking="PN 4471 2288 DK"),
        _order("A-1003", BRUNO, "paid", "2026-10-14", ("Espresso machine", 1, 32900)),
        _order("A-1004", BRUNO, "cancelled", "2026-06-21", ("Milk jug", 1, 2400)),
        _order("A-1005", CHIARA, "delivered", "2026-08-17", ("Coffee, 1 kg", 3, 2190), tracking="IT 99 203 811"),
        _order("A-1006", CHIARA, "pending", "2026-10-15", ("Hand grinder", 1, 8900)),
        _order("A-1007", DMITRI, "delivered", "2026-05-07", ("French press", 1, 3450), ("Filter papers", 4, 320)),
    ],
)


def _folder() -> Path:
    folder = Path(os.environ.get("BOTKIT_SERVER_DATA") or ".botkit/servers/orders")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _shop() -> Shop:
    """Read `orders.json`, writing the sample data first when there is none."""
    file = _folder() / "orders.json"
    if not file.exists():
        fresh = file.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(SAMPLE.model_dump_json(indent=2, exclude_none=True), encoding="utf-8")
        fresh.replace(file)
    try:
        return Shop.model_validate_json(file.read_bytes())
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise ToolError(f"{file} does not fit: {where or 'the file'}: {error.errors()[0]['msg']}.") from error


@contextmanager
def _ledger() -> Generator[tuple[IO[bytes], list[_Line]]]:
    """Open the ledger for reading and appending while holding its lock.

    A line without its end is what a crash in the middle of a write leaves; nobody was told of that refund,
    so the half line is cut off.
    """
    with (_folder() / "refunds.jsonl").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            file.truncate(len(whole))
        try:
            lines = [_Line.model_validate_json(line) for line in whole.splitlines() if line]
        except ValidationError as error:
            raise ToolError(f"The ledger {file.name} holds a damaged line; nothing was refunded.") from error
        yield file, lines


def _with_refund(order: Order, lines: list[_Line]) -> Order:
    line = next((line for line in lines if line.order_id == order.order_id), None)
    return order.model_copy(update={"refund": Refund(**line.model_dump(exclude={"request"}))}) if line else order


def _find(shop: Shop, number: str) -> Order:
    wanted = number.strip().upper()
    order = next((order for order in shop.orders if order.order_id == wanted), None)
    if order is None:
        raise ToolError(f"There is no order {wanted}. Ask for the number again, or list the orders of the customer.")
    return order


@server.tool(title="Look up an order", annotations=READS)
def get_order(order_id: OrderId) -> Order:
    """Show one order: its lines, total, status, tracking number, and its refund if there was one."""
    order = _find(_shop(), order_id)
    with _ledger() as (_, lines):
        return _with_refund(order, lines)


@server.tool(title="List orders", annotations=READS)
def list_orders(
    email: Annotated[str | None, Field(description="Only orders of the customer with this address")] = None,
    status: Annotated[Status | None, Field(description="Only orders in this state")] = None,
    limit: Annotated[int, Field(description="Most orders to return", ge=1, le=100)] = 20,
) -> Orders:
    """List orders, newest first, of one customer or in one state."""
    found = [
        order
        for order in _shop().orders
        if (email is None or order.email.lower() == email.strip().lower())
        and (status is None or order.status == status)
    ]
    found.sort(key=lambda order: (order.ordered_on, order.order_id), reverse=True)
    with _ledger() as (_, lines):
        return Orders(orders=[_with_refund(order, lines) for order in found[:limit]], total=len(found))


@server.tool(title="Look up a customer", annotations=READS)
def get_customer(email: Email) -> Customer:
    """Show a customer by e-mail address: name, city, and since when."""
    wanted = email.strip().lower()
    customer = next((c for c in _shop().customers if c.email.lower() == wanted), None)
    if customer is None:
        raise ToolError(f"There is no customer with the address {wanted}.")
    return customer


@server.tool(title="Refund an order", annotations=REFUNDS)
def refund_order(
    order_id: OrderId,
    reason: Annotated[str, Field(description="Why the money goes back, in a few words", min_length=3, max_length=500)],
    ctx: Context[Any, Any],
    amount_cents: Annotated[
        int | None, Field(description="Cents to give back; leave out for the whole order", ge=1)
    ] = None,
) -> Refund:
    """Give the money of an order back to the customer, all or a part. Cannot be undone; once for each order."""
    order = _find(_shop(), order_id)
    meta: Any = ctx.request_context.meta or {}
    request = str(meta.get("io.botkit/idempotency-key") or "") or None
    with _ledger() as (file, lines):
        earlier = next((line for line in lines if line.order_id == order.order_id), None)
        if earlier is not None:
            if request is not None and earlier.request == request:
                return Refund(**earlier.model_dump(exclude={"request"}))
            raise ToolError(
                f"Order {order.order_id} was already refunded on {earlier.at[:10]} ({earlier.refund_id}, "
                f"{earlier.amount_cents / 100:.2f} {earlier.currency}). An order is refunded once; nothing was booked."
            )
        line = _Line(
            refund_id=f"R-{len(lines) + 1:05d}",
            order_id=order.order_id,
            amount_cents=_amount(order, amount_cents),
            currency=order.currency,
            reason=reason.strip(),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            request=request,
        )
        file.write(line.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Refund(**line.model_dump(exclude={"request"}))


def _amount(order: Order, asked_cents: int | None) -> int:
    if order.status in ("pending", "cancelled"):
        raise ToolError(f"Order {order.order_id} is {order.status}: nothing was paid, so nothing can be refunded.")
    if asked_cents is not None and asked_cents > order.total_cents:
        raise ToolError(
            f"{asked_cents / 100:.2f} {order.currency} is more than order {order.order_id} cost "
            f"({order.total_cents / 100:.2f} {order.currency})."
        )
    return order.total_cents if asked_cents is None else asked_cents


@server.tool(title="List refunds", annotations=READS)
def list_refunds(
    limit: Annotated[int, Field(description="Most refunds to return", ge=1, le=100)] = 20,
) -> list[Refund]:
    """List the refunds booked so far, newest first."""
    with _ledger() as (_, lines):
        return [Refund(**line.model_dump(exclude={"request"})) for line in reversed(lines[-limit:])]


if __name__ == "__main__":
    server.run("stdio")
