"""Records the outcome of an export in the trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from bot.recording.ports import Clock, RecordingStore, Transaction

INTERRUPTED = "interrupted"


class Request(Protocol):
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

    async def succeeded(self, request: Request, facts: dict[str, Any]) -> int:
        """Record that the person has the file, and return the entry's number."""
        return await self._write(request, Phase.SUCCEEDED, facts)

    async def failed(self, request: Request, error: str, facts: dict[str, Any] | None = None) -> int:
        return await self._write(request, Phase.FAILED, {"error": error, **(facts or {})})

    async def interrupted(self, requests: Sequence[Request]) -> None:
        """Record that these ended with the process that worked on them."""
        for request in requests:
            await self.failed(request, INTERRUPTED)

    async def _write(self, request: Request, phase: Phase, outcome: dict[str, Any]) -> int:
        def work(transaction: Transaction) -> int:
            entry = transaction.append(
                Draft(
                    id=uuid7(),
                    attempt_id=request.attempt_id,
                    occurred_at=self.clock.now(),
                    phase=phase,
                    action=request.action,
                    actor=request.actor,
                    conversation_id=request.conversation_id,
                    outcome=outcome,
                )
            )
            return entry.seq

        return await self.store.write(work)
