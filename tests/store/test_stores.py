"""The contracts of every other store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from botkit.testing.stores import (
    AdministrationContract,
    AnalyticsContract,
    AnswersContract,
    BudgetsContract,
    CallApprovalsContract,
    CountersContract,
    Database,
    FilesContract,
    LifecycleContract,
    MembersContract,
    NotesContract,
    OAuthContract,
    PairingContract,
    PayloadsContract,
    PeopleContract,
    RecordsContract,
    SharedBudgetsContract,
    SharedLimiterContract,
)
from tests.store.conftest import SqlDatabase


class OnSqlite:
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> Database:
        return sqlite_database


class OnPostgres:
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


class TestSqlitePeople(OnSqlite, PeopleContract): ...


class TestPostgresPeople(OnPostgres, PeopleContract): ...


class TestSqlitePairing(OnSqlite, PairingContract): ...


class TestPostgresPairing(OnPostgres, PairingContract): ...


class TestSqliteAdministration(OnSqlite, AdministrationContract): ...


class TestPostgresAdministration(OnPostgres, AdministrationContract): ...


class TestSqliteNotes(OnSqlite, NotesContract): ...


class TestPostgresNotes(OnPostgres, NotesContract): ...


class TestSqlitePayloads(OnSqlite, PayloadsContract): ...


class TestPostgresPayloads(OnPostgres, PayloadsContract): ...


class TestSqliteAnalytics(OnSqlite, AnalyticsContract): ...


class TestPostgresAnalytics(OnPostgres, AnalyticsContract): ...


class TestSqliteAnswers(OnSqlite, AnswersContract): ...


class TestPostgresAnswers(OnPostgres, AnswersContract): ...


class TestSqliteRecords(OnSqlite, RecordsContract): ...


class TestPostgresRecords(OnPostgres, RecordsContract): ...


class TestDiskFiles(OnSqlite, FilesContract): ...


class TestSqliteLifecycle(OnSqlite, LifecycleContract): ...


class TestPostgresLifecycle(OnPostgres, LifecycleContract): ...


class TestSqliteMembers(OnSqlite, MembersContract): ...


class TestPostgresMembers(OnPostgres, MembersContract): ...


class TestSqliteOAuth(OnSqlite, OAuthContract): ...


class TestPostgresOAuth(OnPostgres, OAuthContract): ...


class TestSqliteCounters(OnSqlite, CountersContract): ...


class TestPostgresCounters(OnPostgres, CountersContract): ...


class TestSqliteBudgets(OnSqlite, BudgetsContract): ...


class TestPostgresBudgets(OnPostgres, BudgetsContract): ...


class TestPostgresSharedBudgets(OnPostgres, SharedBudgetsContract): ...


class TestPostgresLimiter(OnPostgres, SharedLimiterContract): ...


class TestSqliteCallApprovals(OnSqlite, CallApprovalsContract): ...


class TestPostgresCallApprovals(OnPostgres, CallApprovalsContract): ...
