"""One suite for every store: subclass these and say how to open yours.

class TestMyJournal(JournalContract):
    @pytest.fixture
    async def database(self):
        async with my_database() as database:
            yield database
"""

from __future__ import annotations

__all__ = [
    "AdministrationContract",
    "AnalyticsContract",
    "AnswersContract",
    "BudgetsContract",
    "CallApprovalsContract",
    "CountersContract",
    "Database",
    "FilesContract",
    "JournalContract",
    "LeaseContract",
    "LifecycleContract",
    "MembersContract",
    "MoveContract",
    "NotesContract",
    "OAuthContract",
    "PairingContract",
    "PayloadsContract",
    "PeopleContract",
    "RecordsContract",
    "RecoveryContract",
    "RepinContract",
    "SharedBudgetsContract",
    "SharedLimiterContract",
    "SignalsContract",
    "Stores",
]

from botkit.testing.stores.administration import AdministrationContract, FilesContract
from botkit.testing.stores.analytics import AnalyticsContract
from botkit.testing.stores.answers import AnswersContract
from botkit.testing.stores.budgets import BudgetsContract, SharedBudgetsContract
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.journal import JournalContract
from botkit.testing.stores.lifecycle import LifecycleContract
from botkit.testing.stores.limits import CallApprovalsContract, CountersContract, SharedLimiterContract
from botkit.testing.stores.members import MembersContract
from botkit.testing.stores.moves import MoveContract
from botkit.testing.stores.notes import NotesContract
from botkit.testing.stores.oauth import OAuthContract
from botkit.testing.stores.payloads import PayloadsContract
from botkit.testing.stores.people import PairingContract, PeopleContract
from botkit.testing.stores.records import RecordsContract
from botkit.testing.stores.recovery import LeaseContract, RecoveryContract
from botkit.testing.stores.repin import RepinContract
from botkit.testing.stores.signals import SignalsContract
