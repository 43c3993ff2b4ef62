"""Finds the file of a finished recording: Genesys takes a while to store it, and compliance needs to know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AuditUnavailable, GenesysError, PermissionMissing, RequestRejected, UserContextNeeded
from bot.recording.caller import BOT
from bot.recording.models import Mechanism

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.call_files import SavedQueue, SavedRecordings
    from bot.recording.keeping.recording_files import RecordingFileCheck, SavedRecording
    from bot.recording.models import Recording
    from bot.recording.ports import Clock, RecordingStore, Transaction

log = structlog.get_logger(__name__)

SAVED_ACTION = "recording:saved"
AFTER_SECONDS = (15.0, 60.0, 300.0, 900.0, 3600.0)
"""When to look for a recording's file after its end, before giving up."""
AFTER_FAILURE_SECONDS = 60.0
GIVEN_UP_AFTER = timedelta(days=1)
"""How long to retry a failed check."""
LOOK_LIMIT = 15.0
AGAIN_SECONDS = 5.0
AT_ONCE = 3
"""Checks in each tick: they aren't urgent, and the request limit is for people."""
SLACK = timedelta(seconds=60)
"""How far Genesys's times may be from ours."""
OTHER_RECORDERS = frozenset({"screen", "snippet"})
"""Media and media subtypes that no policy's audio recording has."""
LASTING = (PermissionMissing, UserContextNeeded)


@dataclass(slots=True)
class _State:
    refused: bool = False
    not_before: dict[UUID, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedLooks:
    """Checks on a schedule in the database, so that a restart skips no check and repeats none.

    A file that is found gets an ``observed`` entry, and the recording's card is redrawn.
    """

    store: RecordingStore
    queue: SavedQueue
    source: SavedRecordings
    clock: Clock
    _state: _State = field(default_factory=_State)

    async def step(self) -> float | None:
        """Check what is due, until Genesys refuses the permission; return in how many seconds the next check is."""
        await self.poll()
        if self._state.refused:
            return math.inf
        next_at = await self.queue.next_at()
        if next_at is None:
            return None
        return max(AGAIN_SECONDS, (next_at - self.clock.now()).total_seconds())

    async def poll(self) -> None:
        """Check the files that are due, a few at a time."""
        due = await self.queue.due(self.clock.now(), limit=AT_ONCE + len(self._state.not_before))
        now = self.clock.monotonic()
        waiting = [look for look in due if now >= self._state.not_before.get(look.recording_id, 0.0)]
        for look in waiting[:AT_ONCE]:
            if self._state.refused:
                return
            try:
                await self._check(look)
            except AuditUnavailable:
                log.warning("recording_file_write_failed")
                self._put_off(look)
            except Exception:  # one that can't be looked for keeps no other from being looked for
                log.exception("recording_file_check_crashed", recording_id=str(look.recording_id))
                self._put_off(look)

    async def _check(self, look: RecordingFileCheck) -> None:
        recording = await self.store.recording(look.recording_id)
        if recording is None:
            raise AssertionError
        try:
            found = await self.source.saved(recording.conversation_id, deadline=self.clock.monotonic() + LOOK_LIMIT)
        except LASTING as refusal:
            self._state.refused = True
            log.warning("recording_files_read_denied", cause=str(refusal))
            return
        except RequestRejected as refusal:
            log.warning("recording_files_read_rejected", conversation_id=recording.conversation_id, cause=str(refusal))
            found = ()
        except GenesysError as error:
            log.warning("recording_file_check_failed", conversation_id=recording.conversation_id, error=error.kind)
            if self.clock.now() - look.ended_at < GIVEN_UP_AFTER:
                self._put_off(look)
                return
            found = ()
        self._state.not_before.pop(look.recording_id, None)
        await self._note(look, tuple(one for one in found if belongs(one, recording)))

    def _put_off(self, look: RecordingFileCheck) -> None:
        self._state.not_before[look.recording_id] = self.clock.monotonic() + AFTER_FAILURE_SECONDS

    async def _note(self, look: RecordingFileCheck, found: tuple[SavedRecording, ...]) -> None:
        complete = bool(found) and all(one.there for one in found)
        looks, next_at = next_check(look, self.clock.now())
        if complete:
            next_at = None

        def work(transaction: Transaction) -> None:
            recording = transaction.recording(look.recording_id)
            mine = transaction.note_file_check(look, looks, next_at)
            if not mine or recording is None or not recording.state.final:
                return
            known = {one.id: one.state for one in transaction.saved_recordings(look.recording_id)}
            news = [one for one in found if known.get(one.id) != one.state]
            for one in news:
                transaction.keep_saved(look.recording_id, one)
                entry = transaction.append(_observed(recording, one, self.clock.now()))
                recording = transaction.save(replace(recording, audit_seq=entry.seq), was=recording)

        await self.store.write(work)


def next_check(look: RecordingFileCheck, now: datetime) -> tuple[int, datetime | None]:
    """Return the number of checks after this one, and the time of the next; None if it was the last.

    Looks whose time has passed meanwhile, while the bot was away, are not made up for.
    """
    times = [look.ended_at + timedelta(seconds=after) for after in AFTER_SECONDS]
    over = max(look.looks + 1, sum(at <= now for at in times))
    return over, next(iter(times[over:]), None)


def belongs(saved: SavedRecording, recording: Recording) -> bool:
    """Say whether the file has a part of our recording; a call can be recorded several times, one after another.

    What a trunk, a station or a consultation recorded is the policy's. No file of a conversation is an ad-hoc
    recording's: Genesys sends that to a user's inbox.
    """
    others = not OTHER_RECORDERS.isdisjoint({saved.media_subtype, saved.media})
    if recording.mechanism is not Mechanism.POLICY or others:
        return False
    begun = recording.started_at or recording.requested_at
    too_early = saved.ended_at is not None and saved.ended_at < begun - SLACK
    too_late = (
        saved.started_at is not None
        and recording.ended_at is not None
        and saved.started_at > recording.ended_at + SLACK
    )
    return not too_early and not too_late


def _observed(recording: Recording, saved: SavedRecording, at: datetime) -> Draft:
    outcome: dict[str, Any] = {"saved_id": saved.id, "state": saved.state or "unknown"}
    told = {"media": saved.media, "media_subtype": saved.media_subtype, "session_id": saved.session_id}
    outcome |= {name: value for name, value in told.items() if value is not None}
    if saved.length is not None:
        outcome["seconds"] = round(saved.length.total_seconds())
    return Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=at,
        phase=Phase.OBSERVED,
        action=SAVED_ACTION,
        actor=BOT,
        conversation_id=recording.conversation_id,
        participant_id=recording.participant_id,
        recording_id=recording.id,
        outcome=outcome,
    )
