"""Checks whether a stored or exported entry matches its own hash."""

from __future__ import annotations

import hashlib
import json
from json.encoder import encode_basestring
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any

import rfc8785

from bot.audit.entry import chain_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = (
    "seq",
    "id",
    "attempt_id",
    "occurred_at",
    "phase",
    "action",
    "actor",
    "conversation_id",
    "participant_id",
    "recording_id",
    "reason_code",
    "reason_digest",
    "origin",
    "outcome",
)
"""The fields that the hash covers, without ``previous_hash`` and ``hash``."""
COLUMNS = (*FIELDS, "previous_hash", "hash")
JSON_FIELDS = ("origin", "outcome")
BEFORE_OUTCOME, AFTER_OUTCOME = ',"outcome":', ',"participant_id":'

# Both are C, and write the same bytes as RFC 8785 for all that entries hold, many times as fast as the library; where
# they could differ, the library has the last word.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_quoted = encode_basestring
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # what json.decoder does itself
_sha256 = hashlib.sha256


def row_matches(row: Sequence[Any]) -> bool:
    """Check a stored row (COLUMNS): its bytes have to be the ones that were hashed, not only their meaning."""
    (
        seq,
        own_id,
        attempt_id,
        occurred_at,
        phase,
        action,
        actor,
        conversation_id,
        participant_id,
        recording_id,
        reason_code,
        reason_digest,
        origin,
        outcome,
        previous_hash,
        digest,
    ) = row
    try:
        hashed = (
            f'{previous_hash}{{"action":{_quoted(action)},"actor":{_quoted(actor)},"attempt_id":{_quoted(attempt_id)},'
            f'"conversation_id":{"null" if conversation_id is None else _quoted(conversation_id)},'
            f'"id":{_quoted(own_id)},"occurred_at":{_quoted(occurred_at)},"origin":{origin},"outcome":{outcome},'
            f'"participant_id":{"null" if participant_id is None else _quoted(participant_id)},'
            f'"phase":{_quoted(phase)},'
            f'"reason_code":{"null" if reason_code is None else _quoted(reason_code)},'
            f'"reason_digest":{"null" if reason_digest is None else _quoted(reason_digest)},'
            f'"recording_id":{"null" if recording_id is None else _quoted(recording_id)},"seq":{seq}}}'
        )
        if _sha256(hashed.encode()).hexdigest() == digest:
            # The same bytes could be cut elsewhere between the two objects, unless there is one place only to cut.
            unique = hashed.count(BEFORE_OUTCOME) == 1 == hashed.count(AFTER_OUTCOME)
            return unique or (_is_object(origin) and _is_object(outcome))
    except (ValueError, TypeError):
        return False  # a value of a kind that was never written
    return _slowly_from_row(row)


def entry_matches(entry: Mapping[str, Any]) -> bool:
    """Check an entry as JSON values: its meaning must be what was hashed."""
    hashed = {name: entry[name] for name in FIELDS}
    try:
        text = _encode(hashed)
    except RecursionError:  # deeper than anything that was ever written
        return False
    quick = _sha256((str(entry["previous_hash"]) + text).encode("utf-8", "surrogatepass")).hexdigest()
    return bool(quick == entry["hash"]) or _slowly(entry, hashed)


def is_canonical(line: str, entry: Mapping[str, Any]) -> bool:
    """Say whether an exported line is the entry's one form: no member twice, nothing written another way."""
    if line == _encode(entry) and not (_has_fraction(entry["origin"]) or _has_fraction(entry["outcome"])):
        return True
    try:
        return line == rfc8785.dumps(dict(entry)).decode()
    except (ValueError, TypeError, RecursionError):
        return False


def _has_fraction(value: Any) -> bool:
    """Return whether a value holds a number with a point or an exponent: 202.0 means 202 and is other bytes."""
    if type(value) is dict:
        return any(map(_has_fraction, value.values()))
    return any(map(_has_fraction, value)) if type(value) is list else type(value) is float


def entry_of(row: Sequence[Any]) -> dict[str, Any]:
    """Make an entry of a stored row: the fields, then ``previous_hash`` and ``hash``."""
    entry = dict(zip(COLUMNS, row, strict=True))
    for name in JSON_FIELDS:
        try:
            entry[name] = json.loads(entry[name])
        except (TypeError, ValueError, RecursionError):
            entry[name] = {"not": "JSON"}  # was changed to something that was never written
    return entry


def _is_object(text: str) -> bool:
    try:
        value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return False
    return type(value) is dict and end == len(text)


def _slowly_from_row(row: Sequence[Any]) -> bool:
    entry = entry_of(row)
    texts = dict(zip(COLUMNS, row, strict=True))
    try:
        same = all(rfc8785.dumps(entry[name]).decode() == texts[name] for name in JSON_FIELDS)
    except (ValueError, TypeError, RecursionError):
        return False
    return same and _slowly(entry, {name: entry[name] for name in FIELDS})


def _slowly(entry: Mapping[str, Any], hashed: Mapping[str, Any]) -> bool:
    try:
        return bool(chain_hash(str(entry["previous_hash"]), hashed) == entry["hash"])
    except (ValueError, TypeError, RecursionError):
        return False
