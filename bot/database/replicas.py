"""Several processes on one PostgreSQL database: which are alive, which one leads, and what the others have written.

A replica holds one connection whose session has an advisory lock for its own name, which shows that it is alive. In one
of the replicas the session also has the leader's lock. The server releases both when the session ends, and it ends a
session that was silent for ``SILENT_SECONDS``. So a frozen or disconnected process leads no longer than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from typing_extensions import override

from bot.database.postgresql.engine import CHANNEL, connectable
from bot.errors import DatabaseUnusable
from bot.recording.monitoring.ownership import SoleProcess, kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from bot.database.engine import Engines
    from bot.database.store import SqlStore

    Loop = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
SILENT_SECONDS = 4
"""More than a beat and an answer, and little enough that another replica takes over within ten seconds: with the grace
below, the two seconds between two looks of the reconciler, and a look at the call."""
GRACE_SECONDS = 3.0
"""How long a lock has to be free: a replica may lose its session and live, and what a dead one sent may still land."""
FORGET_SECONDS = 3600.0
CANCEL_AGAIN_SECONDS = 0.5
UNSIGNED = 0xFFFFFFFF
NAMES, LEADER = 1_919_247_203, 1_818_583_923
"""The first halves of the keys of both kinds of locks."""
LIVING = """
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def noop() -> None:
    """Confirm at once: nobody else could do it."""


@dataclass
class Sightings:
    """Which names' locks were held when, seen without interruption by one process, on its own steady clock."""

    since: float | None = None
    """When it began to watch; it concludes nothing from a time in which it was itself frozen or disconnected."""
    at: float = 0.0
    last: dict[int, float] = field(default_factory=dict)

    def note(self, living: set[int], now: float) -> None:
        if self.since is None or now - self.at > SILENT_SECONDS:
            self.since = now
        self.at = now
        self.last = {key: at for key, at in self.last.items() if now - at < FORGET_SECONDS}
        self.last.update(dict.fromkeys(living, now))

    def missed_for(self, key: int) -> float:
        """Return for how many seconds the lock has been free."""
        if self.since is None:
            return 0.0
        return self.at - max(self.since, self.last.get(key, self.since))


