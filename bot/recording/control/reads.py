"""Audited reads of recordings and exports: the entry is in the trail before anyone sees the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.audit.entry import Phase
from bot.errors import OutOfScope
from bot.recording.caller import Permission, Role
from bot.recording.control.request_log import AuditContext, RequestLog
from bot.recording.permissions import require, sees

if TYPE_CHECKING:
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.errors import RecordBotError
    from bot.recording.ports import Transaction
    from bot.recording.requests import Request

READ_ACTION = "recording:read"
EXPORT_ACTION = "audit:export"
REPORT_ACTION = "audit:report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads(RequestLog):
    """Takes read requests. A limited supervisor sees the calls in their scope, compliance sees every call."""

    async def read(self, asked: Request, call: str | None = None) -> Entry:
        """Record in the trail that a person reads recordings, before they see anything."""
        facts = AuditContext(READ_ACTION, "read", conversation_id=call)

        def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.READ)
            if call is not None:
                _require_sight(transaction, asked, call, unrecorded=True)
            self._count_once(transaction, asked, facts, attempt_id)
            draft = self._draft(asked, facts, attempt_id, Phase.REQUESTED if call else Phase.SUCCEEDED)
            return transaction.append(draft)

        return await self._take(asked, facts, work)

    async def read_history(self, asked: Request, call: str) -> Entry:
        """Record in the trail that a person reads a call's history, before they see it."""
        facts = AuditContext(READ_ACTION, "read", conversation_id=call)

        def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.READ)
            _require_sight(transaction, asked, call, unrecorded=False)
            self._count_once(transaction, asked, facts, attempt_id)
            return transaction.append(
                self._draft(asked, facts, attempt_id, Phase.SUCCEEDED, outcome={"read": "history"})
            )

        return await self._take(asked, facts, work)

    async def read_home(self, asked: Request) -> Entry:
        """Record in the trail that a person opens the overview of live recordings, before they see it."""
        facts = AuditContext(READ_ACTION, "read")

        def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.READ)
            self._count_once(transaction, asked, facts, attempt_id)
            return transaction.append(self._draft(asked, facts, attempt_id, Phase.SUCCEEDED, outcome={"read": "home"}))

        return await self._take(asked, facts, work)

    async def export(self, asked: Request, wanted: dict[str, str], call: str | None = None) -> Entry:
        """Record in the trail that a person requests entries as a file; ``wanted`` says which, ``call`` whose."""
        facts = AuditContext(EXPORT_ACTION, "export", conversation_id=call)

        def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.EXPORT)
            entry = transaction.append(self._draft(asked, facts, attempt_id, Phase.REQUESTED, outcome=wanted))
            self._count_once(transaction, asked, facts, attempt_id)
            return entry

        return await self._take(asked, facts, work)

    async def read_report(self, asked: Request, wanted: dict[str, str]) -> Entry:
        """Record in the trail that a person reads a report of recordings, before they see it."""
        facts = AuditContext(REPORT_ACTION, "report")

        def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.EXPORT)
            self._count_once(transaction, asked, facts, attempt_id)
            return transaction.append(self._draft(asked, facts, attempt_id, Phase.SUCCEEDED, outcome=wanted))

        return await self._take(asked, facts, work)

    async def refuse_report(self, asked: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that a report was requested and refused, and raise the reason."""
        await self._refuse(asked, AuditContext(REPORT_ACTION, "report", typed=typed), Permission.EXPORT, error)

    async def refuse_reading(self, asked: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that a read was requested and refused, and raise the reason."""
        await self._refuse(asked, AuditContext(READ_ACTION, "read", typed=typed), Permission.READ, error)

    async def refuse_export(self, asked: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that an export was requested and refused, and raise the reason."""
        await self._refuse(asked, AuditContext(EXPORT_ACTION, "export", typed=typed), Permission.EXPORT, error)

    async def _refuse(self, asked: Request, facts: AuditContext, permission: Permission, error: RecordBotError) -> None:
        def work(_transaction: Transaction, _attempt_id: UUID) -> None:
            require(asked.caller, permission)
            raise error

        await self._take(asked, facts, work)


def _require_sight(transaction: Transaction, asked: Request, call: str, *, unrecorded: bool) -> None:
    """Raise NotPermitted where the call is not in the caller's scope, by its newest recording that tells whose it is.

    With ``unrecorded``, a call that was never recorded passes: the reading of it decides.
    """
    caller = asked.caller
    if caller.scope.everything or Role.COMPLIANCE in caller.roles:
        return
    newest = transaction.newest_recording(call, telling_whose=True)
    if newest is None and unrecorded:
        return
    if newest is None or not sees(caller, newest):
        raise OutOfScope(grants=caller.grants)
