"""Ports of everything stored besides the journal: people, secrets, logs, revisions, pairing, files."""

from __future__ import annotations

__all__ = [
    "CallLog",
    "Catalog",
    "CatalogRow",
    "Erased",
    "FileStore",
    "Lifecycle",
    "PairingCode",
    "PairingStore",
    "People",
    "Person",
    "Records",
    "Revision",
    "Revisions",
    "RunSummary",
    "SecretRow",
    "SecretStore",
    "Trace",
]

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.events import User
from botkit.core.journal import Audit, ModelCall, OpenRun, Run, TranscriptRow, Wait
from botkit.core.linking import LinkStep
from botkit.core.messages import Part, PartState
from botkit.core.tags import SetTags
from botkit.core.tools import CallRecord


class Person(Data):
    """One human, on any number of platforms."""

    id: str
    name: str = ""
    roles: tuple[str, ...] = ()
    """Granted here (pairing, linking); those of bots.yaml are added by the engine."""
    locale: str = ""
    timezone: str = ""
    identities: tuple[tuple[str, str], ...] = ()
    """(channel, platform user id)."""
    created_at: int = 0
    welcomed: tuple[str, ...] = ()
    """Bots that already sent their welcome message."""
    linked: tuple[tuple[str, str], ...] = ()
    """Those of `identities` that were joined by codes or by the operator."""
    tags: tuple[str, ...] = ()
    """Words that operators and workflows put on them (`botkit.core.tags`), in alphabetical order."""


class People(Protocol):
    async def resolve(self, channel: str, user: User, *, as_person: str = "") -> Person:
        """The person behind a platform account; created at first contact.

        `as_person` links the account to that person id (from bots.yaml) instead of a new one.
        """
        ...

    async def get(self, person_id: str) -> Person | None: ...

    async def list(self) -> Sequence[Person]: ...

    async def grant(self, person_id: str, roles: Sequence[str]) -> None: ...

    async def tag(self, change: SetTags) -> Sequence[str]:
        """Put tags on a person or take them away; all they have then.

        Raises:
            NotFound: there is no such person.
            LimitReached: they would have too many.
        """
        ...

    async def mark_welcomed(self, person_id: str, bot: str) -> bool:
        """True the first time, once, whoever asks."""
        ...

    async def link(self, person_id: str, channel: str, user_id: str) -> None:
        """Move an account to a person. Raises `Conflict` when a third person holds it."""
        ...

    async def offer_link(self, channel: str, user_id: str, digest: str, *, ttl_s: float) -> None:
        """Keep the code shown to an account (`botkit.core.linking`), in place of an older one."""
        ...

    async def take_link(
        self, channel: str, user_id: str, digest: str, *, reply_digest: str, declared: Collection[str]
    ) -> LinkStep:
        """What a code does that an account typed: the first one is taken, the one that answers it joins both.

        Args:
            reply_digest: of the code this account is shown, should it have typed a first one.
            declared: ids of people that bots.yaml names; of two people, that one stays, else the older.
        """
        ...

    async def unlink(self, channel: str, user_id: str) -> Person:
        """Let a joined account stand alone again; what was done until now stays with the person it leaves.

        Raises `NotFound`: the account was not joined.
        """
        ...


class PairingCode(Data):
    code: str
    channel: str
    user_id: str
    name: str
    person_id: str
    created_at: int
    expires_at: int
    state: Literal["open", "approved", "expired"] = "open"


class PairingStore(Protocol):
    async def request(self, channel: str, user: User, person_id: str, *, ttl_s: float) -> tuple[PairingCode, bool]:
        """The open code of this account, or a new one; True when it is new."""
        ...

    async def approve(self, code: str, *, by: str) -> PairingCode:
        """Let the account in. Raises `NotFound` for unknown or expired codes."""
        ...

    async def is_allowed(self, channel: str, user_id: str) -> bool: ...

    async def list(self) -> Sequence[PairingCode]: ...


