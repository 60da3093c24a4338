"""The journal contract on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from botkit.testing.stores import (
    Database,
    JournalContract,
    LeaseContract,
    MoveContract,
    RecoveryContract,
    RepinContract,
)
from tests.store.conftest import SqlDatabase


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> Database:
        return sqlite_database


class TestSqliteRecovery(RecoveryContract):
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> Database:
        return sqlite_database


class TestSqliteMoves(MoveContract):
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> Database:
        return sqlite_database


class TestSqliteRepins(RepinContract):
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> Database:
        return sqlite_database


class TestPostgresRepins(RepinContract):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


class TestPostgresMoves(MoveContract):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


class TestPostgresRecovery(RecoveryContract):
    @pytest.fixture
    def lease_s(self) -> float:
        return 15.0

    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


class TestPostgresLeases(LeaseContract):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database
