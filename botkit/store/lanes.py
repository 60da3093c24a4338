"""Who works on what: owners with leases, lanes with epochs, and what is left when an owner dies.

A process is an *owner* as long as its row in `owners` exists. Whoever finds its lease run out may delete that
row, and only then take over; the process itself notices at its next heartbeat, and every commit it tries for
a lane that was taken is refused because the epoch has moved on. On SQLite the lock file already proves that
all other owners are dead, so `open_store` deletes their rows at once.
"""

from __future__ import annotations

__all__ = [
    "Owner",
    "check_claim",
    "extend_lease",
    "free_dead",
    "give_up",
    "lock_lane",
    "register",
    "sweep_others",
    "take_lane",
    "unregister",
]

from dataclasses import dataclass

from sqlalchemy import delete, exists, select, union, update

from botkit.core.errors import Fenced
from botkit.core.journal import Claim, Recovered
from botkit.core.messages import Part
from botkit.store.query import Query, Rows, Tx, arg, const
from botkit.store.reservations import free_reservations
from botkit.store.rows import PART_COLUMNS, read_part
from botkit.store.schema import inbox, is_open, is_undelivered, lanes, owners, parts, runs

# ── owners ───────────────────────────────────────────────────────────────────────────────────────────────

_ADD_OWNER = Query(
    "id host pid started_at lease_until",
    lambda insert: insert(owners).values(
        id=arg("id"), host=arg("host"), pid=arg("pid"), started_at=arg("started_at"), lease_until=arg("lease_until")
    ),
)
_DROP_OWNER = Query("id", lambda _: delete(owners).where(owners.c.id == arg("id")))
_DROP_OTHERS = Query("id", lambda _: delete(owners).where(owners.c.id != arg("id")))
_EXTEND = Query(
    "lease_until id",
    lambda _: update(owners).values(lease_until=arg("lease_until")).where(owners.c.id == arg("id")),
)
_LEASE = Query("id", lambda _: select(owners.c.lease_until).where(owners.c.id == arg("id")))
_BURY = Query(
    "id now",
    lambda _: delete(owners).where(owners.c.id == arg("id"), owners.c.lease_until <= arg("now")),
)
_BURY_ALL = Query(
    "id now",
    lambda _: delete(owners).where(owners.c.id != arg("id"), owners.c.lease_until <= arg("now")),
)


@dataclass(frozen=True, slots=True)
class Owner:
    """One process, one boot."""

    id: str
    host: str
    pid: int


def register(tx: Tx, owner: Owner, *, now: int, lease_until: int) -> None:
    tx(_ADD_OWNER, owner.id, owner.host, owner.pid, now, lease_until)


def unregister(tx: Tx, owner: str) -> None:
    """A clean end: whatever this process still held may be taken at once."""
    tx(_DROP_OWNER, owner)


def sweep_others(tx: Tx, owner: str) -> None:
    """Declare every other owner dead; right only where a lock proves it."""
    tx(_DROP_OTHERS, owner)


def extend_lease(tx: Tx, owner: str, lease_until: int) -> None:
    """Raises `Fenced` when somebody declared this owner dead."""
    if tx(_EXTEND, lease_until, owner).rowcount != 1:
        raise Fenced(
            f"process {owner} did not renew its lease in time and its work was taken over. Restart it; if this "
            f"happens often, the machine is overloaded or its clock jumps.",
            owner=owner,
        )


def _alive(tx: Tx, owner: str, now: int) -> bool:
    """Whether an owner lives. One whose lease has run out is buried here, so that it learns of it."""
    row = tx(_LEASE, owner).fetchone()
    if row is None:
        return False
    if row[0] > now:
        return True
    if tx(_BURY, owner, now).rowcount == 1:
        return False
    return tx(_LEASE, owner).fetchone() is not None  # it has just renewed its lease, or somebody else buried it


# ── lanes ────────────────────────────────────────────────────────────────────────────────────────────────

_LOCK = Query(
    "lane", lambda _: select(lanes.c.owner, lanes.c.epoch).where(lanes.c.lane == arg("lane")).with_for_update()
)
_NEW = Query(
    "lane owner",
    lambda insert: insert(lanes).values(lane=arg("lane"), owner=arg("owner"), epoch=const(1)).on_conflict_do_nothing(),
)
_TAKE = Query(
    "owner epoch lane",
    lambda _: update(lanes).values(owner=arg("owner"), epoch=arg("epoch")).where(lanes.c.lane == arg("lane")),
)
_RELEASE = Query(
    "lane",
    lambda _: (
        update(lanes)
        .values(owner=const(""))
        .where(lanes.c.lane == arg("lane"), ~exists().where(inbox.c.lane == lanes.c.lane, inbox.c.done_at == const(0)))
    ),
)


