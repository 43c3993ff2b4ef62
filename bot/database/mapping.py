"""Maps rows to the domain's objects, and objects to inserts."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from bot.audit.entry import Entry, Phase
from bot.recording.caller import Scope
from bot.recording.handover import FollowUp
from bot.recording.models import Attempt, Mechanism, Recording, RecordingState, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, Executable, Row, Table

    Upsert = sqlite.Insert | postgresql.Insert

    from bot.recording.notices import Notice

FIELDS = tuple(field.name for field in fields(Recording))


def recording_from(row: Mapping[Any, Any]) -> Recording:
    mechanism, follow_up = row["mechanism"], row["follow_up"]
    return Recording(
        **{
            **{name: row[name] for name in FIELDS},
            "state": RecordingState(row["state"]),
            "mechanism": None if mechanism is None else Mechanism(mechanism),
            "follow_up": None if follow_up is None else FollowUp(follow_up),
        }
    )


def attempt_from(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        verb=Verb(row.verb),
        actor=row.actor,
        recording_id=row.recording_id,
        requested_at=row.requested_at,
        deadline_at=row.deadline_at,
        before=None if row.state_before is None else RecordingState(row.state_before),
        owner=row.owner or "",
        settled_at=row.settled_at,
        looks_left=row.looks_left,
        scope=scope_from(row.scope),
    )


def scope_text(scope: Scope | None) -> str | None:
    """Return a scope in its stored form; None for all calls."""
    if scope is None or scope.everything:
        return None
    return json.dumps({"queues": sorted(scope.queues), "agents": sorted(scope.agents)})


def scope_from(text: str | None) -> Scope | None:
    """Return a stored scope; None for all calls."""
    if text is None:
        return None
    facts = json.loads(text)
    return Scope(everything=False, queues=frozenset(facts["queues"]), agents=frozenset(facts["agents"]))


def entry_from(row: Row[Any], *, leave_out: tuple[str, ...] = ()) -> Entry:
    """Make an entry of a row; ``leave_out`` are columns that other tables joined to it."""
    values = {name: value for name, value in row._asdict().items() if name not in leave_out}
    values["phase"] = Phase(row.phase)
    values["origin"] = json.loads(row.origin)
    values["outcome"] = json.loads(row.outcome)
    return Entry(**values)


def upsert(connection: Connection, table: Table) -> Upsert:
    """Return an insert for this connection that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def built_upserts(table: Table, finish: Callable[[Upsert], Executable]) -> dict[str, Executable]:
    """Build an upsert once for each dialect, by the dialect's name; ``finish`` adds what to do on a conflict."""
    return {"sqlite": finish(sqlite.insert(table)), "postgresql": finish(postgresql.insert(table))}


def notice_row(notice: Notice) -> dict[str, Any]:
    return {
        "kind": notice.kind.value,
        "recording_id": notice.recording_id,
        "occasion": notice.occasion,
        "person": notice.person,
        "audit_seq": notice.audit_seq,
        "verb": notice.verb and notice.verb.value,
        "result": notice.result and notice.result.value,
        "channel": notice.channel,
    }
