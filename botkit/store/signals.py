"""Word between the processes that share a PostgreSQL database, by LISTEN and NOTIFY.

What is announced in a transaction arrives when it is committed, and never when it is not. Words may get lost with a
connection; whoever listens again is told to look for itself.

Source: https://www.postgresql.org/docs/current/sql-notify.html,
https://www.psycopg.org/psycopg3/docs/advanced/async.html#asynchronous-notifications
"""

from __future__ import annotations

__all__ = ["PostgresSignals", "announce"]

from collections.abc import AsyncGenerator

import structlog
from sqlalchemy import func, select

from botkit.core.clock import Clock
from botkit.core.data import Data, decode, encode_text
from botkit.core.journal import Signal
from botkit.store.query import Query, Tx, arg, const

_log = structlog.get_logger("botkit.store")

_CHANNEL = "botkit"
_LIMIT_CHARS = 1900
"""PostgreSQL refuses 8,000 bytes; a character takes at most four."""
_PAUSES_S = (0.1, 0.5, 2.0, 5.0)

_NOTIFY = Query("word", lambda _: select(func.pg_notify(const(_CHANNEL), arg("word"))))


class _Word(Data):
    sender: str
    receiver: str = ""
    """Empty: everybody else."""
    signal: Signal


def announce(tx: Tx, signal: Signal, *, sender: str, receiver: str = "") -> None:
    """Tell other processes once this transaction is committed; nothing on a database of one process."""
    if tx.dialect != "postgresql":
        return
    text = encode_text(_Word(sender=sender, receiver=receiver, signal=signal))
    if len(text) > _LIMIT_CHARS:
        text = encode_text(_Word(sender=sender, signal=Signal(kind="recover")))
    tx(_NOTIFY, text).fetchall()


class PostgresSignals:
    """The listening side, on a connection of its own.

    Args:
        url: from `normal_url`.
        owner: this process; its own words are not repeated to it.
    """

    def __init__(self, url: str, clock: Clock, *, owner: str):
        self._url = url
        self._clock = clock
        self._owner = owner

    async def listen(self) -> AsyncGenerator[Signal]:
        """Words for this process, for ever; `recover` whenever some may have been missed."""
        import psycopg

        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="botkit-signals", connect_timeout=10
                ) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    failures = 0
                    yield Signal(kind="recover")
                    async for notice in connection.notifies():
                        word = decode(notice.payload, _Word)
                        if word.sender != self._owner and word.receiver in ("", self._owner):
                            yield word.signal
            except psycopg.OperationalError as error:
                _log.warning("signals_lost", detail=str(error).strip())
            await self._clock.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            failures += 1
