"""One try to keep or to release a call's recordings: what is asked of Genesys, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import (
    CallEnded,
    CallNotFound,
    GenesysError,
    NoRecordingFound,
    NotFound,
    NotKept,
    OutOfScope,
    PermissionMissing,
)
from bot.recording.caller import is_bot, rule_label
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.control.keeping.outcomes import Done, Later
from bot.recording.control.outcomes import facts
from bot.recording.keeping.keep import AFTER_SECONDS, BY_RULE_SECONDS, GIVEN_UP_AFTER, GOES_ON_SECONDS, KeepVerb
from bot.recording.models import RecordingState, Target
from bot.recording.ports import Priority, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.recording.call_files import CallFiles
    from bot.recording.keeping.keep import Keep, KeepQueue
    from bot.recording.keeping.recording_files import RecordingFiles
    from bot.recording.models import Recording
    from bot.recording.ports import Clock, RecordingControl, RecordingStore, Transaction


@dataclass(frozen=True, slots=True)
class KeepAttempt:
    """Asks Genesys. ``labels`` are those of the reasons' codes."""

    files: CallFiles
    control: RecordingControl
    store: RecordingStore
    queue: KeepQueue
    clock: Clock
    labels: Mapping[str, str]

    async def __call__(self, keep: Keep) -> Done | Later:
        """Raise the GenesysError branch, or NotPermitted where the reading shows that the call is out of scope."""
        files = self.files
        background = keep.tries > 1 or is_bot(keep.asked_by)
        limits: dict[str, Any] = {
            "deadline": self.clock.monotonic() + ACTION_LIMIT.total_seconds(),
            "priority": Priority.LOOP if background else Priority.PERSON,
        }
        if keep.verb is KeepVerb.RELEASE:
            return await self._release(files, keep, limits)
        recording = None if keep.recording_id is None else await self.store.recording(keep.recording_id)
        if recording is not None and not recording.state.final:
            return Later(None)  # the files come after the call; our recording's end is noticed without asking
        ended_at, known = keep.ended_at, True
        if ended_at is None:
            ended_at, known = await self._call_end(keep, recording, limits)
        if ended_at is None:
            if self.clock.now() - keep.asked_at >= GIVEN_UP_AFTER:
                raise NoRecordingFound
            wait = GOES_ON_SECONDS if rule_label(keep.asked_by) is None else BY_RULE_SECONDS
            return Later(self.clock.now() + timedelta(seconds=wait))
        return await self._keep(files, keep, recording, ended_at, limits, known=known)

    async def _keep(
        self,
        files: CallFiles,
        keep: Keep,
        recording: Recording | None,
        ended_at: datetime,
        limits: dict[str, Any],
        *,
        known: bool,
    ) -> Done | Later:
        """Protect the files of a call that is over, once all of them are stored; ``known``: Genesys knows the call."""
        found = await files.files(keep.conversation_id, ended_at=ended_at, **limits)
        next_at = next_look(ended_at, self.clock.now())
        complete = bool(found.ready) and all(file.there for file in found.files)
        if not complete and next_at is not None and (known or found.files):
            return Later(next_at, ended_at)
        if not found.ready:
            raise NoRecordingFound if known else CallNotFound
        try:
            change = await files.protect(keep.conversation_id, progress=tell_nobody, **limits)
        except NotFound:
            if next_at is None:
                raise NoRecordingFound from None
            return Later(next_at, ended_at)
        annotation, permission = await self._annotate(files, keep, found, recording, limits)
        told = {"annotation": annotation, "annotation_permission": permission}
        outcome = {"created": change.created, "recordings": len(found.ready), **facts(change.evidence)}
        outcome |= {name: value for name, value in told.items() if value is not None}
        return Done(outcome, ended_at, annotation, permission)

    async def _release(self, files: CallFiles, keep: Keep, limits: dict[str, Any]) -> Done:
        try:
            change = await files.release(keep.conversation_id, progress=tell_nobody, **limits)
        except NotFound:
            if keep.cancels:
                return Done({"created": False, "cancelled": keep.cancels})
            raise NotKept from None
        if not change.created and not keep.in_doubt and not keep.cancels:
            raise NotKept
        cancelled = {"cancelled": keep.cancels} if keep.cancels else {}
        return Done({"created": change.created, **cancelled, **facts(change.evidence)})

    async def _call_end(
        self, keep: Keep, recording: Recording | None, limits: dict[str, Any]
    ) -> tuple[datetime | None, bool]:
        """Return when the call ended, None if it goes on; and whether Genesys knows the call.

        Raise OutOfScope where the reading has to say whose call it is, and it is another one's, or doesn't say.
        """
        if recording is not None and recording.state is RecordingState.ENDED and recording.ended_at is not None:
            return recording.ended_at, True
        now = self.clock.now()
        target = Target(keep.conversation_id) if recording is None else recording.target
        try:
            seen = await self.control.read_call(target, progress=tell_nobody, **limits)
        except (CallEnded, CallNotFound) as gone:
            if keep.scope is not None:
                raise OutOfScope(cause="scope_unknown") from None
            return now, isinstance(gone, CallEnded)
        covered = keep.scope is None or any(
            keep.scope.covers(agent_user_id=one.user_id, queue_id=one.queue_id) for one in seen.agents
        )
        if not covered:
            raise OutOfScope
        if keep.scope is not None:
            await self._permitted(keep)
        return None, True

    async def _permitted(self, keep: Keep) -> None:
        """Note that a reading has shown that the call is in the person's scope."""

        def work(transaction: Transaction) -> None:
            current = transaction.keeps.get(keep.id)
            if current is not None:
                transaction.keeps.save(replace(current, scope=None), was=current)

        await self.store.write(work)

    async def _annotate(
        self,
        files: CallFiles,
        keep: Keep,
        found: RecordingFiles,
        recording: Recording | None,
        limits: dict[str, Any],
    ) -> tuple[str | None, str | None]:
        """Add the reason to each file; what goes wrong with it never undoes the keep. Return how it went."""
        words = await self._reason(keep, recording)
        if not words:
            return None, None
        try:
            for file in found.ready:
                await files.annotate(keep.conversation_id, file.id, words, progress=tell_nobody, **limits)
        except PermissionMissing as missing:
            return missing.kind, missing.permission
        except GenesysError as error:
            return error.kind, None
        return "added", None

    async def _reason(self, keep: Keep, recording: Recording | None) -> str:
        """Return the reason that was given with this request, or else that of the recording."""
        labels, code = self.labels, keep.reason_code
        typed = await self.queue.reason(keep)
        if not typed and code is None and recording is not None:
            typed, code = recording.reason, recording.reason_code
        return ": ".join(filter(None, (labels.get(code, code) if code else None, typed)))


def next_look(ended_at: datetime, now: datetime) -> datetime | None:
    """Return when to look for a call's files next; None if they would have been found by now."""
    times = (ended_at + timedelta(seconds=after) for after in AFTER_SECONDS)
    return next((at for at in times if at > now), None)
