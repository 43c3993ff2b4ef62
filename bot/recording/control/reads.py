"""The commands that read, and the outcome of an export: the entry is in the trail before anyone sees the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import OutOfScope
from bot.recording.caller import Permission, Role
from bot.recording.control.request_log import AuditContext
from bot.recording.permissions import require, sees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.errors import RecordBotError
    from bot.recording.control.request_log import OpenRequest
    from bot.recording.ports import Clock, RecordingStore, Transaction

INTERRUPTED = "interrupted"


class RequestedEntry(Protocol):
    """The entry that requested an export."""

    @property
    def attempt_id(self) -> UUID: ...

    @property
    def action(self) -> str: ...

    @property
    def actor(self) -> str: ...

    @property
    def conversation_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ExportOutcomes:
    """Writes the outcome. Each method raises AuditUnavailable if it can't be written."""

    store: RecordingStore
    clock: Clock

    async def succeeded(self, requested: RequestedEntry, facts: dict[str, Any]) -> int:
        """Record that the person has the file, and return the entry's number."""
        return await self._write(requested, Phase.SUCCEEDED, facts)

    async def failed(self, requested: RequestedEntry, error: str, facts: dict[str, Any] | None = None) -> int:
        return await self._write(requested, Phase.FAILED, {"error": error, **(facts or {})})

    async def interrupted(self, requests: Sequence[RequestedEntry]) -> None:
        """Record that these ended with the process that worked on them."""
        for requested in requests:
            await self.failed(requested, INTERRUPTED)

    async def _write(self, requested: RequestedEntry, phase: Phase, outcome: dict[str, Any]) -> int:
        def work(transaction: Transaction) -> int:
            entry = transaction.append(
                Draft(
                    id=uuid7(),
                    attempt_id=requested.attempt_id,
                    occurred_at=self.clock.now(),
                    phase=phase,
                    action=requested.action,
                    actor=requested.actor,
                    conversation_id=requested.conversation_id,
                    outcome=outcome,
                )
            )
            return entry.seq

        return await self.store.write(work)


READ_ACTION = "recording:read"
EXPORT_ACTION = "audit:export"
REPORT_ACTION = "audit:report"
LISTEN_ACTION = "recording:listen"
VERBS = {READ_ACTION: "read", EXPORT_ACTION: "export", REPORT_ACTION: "report", LISTEN_ACTION: "listen"}
PERMISSIONS = {
    READ_ACTION: Permission.READ,
    EXPORT_ACTION: Permission.EXPORT,
    REPORT_ACTION: Permission.EXPORT,
    LISTEN_ACTION: Permission.LISTEN,
}


@dataclass(frozen=True, slots=True)
class Read:
    """A person reads something. A limited supervisor sees the calls in their scope, compliance sees every call.

    ``phase`` is REQUESTED where an entry with the result follows; ``outcome`` says what was read. ``unrecorded``: a
    call that was never recorded passes too, and the reading of it decides.
    """

    action: str = READ_ACTION
    conversation_id: str | None = None
    phase: Phase = Phase.SUCCEEDED
    outcome: Mapping[str, str] = field(default_factory=dict)
    unrecorded: bool = False

    def context(self) -> AuditContext:
        return AuditContext(self.action, VERBS[self.action], self.conversation_id)

    def __call__(self, opened: OpenRequest) -> Entry:
        require(opened.request.caller, PERMISSIONS[self.action])
        if self.conversation_id is not None:
            _require_sight(opened, self.conversation_id, unrecorded=self.unrecorded)
        opened.close()
        return opened.append(self.phase, outcome=dict(self.outcome))


@dataclass(frozen=True, slots=True)
class Refuse:
    """A person asked to read something and typed it wrong: the trail has it, and the reason is raised."""

    action: str
    typed: str
    error: RecordBotError

    def context(self) -> AuditContext:
        return AuditContext(self.action, VERBS[self.action], typed=self.typed)

    def __call__(self, opened: OpenRequest) -> NoReturn:
        require(opened.request.caller, PERMISSIONS[self.action])
        raise self.error


def _require_sight(opened: OpenRequest, call: str, *, unrecorded: bool) -> None:
    """Raise NotPermitted where the call is not in the caller's scope, by its newest recording that tells whose it is.

    With ``unrecorded``, a call that was never recorded passes: the reading of it decides.
    """
    caller = opened.request.caller
    if caller.scope.everything or Role.COMPLIANCE in caller.roles:
        return
    newest = opened.transaction.newest_recording(call, telling_whose=True)
    if newest is None and unrecorded:
        return
    if newest is None or not sees(caller, newest):
        raise OutOfScope(grants=caller.grants)
