"""Every table, in types that SQLite and PostgreSQL share.

Times are microseconds UTC in BigInteger, records are JSON in Text, ids are Text. Tables keep their row id
and get unique indexes beside it: on SQLite a table WITHOUT ROWID spills one-kilobyte rows into overflow
pages (measured: 2.7 times the space). Partial indexes cover only what waits to be worked on, so a million
finished rows do not slow a turn.
"""

from __future__ import annotations

__all__ = [
    "SCHEMA_REVISION",
    "accounts",
    "audits",
    "budget_counts",
    "budget_reservations",
    "call_approvals",
    "call_payloads",
    "calls",
    "catalog",
    "counters",
    "create_tables",
    "files",
    "identities",
    "inbox",
    "invitations",
    "is_open",
    "is_undelivered",
    "kept_answers",
    "lanes",
    "limit_hits",
    "limit_keys",
    "link_codes",
    "links",
    "members",
    "metadata",
    "model_calls",
    "notes",
    "oauth_keys",
    "opt_outs",
    "owners",
    "pairing_codes",
    "parts",
    "people",
    "revisions",
    "runs",
    "secrets",
    "sessions",
    "steps",
    "tags",
    "timers",
    "tokens",
    "transcript",
    "verifications",
    "waits",
    "welcomes",
]

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SCHEMA_REVISION = "0014"
"""The newest migration; a database that says this needs none, and Alembic is not even imported."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Seq = BigInteger().with_variant(Integer, "sqlite")


def _seq() -> Column[int]:
    """Ascending in order of arrival."""
    return Column("seq", _Seq, primary_key=True, autoincrement=True)


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _json(name: str) -> Column[str]:
    """JSON as text, so that both databases store the bytes we wrote."""
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _where(condition: str) -> dict[str, Any]:
    """For an index of some rows only. `create_tables` spells it in the database's own words: naming both here would
    load both dialects into every process."""
    return {"info": {"where": condition}}


def create_tables(connection: Connection) -> None:
    """Everything, in an empty database."""
    for table in metadata.sorted_tables:
        for index in table.indexes:
            if condition := index.info.get("where"):
                index.dialect_options[connection.dialect.name]["where"] = text(condition)
    metadata.create_all(connection)


def is_open(state: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition of `ix_runs_open`, spelled as SQLite must see it to use that index."""
    return state.in_([literal_column("'running'"), literal_column("'waiting'")])