@dataclass
class Replicas:
    """The only process on a database, as on SQLite (``bot.database.identity.file_lock``); earlier ones are gone."""

    owner: str

    @property
    def leading(self) -> bool:
        return True

    @property
    def several(self) -> bool:
        """Whether other processes may serve the same database at this moment."""
        return False

    @contextlib.asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Belong to those who serve, until the end of the block."""
        yield

    async def confirm(self) -> None:
        """Return once this process leads, and is sure of it; a step that only one process may take begins with this."""

    async def lead(self, loops: Sequence[Loop]) -> None:
        """Run the loops whenever this process leads; for ever."""
        await _all(loops)

    async def absent(self, owners: frozenset[str]) -> frozenset[str]:
        """Return those that serve no more."""
        return await SoleProcess(self.owner).absent(owners)


@dataclass
class PostgresReplicas(Replicas):
    """One of several processes on one PostgreSQL database."""

    engines: Engines
    store: SqlStore
    grace: float = GRACE_SECONDS
    _session: psycopg.AsyncConnection[Any] | None = None
    _leading: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: asyncio.Event = field(default_factory=asyncio.Event)
    _sightings: Sightings = field(default_factory=Sightings)

    @property
    @override
    def leading(self) -> bool:
        return self._leading.is_set()

    @property
    @override
    def several(self) -> bool:
        return True

    @override
    @contextlib.asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Join before anything is written: from the first attempt on, the others have to see that its owner lives."""
        try:
            await self._join()
        except (psycopg.Error, TimeoutError, OSError) as error:
            raise DatabaseUnusable(f"The database can't be used: {error}. Check DATABASE_URL.") from error
        tasks = [asyncio.ensure_future(one) for one in (self._stay(), self._hear())]
        try:
            yield
        finally:
            await _end(tasks)
            await self._leave()

    @override
    async def confirm(self) -> None:
        """Ask the server, in the session that holds the lock.

        A process that stands still right after this, for longer than the server is patient, can still overlap with the
        next leader's first step; a line that comes twice has the same number.
        """
        while not (self.leading and await self._answers()):
            await self._leading.wait()

    @override
    async def lead(self, loops: Sequence[Loop]) -> None:
        while True:
            await self._leading.wait()
            log.info("leadership_gained")
            work = asyncio.ensure_future(_all(loops))
            lost = asyncio.ensure_future(self._lost.wait())
            try:
                await asyncio.wait({work, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end([work, lost])
            if work.done() and not work.cancelled() and work.exception() is None and self.leading:
                return  # there was nothing to run for ever
            log.warning("leadership_lost")

    @override
    async def absent(self, owners: frozenset[str]) -> frozenset[str]:
        """Return those whose lock has been free for a while; terminals hold no lock, and are never absent."""
        asked = {one for one in owners if one != self.owner and kind(one) == kind(self.owner)}
        if not asked or self._session is None:
            return frozenset()
        living = await self.engines.read(lambda connection: set(connection.exec_driver_sql(LIVING, (NAMES,)).scalars()))
        self._sightings.note(living, asyncio.get_running_loop().time())
        keys = {one: _half(one) & UNSIGNED for one in asked}
        return frozenset(
            one for one, key in keys.items() if key not in living and self._sightings.missed_for(key) >= self.grace
        )

    async def _join(self) -> None:
        session = await self._connected()
        try:
            await session.execute("SELECT pg_advisory_lock(%s, %s)", (NAMES, _half(self.owner)))
            self._session = session
            await self._try_to_lead()
        except BaseException:
            self._session = None
            await session.close()
            raise

    async def _stay(self) -> None:
        """Keep the session alive, lead when nobody else does, and join again when the session is lost."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                if self._session is None:
                    await self._join()
                elif self.leading:
                    await self._answers()
                else:
                    await self._try_to_lead()
                await self._see_who_lives()
            except (psycopg.Error, TimeoutError, OSError) as error:
                log.warning("replica_disconnected", cause=str(error).partition("\n")[0])
                await self._leave()
            except Exception:  # without this loop nobody would ever join again, and others would take this one for dead
                log.exception("worker_crashed", worker="replica")
                await self._leave()

    async def _try_to_lead(self) -> None:
        if self._session is None:
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await self._session.execute("SELECT pg_try_advisory_lock(%s, 0)", (LEADER,))
            if (row := await found.fetchone()) is not None and row[0]:
                self._lost.clear()
                self._leading.set()

    async def _see_who_lives(self) -> None:
        """Keep account of the others, so that one that is gone is known to be gone the sooner."""
        if self._session is None:
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await (await self._session.execute(LIVING, (NAMES,))).fetchall()
        self._sightings.note({row[0] for row in found}, asyncio.get_running_loop().time())

    async def _answers(self) -> bool:
        """Check that the session, and so its locks, still exist; give it up if it doesn't answer."""
        session = self._session
        if session is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await session.execute("SELECT 1")
        except (psycopg.Error, TimeoutError, OSError) as error:
            log.warning("replica_disconnected", cause=str(error).partition("\n")[0])
            if session is self._session:
                await self._leave()
            return False
        return session is self._session

    async def _leave(self) -> None:
        self._leading.clear()
        self._lost.set()
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await session.close()

    async def _hear(self) -> None:
        """Announce that another replica has written something; workers look every half a minute anyway."""
        while True:
            try:
                with contextlib.suppress(psycopg.Error, TimeoutError, OSError):
                    async with await self._connected(silent_seconds=0) as connection:
                        await connection.execute(f"LISTEN {CHANNEL}")
                        self.store.announce()  # what was written before is not announced
                        async for _ in connection.notifies():
                            self.store.announce()
            except Exception:
                log.exception("replica_listener_failed")
            await asyncio.sleep(BEAT_SECONDS)

    async def _connected(self, *, silent_seconds: int | None = None) -> psycopg.AsyncConnection[Any]:
        _, arguments = self.engines.writer.engine.dialect.create_connect_args(connectable(self.engines.writer.url))
        seconds = SILENT_SECONDS if silent_seconds is None else silent_seconds
        connection = await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
        try:
            await connection.execute("SELECT set_config('idle_session_timeout', %s, false)", (f"{seconds}s",))
        except BaseException:
            await connection.close()
            raise
        return connection


async def somebody_serves(engines: Engines) -> bool:
    """Say whether a process serves this PostgreSQL database at this moment."""
    return await engines.read(lambda connection: connection.exec_driver_sql(LIVING, (NAMES,)).first() is not None)


def replicas_of(owner: str, engines: Engines, store: SqlStore) -> Replicas:
    """Return what the kind of database allows."""
    return PostgresReplicas(owner, engines, store) if engines.on_postgresql else Replicas(owner)


async def _all(loops: Sequence[Loop]) -> None:
    tasks = [asyncio.ensure_future(loop()) for loop in loops]
    try:
        if tasks:
            await asyncio.wait(tasks)
    finally:
        await _end(tasks)


async def _end(tasks: Sequence[asyncio.Future[Any]]) -> None:
    pending = set(tasks)
    while pending := {task for task in pending if not task.done()}:
        # Once is not enough: Python 3.11's wait_for, in the connection pool, loses a cancellation now and then.
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker_crashed", worker="leader", exc_info=error)


def _half(owner: str) -> int:
    """Return the second half of the key of an owner's lock: 32 bits, as a signed number."""
    return int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4], "big", signed=True)
