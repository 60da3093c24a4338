"""Statements built with SQLAlchemy, compiled once, run on the bare driver.

Executing through SQLAlchemy costs several times what SQLite needs for the statement itself, so the hot path
takes only its SQL: a `Query` is compiled at first use into a string and an argument order, and a `Tx` hands
both to the DBAPI connection. Both databases run the same queries.
"""

from __future__ import annotations

__all__ = ["Build", "Execute", "Insert", "Query", "Rows", "Tx", "arg", "const"]

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Literal, Protocol, TypeAlias

from sqlalchemy import BindParameter, ColumnElement, Integer, Table, bindparam, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

DialectName: TypeAlias = Literal["sqlite", "postgresql"]
Insert: TypeAlias = Callable[[Table], Any]
"""The dialect's own `insert`, which knows ON CONFLICT; both spell it the same way."""
Build: TypeAlias = Callable[[Insert], ClauseElement]


class Rows(Protocol):
    """What both drivers' cursors have in common."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> tuple[Any, ...] | None: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...


Execute: TypeAlias = Callable[[str, tuple[Any, ...]], Rows]


def arg(name: str) -> BindParameter[Any]:
    """A value given at execution, by its place in `Query.arguments`."""
    kind = Integer() if name == "limit" else None
    return bindparam(name, type_=kind)


def const(value: str | int) -> ColumnElement[Any]:
    """A value written into the SQL, where a partial index must recognise its own condition."""
    return literal_column(str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'")


class Query:
    """One statement. `arguments` names its parameters in the order in which they are passed.

    Args:
        arguments: names separated by spaces.
        build: gets the dialect's `insert` and returns the statement.
    """

    __slots__ = ("arguments", "build")

    def __init__(self, arguments: str, build: Build):
        self.arguments = tuple(arguments.split())
        self.build = build


_Plan: TypeAlias = "tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]] | None]"


class Tx:
    """A transaction in progress: call it with a query and its arguments.

    One cursor serves all statements: read what one returned before executing the next.
    """

    __slots__ = ("_checks", "_execute", "_insert", "_plans", "_sqlalchemy", "dialect", "together")

    def __init__(self, execute: Execute, dialect: DialectName):
        self._execute = execute
        self.together = False
        """Set by a backend while it sends statements without waiting for answers: `check` waits until `settle`."""
        self._checks: list[tuple[Callable[..., None], Rows, tuple[Any, ...]]] = []
        self._plans: dict[Query, _Plan] = {}
        self.dialect: DialectName = dialect
        self._sqlalchemy, self._insert = _speak(dialect)

    def __call__(self, query: Query, *args: Any) -> Rows:
        plan = self._plans.get(query)
        if plan is None:
            plan = self._plans[query] = self._compile(query)
        sql, arrange = plan
        return self._execute(sql, args if arrange is None else arrange(args))

    def check(self, rows: Rows, verify: Callable[..., None], *args: Any) -> None:
        """Have `verify(rows, *args)` raise when a statement did not do what it should.

        At once, or, where each answer is a journey, when all statements of the group are on their way. A unit may
        thus go on after a statement that failed; nothing of it is kept then.
        """
        if self.together:
            self._checks.append((verify, rows, args))
        else:
            verify(rows, *args)

    def settle(self) -> None:
        """Make the checks that were put off. Raises what they raise."""
        checks, self._checks = self._checks, []
        for verify, rows, args in checks:
            verify(rows, *args)

    def forget(self) -> None:
        """The transaction is undone, and with it what was to be checked."""
        self._checks = []

    def sql(self, query: Query) -> str:
        """The text that is sent, for tests and for people who ask for a query plan."""
        return self._compile(query)[0]

    def _compile(self, query: Query) -> _Plan:
        compiled: Any = query.build(self._insert).compile(dialect=self._sqlalchemy)
        order: list[str] = list(compiled.positiontup or ())
        if tuple(order) == query.arguments:
            return compiled.string, None
        fixed = tuple(compiled.params[name] for name in order if name not in query.arguments)
        names = [*query.arguments, *(name for name in order if name not in query.arguments)]
        places = [names.index(name) for name in order]
        if len(places) < 2:  # itemgetter returns a tuple only for several
            return compiled.string, lambda args: tuple((args + fixed)[at] for at in places)
        pick: Callable[[tuple[Any, ...]], tuple[Any, ...]] = itemgetter(*places)
        return compiled.string, (lambda args: pick(args + fixed)) if fixed else pick


def _speak(dialect: DialectName) -> tuple[Dialect, Insert]:
    """How SQLAlchemy writes for a database; that of the other is some megabytes, and stays on disk."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        return SQLiteDialect_pysqlite(paramstyle="qmark"), sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    return PGDialect_psycopg(paramstyle="format"), postgresql_insert