class SecretRow(Data):
    """A sealed value. Nothing here reveals it."""

    scope: str
    """`instance`, `workspace:{slug}`, `server:{slug}` or `person:{id}`."""
    name: str
    """Upper case, `[A-Z0-9_]`."""
    version: int = 1
    key_id: str
    """Of the master key that wraps the data key."""
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes
    created_at: int = 0
    updated_at: int = 0


class SecretStore(Protocol):
    async def put(self, row: SecretRow) -> None:
        """Insert or replace by (scope, name)."""
        ...

    async def get(self, scope: str, name: str) -> SecretRow | None: ...

    async def list(self, scope: str = "") -> Sequence[SecretRow]:
        """All rows, or those of one scope."""
        ...

    async def delete(self, scope: str, name: str) -> bool: ...


class CatalogRow(Data):
    """The tools of one server as last seen, and the definitions that were reviewed."""

    server: str
    tools: tuple[dict[str, Any], ...] = ()
    """Raw MCP tool objects."""
    pins: dict[str, str] = {}
    """Tool name → hash of its definition at review."""
    refreshed_at: int = 0
    error: str = ""
    accepted: dict[str, dict[str, Any]] = {}
    """Tool name → the definition that was accepted, to show what a later one changed."""
    extras: dict[str, Any] = {}
    """What the server has beside tools: `resources`, `templates`, `prompts`, and how it introduced itself."""


class Catalog(Protocol):
    async def load(self) -> Sequence[CatalogRow]: ...

    async def save(self, row: CatalogRow) -> None: ...


class Revision(Data):
    """One state of bots.yaml with everything it includes."""

    id: str
    """The content hash."""
    at: int
    actor: str
    files: dict[str, str]
    """Relative path → text."""
    note: str = ""
    active: bool = False


class Revisions(Protocol):
    async def save(self, revision: Revision) -> None:
        """Idempotent by id."""
        ...

    async def activate(self, revision_id: str, *, actor: str, via: str) -> None: ...

    async def active(self) -> Revision | None: ...

    async def get(self, revision_id: str) -> Revision | None:
        """By id or an unambiguous prefix."""
        ...

    async def list(self, limit: int = 50) -> Sequence[Revision]:
        """Newest activation first, without files."""
        ...


class CallLog(Protocol):
    async def append(self, records: Sequence[CallRecord]) -> None:
        """For calls that belong to no run."""
        ...


class RunSummary(Data):
    run: Run
    steps: int = 0
    text: str = ""
    """Beginning of the message that started it."""
    workflow: str = ""
    """Its key in bots.yaml, where a workflow ran."""
    waits_at: str = ""
    """Path of the node a workflow waits at."""