def lock_lane(tx: Tx, lane: str) -> tuple[str, int] | None:
    """Lock the lane's row and return its owner and epoch; None for a lane that was never used.

    Done before an event is stored: whoever is releasing the lane right now then either sees the event, or
    has released already. No wake-up is lost.
    """
    row = tx(_LOCK, lane).fetchone()
    return None if row is None else (row[0], row[1])


def take_lane(tx: Tx, lane: str, held: tuple[str, int] | None, owner: str, now: int) -> Claim | None:
    """Own a lane unless somebody alive (this process too) owns it. `held` is what `lock_lane` returned."""
    if held is None:
        if tx(_NEW, lane, owner).rowcount == 1:
            return Claim(lane=lane, owner=owner, epoch=1)
        held = lock_lane(tx, lane)  # another process was faster
        if held is None:
            return None
    holder, epoch = held
    if holder and (holder == owner or _alive(tx, holder, now)):
        return None
    tx(_TAKE, owner, epoch + 1, lane)
    return Claim(lane=lane, owner=owner, epoch=epoch + 1)


def check_claim(tx: Tx, claim: Claim) -> None:
    """Lock the lane and make sure that it is still ours. `Fenced` comes of it otherwise."""
    tx.check(tx(_LOCK, claim.lane), _verify_claim, claim)


def _verify_claim(rows: Rows, claim: Claim) -> None:
    row = rows.fetchone()
    if row is None or row[0] != claim.owner or row[1] != claim.epoch:
        raise Fenced(
            f"lane {claim.lane} was taken over while this process held it; the new owner answers", lane=claim.lane
        )


def give_up(tx: Tx, lane: str) -> bool:
    """Release a lane whose row is locked, unless events wait in it; whether it was kept."""
    return tx(_RELEASE, lane).rowcount == 0


# ── recovery ─────────────────────────────────────────────────────────────────────────────────────────────

# Dead owners are named first and then dealt with by name. One statement that updated "lanes whose owner has no
# row" could, on PostgreSQL, meet a lane just claimed by a process too young for its snapshot, and free that.
_DEAD_OWNERS = Query(
    "",
    lambda _: union(
        select(lanes.c.owner).where(lanes.c.owner != const(""), ~exists().where(owners.c.id == lanes.c.owner)),
        select(parts.c.owner).where(is_undelivered(parts.c.state), ~exists().where(owners.c.id == parts.c.owner)),
    ),
)
_FREE_LANES = Query(
    "dead",
    lambda _: update(lanes).values(owner=const(""), epoch=lanes.c.epoch + const(1)).where(lanes.c.owner == arg("dead")),
)
_LOSE_PARTS = Query(
    "now dead",
    lambda _: (
        update(parts)
        .values(
            state=const("unknown"),
            error=const("the process ended while the message was being sent"),
            updated_at=arg("now"),
        )
        .where(parts.c.state == const("sending"), is_undelivered(parts.c.state), parts.c.owner == arg("dead"))
        .returning(*PART_COLUMNS)
    ),
)
_ADOPT_PARTS = Query(
    "owner dead",
    lambda _: (
        update(parts)
        .values(owner=arg("owner"))
        .where(parts.c.state == const("pending"), is_undelivered(parts.c.state), parts.c.owner == arg("dead"))
        .returning(parts.c.conversation)
    ),
)
_WORK = union(
    select(inbox.c.lane).where(inbox.c.done_at == const(0)),
    select(runs.c.lane).where(runs.c.state == const("running"), is_open(runs.c.state)),
).subquery("work")
_IDLE_LANES = Query(
    "",
    lambda _: (
        select(_WORK.c.lane)
        .where(~exists().where(lanes.c.lane == _WORK.c.lane, lanes.c.owner != const("")))
        .order_by(_WORK.c.lane)
    ),
)


def free_dead(tx: Tx, owner: str, now: int) -> Recovered:
    """Free what dead owners held; take nothing but the deliveries nobody makes.

    Safe to run in several processes at once: each row is freed or adopted by one of them.
    """
    tx(_BURY_ALL, owner, now)
    lost: list[Part] = []
    adopted: set[str] = set()
    for (dead,) in tx(_DEAD_OWNERS).fetchall():
        tx(_FREE_LANES, dead)
        lost += (read_part(row) for row in tx(_LOSE_PARTS, now, dead).fetchall())
        adopted.update(row[0] for row in tx(_ADOPT_PARTS, owner, dead).fetchall())
    free_reservations(tx)
    return Recovered(
        lanes=tuple(row[0] for row in tx(_IDLE_LANES).fetchall()),
        conversations=tuple(sorted(adopted)),
        unknown_parts=tuple(lost),
    )
