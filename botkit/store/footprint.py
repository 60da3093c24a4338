"""Where a person left traces: read beside the writer, for export and for erasure."""

from __future__ import annotations

__all__ = ["Footprint", "find_footprint"]

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, Table, and_, false, or_, select

from botkit.core.data import decode
from botkit.core.events import Event
from botkit.store.reader import Reader
from botkit.store.schema import (
    accounts,
    call_approvals,
    call_payloads,
    calls,
    files,
    identities,
    inbox,
    invitations,
    kept_answers,
    lanes,
    link_codes,
    links,
    members,
    model_calls,
    notes,
    opt_outs,
    pairing_codes,
    parts,
    people,
    runs,
    secrets,
    sessions,
    steps,
    tags,
    timers,
    tokens,
    transcript,
    verifications,
    waits,
    welcomes,
)

_CHUNK = 400
"""Values in one IN list; both databases take far more."""

Rows: TypeAlias = tuple[Table, ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What belongs to one person."""

    person_id: str
    accounts: tuple[tuple[str, str], ...]
    runs: tuple[str, ...]
    private: tuple[str, ...]
    """Conversations with nobody else in them."""
    lanes: tuple[str, ...]
    """Of the private conversations."""
    sessions: tuple[str, ...]
    """In which nobody else spoke."""
    shared_sessions: tuple[str, ...]
    """In which others spoke too."""
    timers: tuple[str, ...]

    def owned(self) -> tuple[Rows, ...]:
        """Rows that are only this person's, in the order in which they may be deleted: what later rows are
        found by goes last, so that whoever is interrupted can start again."""
        person = self.person_id
        return (
            (sessions, _among(sessions.c.id, self.sessions)),
            (
                transcript,
                or_(
                    transcript.c.person_id == person,
                    _among(transcript.c.run_id, self.runs),
                    _among(transcript.c.session_id, self.sessions),
                ),
            ),
            (timers, _among(timers.c.id, self.timers)),
            (parts, or_(_among(parts.c.run_id, self.runs), _among(parts.c.conversation, self.private))),
            (files, files.c.person_id == person),
            (
                notes,
                or_(
                    and_(notes.c.scope == "person", notes.c.owner == person),
                    and_(notes.c.scope == "chat", _among(notes.c.owner, self.private)),
                ),
            ),
            (kept_answers, kept_answers.c.person_id == person),
            (opt_outs, opt_outs.c.person_id == person),
            (secrets, secrets.c.scope == f"person:{person}"),
            (lanes, and_(lanes.c.owner == "", _among(lanes.c.lane, self.lanes))),
            (
                inbox,
                or_(
                    _sent_by(self.accounts),
                    _among(inbox.c.run_id, self.runs),
                    _among(inbox.c.conversation, self.private),
                ),
            ),
            (
                call_payloads,
                or_(
                    and_(call_payloads.c.principal == person, call_payloads.c.principal_kind == "person"),
                    and_(
                        call_payloads.c.principal.in_(_memberships(person)), call_payloads.c.principal_kind == "member"
                    ),
                    _among(call_payloads.c.run_id, self.runs),
                ),
            ),
            (steps, _among(steps.c.run_id, self.runs)),
            (waits, _among(waits.c.run_id, self.runs)),
            (runs, runs.c.person_id == person),
            (pairing_codes, or_(pairing_codes.c.person_id == person, _account(pairing_codes, self.accounts))),
            (accounts, _account(accounts, self.accounts)),
            (welcomes, welcomes.c.person_id == person),
            (tags, tags.c.person_id == person),
            (verifications, verifications.c.person_id == person),
            (links, links.c.person_id == person),
            (link_codes, _account(link_codes, self.accounts)),
            (identities, identities.c.person_id == person),
            (tokens, tokens.c.member_id.in_(_memberships(person))),
            (invitations, invitations.c.member_id.in_(_memberships(person))),
            (call_approvals, call_approvals.c.principal.in_(_memberships(person))),
            (members, members.c.person_id == person),
            (people, people.c.id == person),
        )

    def mentioned(self) -> tuple[Rows, ...]:
        """Rows that stay without the person's name: logs, questions of others' runs, shared sessions."""
        person = self.person_id
        return (
            (calls, and_(calls.c.principal == person, calls.c.principal_kind == "person")),
            (model_calls, model_calls.c.person_id == person),
            (waits, or_(waits.c.person_id == person, waits.c.decided_by == person)),
            (sessions, _among(sessions.c.id, self.shared_sessions)),
            (notes, and_(notes.c.scope != "person", notes.c.by == f"person:{person}")),
        )


async def find_footprint(reader: Reader, person_id: str) -> Footprint:
    found = await reader.all(
        select(identities.c.channel, identities.c.user_id).where(identities.c.person_id == person_id)
    )
    mine = tuple((row[0], row[1]) for row in found)
    run_ids: list[str] = []
    private: set[str] = set()
    own_lanes: set[str] = set()
    statement = select(runs.c.id, runs.c.conversation, runs.c.conversation_kind, runs.c.lane)
    for id_, conversation, kind, lane in await reader.all(statement.where(runs.c.person_id == person_id)):
        run_ids.append(id_)
        if kind == "dm":
            private.add(conversation)
            own_lanes.add(lane)
    async for lane, event in reader.stream(select(inbox.c.lane, inbox.c.event).where(_sent_by(mine))):
        place = decode(event, Event).conversation
        if place.kind == "dm":
            private.add(place.key)
            own_lanes.add(lane)
    own, shared = await _sessions(reader, person_id, private)
    return Footprint(
        person_id=person_id,
        accounts=mine,
        runs=tuple(run_ids),
        private=tuple(sorted(private)),
        lanes=tuple(sorted(own_lanes)),
        sessions=own,
        shared_sessions=shared,
        timers=await _timers(reader, set(run_ids), own_lanes),
    )


async def _sessions(reader: Reader, person_id: str, private: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of this person alone, and those shared with others."""
    spoke = select(transcript.c.session_id).where(transcript.c.person_id == person_id)
    statement = select(sessions.c.id, sessions.c.conversation).where(
        or_(sessions.c.person_id == person_id, sessions.c.id.in_(spoke), _among(sessions.c.conversation, private))
    )
    own: list[str] = []
    shared: list[str] = []
    for id_, conversation in await reader.all(statement):
        others = select(transcript.c.seq).where(
            transcript.c.session_id == id_, transcript.c.person_id.not_in(("", person_id))
        )
        alone = conversation in private or await reader.first(others) is None
        (own if alone else shared).append(id_)
    return tuple(own), tuple(shared)


async def _timers(reader: Reader, run_ids: set[str], own_lanes: set[str]) -> tuple[str, ...]:
    found: list[str] = []
    for id_, lane, event in await reader.all(select(timers.c.id, timers.c.lane, timers.c.event)):
        signal = decode(event, Event).signal or {}
        if lane in own_lanes or signal.get("run_id") in run_ids:
            found.append(id_)
    return tuple(found)


def _memberships(person_id: str) -> Select[tuple[str]]:
    return select(members.c.id).where(members.c.person_id == person_id)


def _among(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    ordered = sorted(set(values) - {""})
    chunks = [ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK)]
    return or_(false(), *(column.in_(chunk) for chunk in chunks))


def _account(table: Table, mine: tuple[tuple[str, str], ...]) -> ColumnElement[bool]:
    return or_(false(), *(and_(table.c.channel == channel, table.c.user_id == user_id) for channel, user_id in mine))


def _sent_by(mine: tuple[tuple[str, str], ...]) -> ColumnElement[bool]:
    return or_(false(), *(and_(inbox.c.channel == channel, inbox.c.sender_id == user_id) for channel, user_id in mine))