def is_undelivered(state: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition of `ix_parts_open`."""
    return state.in_([literal_column("'pending'"), literal_column("'sending'")])


# ── the journal ──────────────────────────────────────────────────────────────────────────────────────────

owners = Table(
    "owners",
    metadata,
    Column("id", Text, primary_key=True),
    _text("host"),
    _number("pid"),
    _number("started_at"),
    _number("lease_until"),
    comment="Living processes. A process without a row, or with an old lease, is dead.",
)

lanes = Table(
    "lanes",
    metadata,
    Column("lane", Text, primary_key=True),
    _text("owner"),
    _number("epoch"),
    comment="Who works on a conversation. The epoch grows with every claim.",
)

inbox = Table(
    "inbox",
    metadata,
    _seq(),
    _text("id"),
    _text("channel"),
    _text("dedupe_key"),
    _text("lane"),
    _text("kind"),
    _text("conversation"),
    _text("sender_id"),
    _number("received_at"),
    _number("done_at"),
    _text("outcome"),
    _text("run_id"),
    _json("event"),
    UniqueConstraint("id"),
    UniqueConstraint("channel", "dedupe_key"),
    Index("ix_inbox_undone", "lane", "seq", **_where("done_at = 0")),
    Index("ix_inbox_run_id", "run_id", **_where("run_id <> ''")),
    Index("ix_inbox_silent", "lane", "outcome", **_where("run_id = '' AND outcome <> ''")),
    comment="Every accepted event. `done_at` 0: nobody has dealt with it yet.",
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _text("lane"),
    _text("conversation"),
    _text("conversation_kind"),
    _text("channel"),
    _text("bot"),
    _text("person_id"),
    _text("kind"),
    _text("revision"),
    _text("session_id"),
    _text("trace_id"),
    _text("state"),
    _text("waiting_for"),
    _json("input"),
    Column("output", Text),
    Column("error", Text),
    _text("parent_id"),
    _json("usage"),
    _number("started_at"),
    _number("updated_at"),
    _number("ended_at"),
    Index("ix_runs_open", "lane", "state", **_where("state IN ('running', 'waiting')")),
    Index("ix_runs_person_id", "person_id"),
)

steps = Table(
    "steps",
    metadata,
    _seq(),
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    _text("key"),
    _text("name"),
    _text("state"),
    _text("idempotency_key"),
    _json("result"),
    _number("started_at"),
    _number("ended_at"),
    UniqueConstraint("run_id", "key"),
)

waits = Table(
    "waits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    _text("lane"),
    _text("key"),
    _text("kind"),
    _text("conversation"),
    _text("person_id"),
    _json("approvers"),
    _json("payload"),
    _text("token"),
    _text("part_id"),
    _text("state"),
    Column("answer", Text),
    _text("decided_by"),
    _text("decided_via"),
    _number("created_at"),
    _number("expires_at"),
    _number("decided_at"),
    UniqueConstraint("run_id", "key"),
    Index("ix_waits_open", "lane", **_where("state = 'open'")),
    Index("ix_waits_token", "token", **_where("token <> ''")),
)

timers = Table(
    "timers",
    metadata,
    Column("id", Text, primary_key=True),
    _number("at"),
    _text("lane"),
    _json("event"),
    Index(None, "at"),
)

parts = Table(
    "parts",
    metadata,
    _seq(),
    _text("id"),
    _text("run_id"),
    _text("conversation"),
    _text("channel"),
    _json("place"),
    Column("position", Integer, nullable=False, server_default="0"),
    _json("payload"),
    _text("text"),
    _text("state"),
    _text("message_id"),
    _text("edit_of"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("error"),
    _text("owner"),
    _number("created_at"),
    _number("updated_at"),
    UniqueConstraint("id"),
    Index("ix_parts_open", "conversation", "seq", **_where("state IN ('pending', 'sending')")),
    Index("ix_parts_unknown", "seq", **_where("state = 'unknown'")),
    Index("ix_parts_run_id", "run_id", **_where("run_id <> ''")),
    Index("ix_parts_notices", "conversation", "seq", **_where("run_id = ''")),
    comment="The outbox. `place` is the whole conversation record, `owner` the process that delivers it.",
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    _text("lane"),
    _text("bot"),
    _text("channel"),
    _text("conversation"),
    _text("person_id"),
    _number("started_at"),
    _number("last_at"),
    _number("ended_at"),
    _text("summary"),
    _number("summary_seq"),
    Index("ix_sessions_current", "lane", "started_at", **_where("ended_at = 0")),
    Index(None, "conversation"),
    Index(None, "person_id"),
)

transcript = Table(
    "transcript",
    metadata,
    _seq(),
    _text("session_id"),
    _text("run_id"),
    _text("role"),
    _text("text"),
    _json("data"),
    _text("person_id"),
    _text("name"),
    _number("at"),
    _text("message_id"),
    Index("ix_transcript_session_id", "session_id", "seq"),
    # A number must never come back after its row was deleted: `sessions.summary_seq` compares with it.
    sqlite_autoincrement=True,
)

# ── what happened ────────────────────────────────────────────────────────────────────────────────────────

calls = Table(
    "calls",
    metadata,
    _seq(),
    _text("id"),
    _number("at"),
    _text("workspace"),
    _text("server"),
    _text("tool"),
    _text("principal_kind"),
    _text("principal"),
    _text("bot"),
    _text("token_id"),
    _text("run_id"),
    _text("step"),
    _text("trace_id"),
    _text("status"),
    _text("code"),
    Column("duration_ms", Float, nullable=False, server_default="0"),
    _number("result_bytes"),
    _text("method", "tools/call"),
    _text("tool_class"),
    _number("request_bytes"),
    UniqueConstraint("id"),
    Index(None, "at"),
    Index("ix_calls_run_id", "run_id", **_where("run_id <> ''")),
)

call_payloads = Table(
    "call_payloads",
    metadata,
    Column("call_id", Text, primary_key=True),
    _number("at"),
    _text("workspace"),
    _text("principal_kind"),
    _text("principal"),
    _text("run_id"),
    _text("key_id"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Index(None, "at"),
    Index(None, "principal"),
    Index("ix_call_payloads_run_id", "run_id", **_where("run_id <> ''")),
    comment="Arguments and results of calls, sealed: of workspaces with record_payloads alone.",
)

model_calls = Table(
    "model_calls",
    metadata,
    _seq(),
    _text("id"),
    _number("at"),
    _text("run_id"),
    _text("step"),
    _text("trace_id"),
    _text("bot"),
    _text("channel"),
    _text("workspace"),
    _text("person_id"),
    _text("model"),
    _number("input_tokens"),
    _number("output_tokens"),
    _number("cached_tokens"),
    _number("cost_micros"),
    Column("estimated", Integer, nullable=False, server_default="0"),
    Column("latency_ms", Float, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="1"),
    _text("finish"),
    _text("code"),
    _number("cache_write_tokens"),
    Column("unpriced", Integer, nullable=False, server_default="0"),
    Column("reused", Integer, nullable=False, server_default="0"),
    UniqueConstraint("id"),
    Index(None, "at"),
    Index("ix_model_calls_run_id", "run_id", **_where("run_id <> ''")),
)

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("key", Text, primary_key=True),
    _text("model"),
    _text("workspace"),
    _text("person_id"),
    _text("trace_id"),
    _number("at"),
    _number("expires_at"),
    _text("reply"),
    Index(None, "model", "at"),
    Index(None, "expires_at"),
    Index(None, "person_id"),
    comment="Answers of models, given again to identical calls of the same person or workspace.",
)

audits = Table(
    "audits",
    metadata,
    _seq(),
    _number("at"),
    _text("actor"),
    _text("via"),
    _text("action"),
    _text("target"),
    _json("detail"),
)

files = Table(
    "files",
    metadata,
    _seq(),
    _text("file_id"),
    _text("lane"),
    _text("person_id"),
    _text("name"),
    _text("mime"),
    _number("size_bytes"),
    _text("sha256"),
    _number("at"),
    Index(None, "file_id"),
    Index(None, "person_id"),
    comment="Who sent or received which stored file. The bytes go when the last row of a `file_id` does.",
)

# ── people and administration ────────────────────────────────────────────────────────────────────────────

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _json("roles"),
    _text("locale"),
    _text("timezone"),
    _number("created_at"),
)

identities = Table(
    "identities",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    _text("person_id"),
    _text("name"),
    _text("username"),
    _json("aliases"),
    _number("linked_at"),
    Index(None, "person_id"),
    comment="Platform accounts. `person_id` is the human behind one.",
)

welcomes = Table(
    "welcomes",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("bot", Text, primary_key=True),
)

verifications = Table(
    "verifications",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    _text("method"),
    _number("verified_at"),
    _number("expires_at"),
    _text("run_id"),
    _json("details"),
    Index(None, "expires_at"),
    comment="Addresses people proved to read, as long as that counts.",
)

link_codes = Table(
    "link_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    _text("channel"),
    _text("user_id"),
    _text("reply_digest"),
    _text("other_channel"),
    _text("other_user_id"),
    _number("expires_at"),
    Index(None, "channel", "user_id"),
    Index(None, "reply_digest"),
    Index(None, "expires_at"),
    comment="Codes shown to accounts that want to be joined, as digests.",
)

links = Table(
    "links",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    _text("person_id"),
    _text("was"),
    _number("linked_at"),
    Index(None, "person_id"),
    comment="Accounts that are where they are by a code, and who they were before.",
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code", Text, primary_key=True),
    _text("channel"),
    _text("user_id"),
    _text("name"),
    _text("person_id"),
    _number("created_at"),
    _number("expires_at"),
    _text("state"),
    _text("decided_by"),
    Index(None, "channel", "user_id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    _text("allowed_by"),
    _number("allowed_at"),
    comment="Accounts let in by a pairing code.",
)

secrets = Table(
    "secrets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False, server_default="1"),
    _text("key_id"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    _number("created_at"),
    _number("updated_at"),
)

catalog = Table(
    "catalog",
    metadata,
    Column("server", Text, primary_key=True),
    _json("tools"),
    _json("pins"),
    _number("refreshed_at"),
    _text("error"),
    Column("accepted", Text, nullable=False, server_default="{}"),
    Column("extras", Text, nullable=False, server_default="{}"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", Text, primary_key=True),
    _number("at"),
    _text("actor"),
    _json("files"),
    _text("note"),
    Column("active", Integer, nullable=False, server_default="0"),
    _number("activated_at"),
)

# ── members of workspaces ────────────────────────────────────────────────────────────────────────────────

members = Table(
    "members",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace"),
    _text("name"),
    _text("email"),
    _text("role"),
    _text("state"),
    _text("person_id"),
    _number("created_at"),
    _number("joined_at"),
    _number("last_active_at"),
    Index("ix_members_name", "workspace", "name", unique=True, **_where("state <> 'removed'")),
    Index("ix_members_person_id", "person_id", **_where("person_id <> ''")),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    _text("digest"),
    _text("workspace"),
    _text("member_id"),
    _text("name"),
    _text("hint"),
    Column("allow", Text),
    _json("deny"),
    _number("per_minute"),
    _number("per_month"),
    _text("origin"),
    _text("client"),
    _number("created_at"),
    _text("created_by"),
    _number("expires_at"),
    _number("last_used_at"),
    _number("revoked_at"),
    _text("revoked_by"),
    _text("family"),
    UniqueConstraint("digest"),
    Index(None, "member_id"),
    Index(None, "workspace"),
    Index("ix_tokens_family", "family", **_where("family <> ''")),
    comment="`digest` is the SHA-256 of the token, which is stored nowhere.",
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    _text("digest"),
    _text("workspace"),
    _text("member_id"),
    _number("created_at"),
    _text("created_by"),
    _number("expires_at"),
    _number("accepted_at"),
    _number("revoked_at"),
    UniqueConstraint("digest"),
    Index(None, "member_id"),
)

oauth_keys = Table(
    "oauth_keys",
    metadata,
    Column("digest", Text, primary_key=True),
    _text("kind"),
    _text("family"),
    _text("workspace"),
    _text("member_id"),
    _text("client"),
    _text("redirect_uri"),
    _text("challenge"),
    Column("allow", Text),
    _json("deny"),
    _number("per_minute"),
    _number("per_month"),
    _number("created_at"),
    _number("expires_at"),
    _number("used_at"),
    Index(None, "family"),
    Index(None, "expires_at"),
    comment="Codes and refresh tokens; `digest` is the SHA-256 of one. Good once: `used_at` 0.",
)

counters = Table(
    "counters",
    metadata,
    Column("key", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    _number("used"),
    comment="Calls counted against monthly quotas.",
)

budget_counts = Table(
    "budget_counts",
    metadata,
    Column("budget", Text, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    _number("resets_at"),
    _number("micros"),
    _number("tokens"),
    _number("tool_calls"),
    _number("granted_micros"),
    _number("granted_tokens"),
    _number("granted_tool_calls"),
    _number("warned_at"),
    Index(None, "resets_at"),
    comment="What was used in one period; the row is the lock of its reservations.",
)

budget_reservations = Table(
    "budget_reservations",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("budget", Text, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    _text("owner"),
    _number("at"),
    _number("output_tokens"),
    _number("micros"),
    _number("tokens"),
    _number("tool_calls"),
    _number("settled"),
    Index(None, "budget", "who", "period"),
    comment="What a call may use (`settled` 0) or did use (1) and is not added to its count yet.",
)

limit_keys = Table(
    "limit_keys",
    metadata,
    Column("key", Text, primary_key=True),
    _number("taken"),
    comment="How many calls each rule has let through; the row is the lock of its `limit_hits`.",
)

limit_hits = Table(
    "limit_hits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("slot", BigInteger, primary_key=True, autoincrement=False),
    _number("at"),
    comment="A ring of as many slots as the rule allows calls: the next one is free once its time has passed.",
)

call_approvals = Table(
    "call_approvals",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace"),
    _text("principal_kind"),
    _text("principal"),
    _text("token_id"),
    _text("server"),
    _text("tool"),
    _json("arguments"),
    _text("digest"),
    _text("reason"),
    _json("approvers"),
    _text("state"),
    _text("comment"),
    _number("created_at"),
    _number("expires_at"),
    _number("decided_at"),
    _text("decided_by"),
    _text("decided_via"),
    _number("used_at"),
    _text("call_id"),
    Column("told", Integer, nullable=False, server_default="0"),
    Index(
        "ix_call_approvals_current",
        "digest",
        "principal",
        "workspace",
        unique=True,
        **_where("told = 0"),
    ),
    Index("ix_call_approvals_open", "created_at", **_where("state = 'open'")),
    comment="Calls of MCP clients that a person must allow. `told` 1: the client knows how it ended.",
)

notes = Table(
    "notes",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _json("value"),
    _text("by"),
    _text("run_id"),
    _number("created_at"),
    _number("updated_at"),
    _number("expires_at"),
    _text("taint", "[]"),
    Index("ix_notes_updated_at", "updated_at"),
    Index("ix_notes_expires_at", "expires_at", **_where("expires_at > 0")),
    comment="What bots keep in mind about people (`person`), conversations (`chat`) and for everybody (`team`).",
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("bot", Text, primary_key=True),
    _number("at"),
    _text("via"),
    comment="People who want no messages they did not ask for. An empty bot: of none.",
)

tags = Table(
    "tags",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    _number("at"),
    _text("by"),
    comment="Words that operators and workflows put on people.",
)