class Trace(Data):
    """One run from platform event to delivered part."""

    run: OpenRun
    events: tuple[dict[str, Any], ...] = ()
    """Inbox rows with their times."""
    calls: tuple[CallRecord, ...] = ()
    models: tuple[ModelCall, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def feedback(self) -> dict[str, str]:
        """Whoever reacted to its messages → `up` or `down`, as each said last."""
        said: dict[str, str] = {}
        for event in self.events:
            kind, _, verdict = str(event["outcome"]).partition(": ")
            if kind == "feedback":
                said[str(event["event"]["sender"]["id"])] = verdict
        return {who: verdict for who, verdict in said.items() if verdict in ("up", "down")}


class FileRow(Data):
    """What is known of a stored file."""

    file_id: str
    name: str
    mime: str
    size_bytes: int


class Asides(Data):
    """Commands and other messages that needed no run, and what we said on our own."""

    events: tuple[dict[str, Any], ...] = ()
    """As `Records.inbox` gives them; people's messages only, each with the outcome that says why there was no run."""
    parts: tuple[Part, ...] = ()
    """Answers to commands and notices. The part that answers an event has an id that begins with the event's."""


class Records(Protocol):
    """What happened, for people: reads that may take a few milliseconds."""

    async def runs(
        self,
        *,
        state: str = "",
        bot: str = "",
        person_id: str = "",
        conversation: str = "",
        workflow: str = "",
        limit: int = 50,
        before: str = "",
    ) -> Sequence[RunSummary]:
        """Newest first; `before` is a run id to page on."""
        ...

    async def find_run(self, id_or_prefix: str) -> Run | None: ...

    async def trace(self, run_id: str) -> Trace | None: ...

    async def waits(self, *, kind: str = "", state: str = "open", limit: int = 100) -> Sequence[Wait]: ...

    async def calls(
        self,
        *,
        server: str = "",
        tool: str = "",
        status: str = "",
        person_id: str = "",
        since: int = 0,
        limit: int = 100,
    ) -> Sequence[CallRecord]: ...

    async def model_calls(self, *, since: int = 0, limit: int = 1000) -> Sequence[ModelCall]: ...

    async def audits(self, *, limit: int = 100) -> Sequence[Audit]: ...

    async def part(self, part_id: str) -> Part | None: ...

    async def sent(self, channel: str, room: str, message_id: str) -> Part | None:
        """What became this message of a platform, among the newest few thousand."""
        ...

    async def parts(
        self, *, state: PartState | Literal[""] = "", channel: str = "", limit: int = 100
    ) -> Sequence[Part]: ...

    async def inbox(self, *, channel: str = "", outcome: str = "", limit: int = 100) -> Sequence[dict[str, Any]]: ...

    async def event(self, channel: str, dedupe_key: str) -> dict[str, Any] | None:
        """One accepted event, in the shape of `inbox`."""
        ...

    async def run_file(self, run_id: str, file_id: str) -> FileRow | None:
        """A stored file of the conversation a run belongs to; None when it is of another one."""
        ...

    async def transcript(self, conversation: str, *, limit: int = 100) -> Sequence[TranscriptRow]: ...

    async def asides(self, conversation: str, *, limit: int = 100) -> Asides:
        """What was said in a conversation outside of runs: the newest `limit` of each, oldest first."""
        ...

    async def counts(self) -> dict[str, int]:
        """Rows that tell health at a glance: `runs_running`, `runs_waiting`, `inbox_undone`, `parts_pending`,
        `parts_unknown`, `waits_open`, `people`."""
        ...


class Erased(Data):
    person_id: str
    rows: dict[str, int]
    """Table → rows deleted or anonymised."""
    files: int = 0


class Lifecycle(Protocol):
    """Retention, export, erasure, backup."""

    def export_person(self, person_id: str) -> AsyncIterator[dict[str, Any]]:
        """Everything stored about a person, one JSON record at a time, each with its `table`."""
        ...

    async def erase_person(self, person_id: str, *, actor: str) -> Erased:
        """Really delete: messages, sessions, runs with steps, waits, inbox, outbox, files, secrets of that
        person; the call log and usage keep their rows with the person blanked. Leaves an audit row."""
        ...

    async def expire(
        self,
        *,
        messages_before: int = 0,
        runs_before: int = 0,
        logs_before: int = 0,
        files_before: int = 0,
        payloads_before: int = 0,
        notes_before: int = 0,
        limit: int = 1000,
    ) -> dict[str, int]:
        """Delete what is older; finished runs only. At most `limit` rows a table; call again while it deletes."""
        ...

    async def trim_history(self, *, keep: int) -> int:
        """Delete transcript rows beyond the newest `keep` of each session that no waiting run needs."""
        ...


class FileStore(Protocol):
    """Bytes behind a port; ids, never paths, in rows."""

    async def put(self, data: AsyncIterator[bytes] | bytes, *, limit_bytes: int) -> tuple[str, int, str]:
        """Store once by content: (file id, size, sha256). Raises `LimitReached` above the limit."""
        ...

    async def read(self, file_id: str) -> bytes:
        """Raises `NotFound`."""
        ...

    async def delete(self, file_id: str) -> bool: ...
