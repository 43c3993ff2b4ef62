"""The audit entry: its fields, its canonical form and its place in the hash chain.

The canonical form is RFC 8785 JSON of every field but ``previous_hash`` and ``hash``, absent values null. The hash is
``SHA-256(previous hash in lower-case hex, as ASCII, followed by the canonical form in UTF-8)``; the first entry's
previous hash is 64 zeros. Once an entry is written this can never change, so it doesn't.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Mapping

GENESIS_HASH = "0" * 64
"""The previous hash of entry number 1."""


class Phase(StrEnum):
    """The point in a request's life at which an entry was written."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    UNKNOWN = "unknown"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry without a number. ``origin`` and ``outcome`` hold only JSON values, and never a secret."""

    id: UUID
    attempt_id: UUID
    occurred_at: datetime
    phase: Phase
    action: str
    actor: str
    conversation_id: str | None = None
    participant_id: str | None = None
    recording_id: UUID | None = None
    reason_code: str | None = None
    reason_digest: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Draft):
    """An entry in the chain."""

    seq: int
    previous_hash: str
    hash: str


def timestamp(moment: datetime) -> str:
    """Write a moment as entries do: UTC, microseconds, always 27 characters, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(draft: Draft, seq: int) -> dict[str, Any]:
    """Return the entry's hashed fields as plain JSON values."""
    return {
        "seq": seq,
        "id": str(draft.id),
        "attempt_id": str(draft.attempt_id),
        "occurred_at": timestamp(draft.occurred_at),
        "phase": draft.phase.value,
        "action": draft.action,
        "actor": draft.actor,
        "conversation_id": draft.conversation_id,
        "participant_id": draft.participant_id,
        "recording_id": None if draft.recording_id is None else str(draft.recording_id),
        "reason_code": draft.reason_code,
        "reason_digest": draft.reason_digest,
        "origin": dict(draft.origin),
        "outcome": dict(draft.outcome),
    }


def entry_from(values: Mapping[str, Any]) -> Entry:
    """Read an entry from its JSON values: those of ``record``, ``previous_hash`` and ``hash``."""
    recording = values["recording_id"]
    read = {
        "id": UUID(values["id"]),
        "attempt_id": UUID(values["attempt_id"]),
        "occurred_at": datetime.fromisoformat(values["occurred_at"]),
        "phase": Phase(values["phase"]),
        "recording_id": None if recording is None else UUID(recording),
    }
    return Entry(**{**values, **read})


def chain_hash(previous_hash: str, hashed_fields: Mapping[str, Any]) -> str:
    """Return the hash of an entry that follows the one with ``previous_hash``."""
    return hashlib.sha256(previous_hash.encode("ascii") + rfc8785.dumps(dict(hashed_fields))).hexdigest()


def chain(draft: Draft, *, seq: int, previous_hash: str) -> Entry:
    """Give a draft its number and its place in the chain."""
    values = {one.name: getattr(draft, one.name) for one in fields(Draft)}
    return Entry(**values, seq=seq, previous_hash=previous_hash, hash=chain_hash(previous_hash, record(draft, seq)))


def text_digest(salt: bytes, text: str) -> str:
    """Return the entry's digest of typed text: HMAC-SHA-256 under a salt that is stored with the text."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
