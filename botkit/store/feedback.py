"""What people thought of answers, from the reactions in the inbox and the runs they are about."""

from __future__ import annotations

__all__ = ["read_feedback"]

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select

from botkit.core.analytics import FeedbackFilter, FeedbackTotal
from botkit.core.data import Data, decode
from botkit.store.reader import Reader
from botkit.store.schema import inbox, runs

_PREFIX = "feedback: "


class _Output(Data):
    """What of a run's output matters here."""

    member: str = ""
    model: str = ""


async def read_feedback(reader: Reader, wanted: FeedbackFilter) -> Sequence[FeedbackTotal]:
    """As `Analytics.feedback` says."""
    given = [inbox.c.kind == "reaction", inbox.c.run_id != "", inbox.c.outcome.startswith(_PREFIX, autoescape=True)]
    if wanted.since:
        given.append(inbox.c.received_at >= wanted.since)
    if wanted.until:
        given.append(inbox.c.received_at < wanted.until)
    if wanted.people:
        given.append(runs.c.person_id.in_(wanted.people))
    statement = (
        select(inbox.c.run_id, inbox.c.sender_id, inbox.c.outcome, runs.c.bot, runs.c.revision, runs.c.output)
        .join(runs, runs.c.id == inbox.c.run_id)
        .where(*given)
        .order_by(inbox.c.seq)
    )
    newest: dict[tuple[str, str], tuple[str, tuple[str, str, str, str]]] = {}
    async for run_id, sender_id, outcome, bot, revision, output in reader.stream(statement):
        said = decode(output, _Output) if output else _Output()
        newest[run_id, sender_id] = (outcome.removeprefix(_PREFIX), (bot, said.member or bot, said.model, revision))
    counted = Counter(newest.values())
    keys = dict.fromkeys(key for verdict, key in counted if verdict in ("up", "down"))
    totals = [
        FeedbackTotal(
            asked=asked, bot=bot, model=model, revision=revision, up=counted["up", key], down=counted["down", key]
        )
        for key in keys
        for asked, bot, model, revision in [key]
    ]
    return sorted(totals, key=lambda one: (-one.up - one.down, one.asked, one.bot, one.model, one.revision))
