"""Albums: what a person sent as one message, and the platform delivered in pieces, is answered as one.

Each piece is stored and acknowledged by itself, as platforms want it; the turn begins when no more are expected.
Nothing about an album is kept in memory, so a restart in its middle only makes the wait longer.
"""

from __future__ import annotations

__all__ = ["PIECES_WAIT_S", "RESTART_WAIT_S", "merged", "whole_albums"]

from collections import deque
from collections.abc import Sequence

import msgspec

from botkit.core.clock import Clock
from botkit.core.journal import InboxRow
from botkit.runs.lanes import LaneScope

PIECES_WAIT_S = 1.0
"""The pieces arrive right after each other; this long after the last one nothing more is expected."""
RESTART_WAIT_S = 10.0
"""The same after a restart: a platform that met a closed door knocks again only after a while."""


async def whole_albums(
    scope: LaneScope, rows: Sequence[InboxRow], clock: Clock, *, running_since: int
) -> list[InboxRow]:
    """The rows of a batch, and all other pieces of the albums that begin in it.

    Args:
        running_since: microseconds, UTC: what arrived earlier was cut off by a restart.
    """
    albums = {row.event.album for row in rows if row.event.album}
    found = list(rows)
    while albums:
        newest = max(row.received_at for row in found if row.event.album in albums)
        wait_s = PIECES_WAIT_S if newest >= running_since else RESTART_WAIT_S
        passed_s = (clock.micros() - max(newest, running_since)) / 1_000_000
        if passed_s >= wait_s:
            break
        await clock.sleep(min(wait_s, wait_s - passed_s))  # a clock that was set back makes nobody wait longer
        scope.pending = deque(await scope.journal.pending(scope.claim))
        known = {row.id for row in found}
        found += [row for row in scope.pending if row.event.album in albums and row.id not in known]
        scope.batch_size = len(found)
    return found


def merged(rows: Sequence[InboxRow]) -> list[InboxRow]:
    """One row for each album, where its first piece stands: all its files, its captions as text."""
    result: list[InboxRow] = []
    places: dict[str, int] = {}
    for row in rows:
        place = places.get(row.event.album) if row.event.album else None
        if place is None:
            places[row.event.album] = len(result)
            result.append(row)
        else:
            result[place] = _joined(result[place], row)
    return result


def _joined(album: InboxRow, piece: InboxRow) -> InboxRow:
    first, more = album.event, piece.event
    event = msgspec.structs.replace(
        first,
        text="\n".join(text for text in (first.text, more.text) if text),
        addressed=first.addressed if first.addressed != "none" else more.addressed,
        attachments=(*first.attachments, *more.attachments),
        mentions=tuple(dict.fromkeys((*first.mentions, *more.mentions))),
        reply_to=first.reply_to or more.reply_to,
    )
    return msgspec.structs.replace(album, event=event)
