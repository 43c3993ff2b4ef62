"""``record-bot privacy``, ``db backup``, ``audit archive`` and ``audit hold``: each with its entries in the trail."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.admin.counted import counted
from bot.audit.entry import Draft, Phase
from bot.database.identity.file_lock import serving_alone
from bot.database.maintenance.backup import back_up
from bot.database.maintenance.copy import copy_all
from bot.database.maintenance.erasure import ERASE_ACTION, Erased, Person, count, erase, is_known, rows_of
from bot.database.maintenance.retention import Retention
from bot.database.maintenance.secure_erase import scrub
from bot.database.migrate import upgrade, version
from bot.database.replicas import somebody_serves
from bot.database.store import SqlStore
from bot.database.trail.legal_hold import HOLD_ACTION, RELEASE_ACTION, current_hold
from bot.errors import DatabaseUnusable, Refused
from bot.recording.clock import SystemClock
from bot.runtime.container import opened_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import timedelta
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Connection

    from bot.audit.entry import Entry
    from bot.config.settings import DatabaseSettings
    from bot.database.transaction import SqlTransaction
    from bot.recording.ports import Clock

NOBODY = "Nothing found for {person}, so nothing was erased. Check the id."
BACKUP_ACTION = "db:backup"
COPY_ACTION = "db:copy"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Run one administrative command for the user who is logged in on the bot's machine."""

    settings: DatabaseSettings
    actor: str
    clock: Clock = field(default_factory=SystemClock)

    async def erase(self, person: Person, *, despite_hold: bool) -> str:
        """Erase a person's name and typed text. Raise Refused while a legal hold is on, AuditUnavailable."""
        rows, attempt_id = rows_of(person), uuid7()

        def ask(transaction: SqlTransaction) -> str | None:
            hold = current_hold(transaction.connection)
            refused = hold is not None and not despite_hold
            unknown = not refused and not is_known(transaction.connection, person)
            outcome = {"person": person.id, **({"despite_hold": True} if hold is not None and despite_hold else {})}
            if refused:
                outcome |= {"error": "refused", "cause": "legal_hold"}
            elif unknown:
                outcome |= {"error": "refused", "cause": "unknown_person"}
            phase = Phase.FAILED if refused or unknown else Phase.REQUESTED
            self.append(transaction, ERASE_ACTION, phase, attempt_id, outcome)
            if refused:
                return f"{hold}. Nothing was erased. Release the hold first, or use --despite-hold."
            return NOBODY.format(person=person.id) if unknown else None

        def work(transaction: SqlTransaction) -> Erased:
            erased = erase(transaction.connection, rows, redraw=True)
            outcome = {"person": person.id, **erased.facts()}
            self.append(transaction, ERASE_ACTION, Phase.SUCCEEDED, attempt_id, outcome)
            return erased

        async with self.opened() as store:
            if refusal := await store.write(ask):
                raise Refused(refusal)
            erased = await store.write(work)
            await scrub(store.engines)
        if not erased:
            return f"There was nothing left to erase for {person.id}."
        return f"Erased: {_amounts(erased)}. Backups from before still contain them."

    async def count(self, person: Person) -> str:
        """Say how much ``erase`` would erase."""

        def read(connection: Connection) -> Erased:
            if not is_known(connection, person):
                raise Refused(NOBODY.format(person=person.id))
            return count(connection, rows_of(person))

        async with self.opened() as store:
            found = await store.engines.read(read)
        return f"Would erase: {_amounts(found)}. Nothing was changed."

    async def retain(self, *, texts: timedelta | None, names: timedelta | None) -> str:
        """Erase what is older than the settings allow. Raise Refused while a legal hold is on."""
        if texts is None and names is None:
            return "RETENTION_TEXTS and RETENTION_NAMES are not set: everything is kept."
        async with self.opened() as store:
            found = await Retention(store, self.clock, texts, names, self.actor).once(scrub_anyway=True)
        if not isinstance(found, Erased):
            raise Refused(f"{found}. Nothing can be erased until it is released: record-bot audit hold off")
        return f"Erased: {_amounts(found)}."

    async def back_up(self, file: Path, progress: Callable[[int, int], None]) -> str:
        """Copy the database to a new file and verify it. Raise Refused, DatabaseUnusable."""
        async with opened_database(self.settings) as engines:
            if (await version(engines)).current is None:
                raise DatabaseUnusable("The database is empty; there is nothing to back up.")
            made = await back_up(engines, file, progress)
            outcome = {"seq": made.seq, "hash": made.head, "bytes": made.bytes, "sha256": made.sha256}

            def note(transaction: SqlTransaction) -> Entry:
                return self.append(transaction, BACKUP_ACTION, Phase.OBSERVED, uuid7(), outcome)

            await SqlStore(engines).write(note)
        entries = counted(made.entries, "entry", "entries")
        newest = f" Newest: #{made.seq} {made.head}." if made.entries else ""
        return f"Backup verified: {file}, {entries}.{newest} SHA-256: {made.sha256}"

    async def copy(self, target: DatabaseSettings, progress: Callable[[int, int], None]) -> str:
        """Copy the whole database into an empty one, and verify it. Raise Refused, DatabaseUnusable.

        Nothing may serve either of them meanwhile: what is written during the copy would be missing in it.
        """
        with ExitStack() as alone:
            for settings in (self.settings, target):
                alone.enter_context(serving_alone(settings.database_url))
            async with opened_database(self.settings) as source, opened_database(target) as other:
                if (await version(source)).current is None:  # a mistyped file name would be copied as an empty trail
                    raise DatabaseUnusable("The database to copy from is empty or doesn't exist. Check --from.")
                for engines in (source, other):
                    await upgrade(engines)
                    if engines.on_postgresql and await somebody_serves(engines):
                        raise Refused(
                            "record-bot is running on one of the two databases. Stop it first, on every machine."
                        )
                kind = other.writer.dialect_name

                def note(transaction: SqlTransaction) -> Entry:
                    return self.append(transaction, COPY_ACTION, Phase.OBSERVED, uuid7(), {"to": kind})

                if await SqlStore(other).head():
                    raise Refused("The target database isn't empty; use a new one.")
                await SqlStore(source).write(note)
                made = await copy_all(source, other, progress)
        rows = "\n".join(f"  {name:<24} {count}" for name, count in made.rows.items())
        return f"Copied and verified, up to entry #{made.seq} ({made.head}).\n{rows}"

    async def hold(self, *, on: bool, reason: str) -> str:
        """Place or release the legal hold. Raise Refused if it is already in that state."""

        def work(transaction: SqlTransaction) -> Entry:
            hold = current_hold(transaction.connection)
            if on and hold is not None:
                raise Refused(f"{hold}.")
            if not on and hold is None:
                raise Refused("There is no legal hold.")
            action, attempt_id, now = HOLD_ACTION if on else RELEASE_ACTION, uuid7(), self.clock.now()
            digest = transaction.keep_text(attempt_id, reason, now)
            transaction.add_closed_attempt(attempt_id, verb=action, actor=self.actor, at=now, dedupe_key=None)
            return self.append(transaction, action, Phase.SUCCEEDED, attempt_id, {}, digest=digest)

        async with self.opened() as store:
            entry = await store.write(work)
        return f"Legal hold {'turned on' if on else 'released'} (#{entry.seq})."

    async def hold_status(self) -> str:
        async with self.opened() as store:
            hold = await store.engines.read(current_hold)
        return f"{hold}" if hold else "There is no legal hold."

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlStore]:
        """Open the trail. Raise DatabaseUnusable if there is none: a report about nothing would mislead."""
        async with opened_database(self.settings) as engines:
            if (await version(engines)).current is None:
                raise DatabaseUnusable("The database is empty or doesn't exist. Check DATABASE_URL.")
            await upgrade(engines)
            store = SqlStore(engines)
            yield store
            await store.settled()

    async def note(
        self,
        store: SqlStore,
        action: str,
        phase: Phase,
        attempt_id: UUID,
        outcome: Mapping[str, Any],
        *,
        call: str | None = None,
    ) -> None:
        """Append an entry in a transaction of its own. Raise AuditUnavailable."""
        await store.write(lambda transaction: self.append(transaction, action, phase, attempt_id, outcome, call=call))

    def append(
        self,
        transaction: SqlTransaction,
        action: str,
        phase: Phase,
        attempt_id: UUID,
        outcome: Mapping[str, Any],
        *,
        digest: str | None = None,
        call: str | None = None,
    ) -> Entry:
        draft = Draft(
            id=uuid7(),
            attempt_id=attempt_id,
            occurred_at=self.clock.now(),
            phase=phase,
            action=action,
            actor=self.actor,
            conversation_id=call,
            reason_digest=digest,
            origin={"source": "cli"},
            outcome=outcome,
        )
        return transaction.append(draft)


def _amounts(erased: Erased) -> str:
    parts = ((erased.names, "name"), (erased.texts, "typed text"), (erased.reasons, "recording reason"))
    return ", ".join(counted(number, what) for number, what in parts)
