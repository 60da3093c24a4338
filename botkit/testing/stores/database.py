"""What a contract suite needs to know about an implementation."""

from __future__ import annotations

__all__ = ["Database", "Stores"]

from typing import Protocol

from botkit.core.analytics import Analytics
from botkit.core.answers import AnswerStore
from botkit.core.budgets import Budgets
from botkit.core.call_approvals import CallApprovals
from botkit.core.journal import Journal
from botkit.core.limits import Counters, Limiter
from botkit.core.members import Members
from botkit.core.notes import NoteStore
from botkit.core.oauth import OAuthKeys
from botkit.core.outreach import OutreachStore
from botkit.core.payloads import Payloads
from botkit.core.stores import (
    CallLog,
    Catalog,
    FileStore,
    Lifecycle,
    PairingStore,
    People,
    Records,
    Revisions,
    SecretStore,
)
from botkit.testing.clock import ManualClock


class Stores(Protocol):
    """An open store."""

    @property
    def journal(self) -> Journal: ...
    @property
    def people(self) -> People: ...
    @property
    def pairing(self) -> PairingStore: ...
    @property
    def members(self) -> Members: ...
    @property
    def oauth_keys(self) -> OAuthKeys: ...
    @property
    def call_approvals(self) -> CallApprovals: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def budgets(self) -> Budgets: ...
    @property
    def limiter(self) -> Limiter:
        """Shared by all that have this database open."""
        ...

    @property
    def secrets(self) -> SecretStore: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def revisions(self) -> Revisions: ...
    @property
    def records(self) -> Records: ...
    @property
    def calls(self) -> CallLog: ...
    @property
    def payloads(self) -> Payloads: ...
    @property
    def notes(self) -> NoteStore: ...
    @property
    def outreach(self) -> OutreachStore: ...
    @property
    def answers(self) -> AnswerStore: ...
    @property
    def analytics(self) -> Analytics: ...
    @property
    def lifecycle(self) -> Lifecycle: ...
    @property
    def files(self) -> FileStore: ...

    async def close(self) -> None:
        """A clean end."""
        ...

    async def abandon(self) -> None:
        """The end of a killed process: nothing more is written, nothing is said."""
        ...


class Database(Protocol):
    """One database of a test, empty at its start, that can be opened more than once."""

    @property
    def clock(self) -> ManualClock:
        """What all its stores read the time from."""
        ...

    async def open(self) -> Stores:
        """Open it as a process that just started. The database closes what the test leaves open."""
        ...
