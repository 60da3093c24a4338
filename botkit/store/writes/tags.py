"""Writes of tags."""

from __future__ import annotations

__all__ = ["TAGS_OF"]

from sqlalchemy import delete, func, select

from botkit.core.errors import LimitReached
from botkit.core.tags import TAGS_LIMIT, SetTags
from botkit.store.codec import clean
from botkit.store.query import Query, Rows, Tx, arg
from botkit.store.schema import tags
from botkit.store.writes.registry import Act, insert_row, writes

_TAG = "person_id tag at by"
_PUT = Query(_TAG, lambda insert: insert_row(insert, tags, _TAG).on_conflict_do_nothing())
_DROP = Query(
    "person_id tag", lambda _: delete(tags).where(tags.c.person_id == arg("person_id"), tags.c.tag == arg("tag"))
)
_COUNT = Query(
    "person_id", lambda _: select(func.count()).select_from(tags).where(tags.c.person_id == arg("person_id"))
)
TAGS_OF = Query(
    "person_id", lambda _: select(tags.c.tag).where(tags.c.person_id == arg("person_id")).order_by(tags.c.tag)
)


@writes(SetTags)
def _set_tags(tx: Tx, write: SetTags, act: Act) -> None:
    for tag in write.tags:
        if write.remove:
            tx(_DROP, write.person_id, clean(tag))
        else:
            tx(_PUT, write.person_id, clean(tag), write.at or act.now, clean(write.by))
    if not write.remove:
        tx.check(tx(_COUNT, write.person_id), _verify_room)


def _verify_room(rows: Rows) -> None:
    row = rows.fetchone()
    if row is not None and row[0] > TAGS_LIMIT:
        raise LimitReached(
            f"nobody has more than {TAGS_LIMIT} tags; take some away first", limit="tags", value=TAGS_LIMIT
        )
