"""What holds on PostgreSQL alone: durability, guards, several processes, a server that goes away and comes back."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.audit.verification import Verifier
from bot.database import store as store_module
from bot.database.engine import open_engines
from bot.database.migrate import upgrade, version
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.outbox.digests import SqlDigests
from bot.database.store import SqlStore
from bot.database.trail.reader import SqlTrail
from bot.errors import AuditUnavailable, DatabaseUnusable, MalformedId
from bot.recording.models import Verb
from bot.recording.requests import PendingAction
from tests.support.clocks.fake_clock import BEGIN
from tests.support.databases.postgres import OWNER, PostgresDatabase, postgres
from tests.support.databases.trail import entries, trail_lines
from tests.support.databases.writer import open_transaction, write_sql
from tests.support.recording.service import CALL, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.ports import Transaction
    from tests.support.databases.postgres import PostgresServer

COLUMNS = (
    "attempt_id, occurred_at, phase, action, actor, conversation_id, participant_id, recording_id, reason_code, "
    "reason_digest, origin, outcome, previous_hash"
)


@pytest.fixture
async def harness(postgres_database: PostgresDatabase) -> AsyncIterator[Harness]:
    async with open_harness(postgres_database) as harness:
        yield harness


def draft() -> Draft:
    return Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=BEGIN,
        phase=Phase.OBSERVED,
        action="bot:start",
        actor="bot",
    )


async def stop(harness: Harness) -> None:
    accepted = await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)
    assert isinstance(accepted, PendingAction)
    await harness.service.carry_out(accepted)


def append(transaction: Transaction) -> int:
    return transaction.append(draft()).seq


async def test_what_is_committed_is_on_disk_whatever_the_server_usually_does(
    postgres_database: PostgresDatabase,
) -> None:
    postgres_database.attack(f"ALTER ROLE {OWNER} SET synchronous_commit = off")
    postgres_database.attack(f"ALTER ROLE {OWNER} SET default_transaction_isolation = 'serializable'")
    try:
        async with open_harness(postgres_database) as harness:
            found = {
                name: await write_sql(harness.engines, f"SHOW {name}")
                for name in ("synchronous_commit", "transaction_isolation", "lock_timeout")
            }
        assert found == {
            "synchronous_commit": "on",
            "transaction_isolation": "read committed",
            "lock_timeout": "5s",
        }
    finally:
        postgres_database.attack(f"ALTER ROLE {OWNER} RESET ALL")


@pytest.mark.parametrize("replication", ["origin", "replica"])
async def test_entries_are_only_added(harness: Harness, replication: str) -> None:
    """The administrator themselves, and in a session in which usual triggers don't fire."""
    for _ in range(2):
        with pytest.raises(MalformedId):
            await harness.service.intake.start(asked(), "no id", None)
    before = entries(harness.file)
    assert isinstance(harness.file, PostgresDatabase)
    for attack in (
        "UPDATE audit_entries SET actor = 'slack:T:U0EVIL' WHERE seq = 1",
        "DELETE FROM audit_entries WHERE seq = 2",
        "TRUNCATE audit_entries CASCADE",
        f"INSERT INTO audit_entries SELECT 1, 'x', {COLUMNS}, 'y' FROM audit_entries WHERE seq = 1",  # noqa: S608  ours
        f"INSERT INTO audit_entries SELECT 9, 'x', {COLUMNS}, 'y' FROM audit_entries WHERE seq = 1",  # noqa: S608  ours
        (
            f"INSERT INTO audit_entries SELECT 1, id, {COLUMNS}, hash FROM audit_entries WHERE seq = 1 "  # noqa: S608  ours
            "ON CONFLICT (seq) DO UPDATE SET actor = 'slack:T:U0EVIL'"
        ),
    ):
        with pytest.raises(psycopg.errors.IntegrityError, match="audit entr"):
            harness.file.attack(f"SET session_replication_role = {replication}", attack)
        assert entries(harness.file) == before, attack


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("DROP TRIGGER audit_entries_no_update ON audit_entries", "audit_entries_no_update"),
        ("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_no_delete", "audit_entries_no_delete"),
        ("ALTER TABLE audit_entries DISABLE TRIGGER USER", "audit_entries_no_truncate"),
        ("ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_no_delete", "audit_entries_no_delete"),
        (
            (
                "CREATE OR REPLACE FUNCTION audit_entries_no_update() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN NULL; END $$"
            ),
            "audit_entries_no_update",
        ),
        (
            (
                "CREATE OR REPLACE TRIGGER audit_entries_next_only BEFORE INSERT ON audit_entries FOR EACH ROW "
                "WHEN (NEW.seq > 5) EXECUTE FUNCTION audit_entries_next_only()"
            ),
            "audit_entries_next_only",
        ),
        (
            (
                "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; "
                "CREATE TRIGGER aaa_swallow BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION swallow()"
            ),
            "aaa_swallow",
        ),
        ("CREATE RULE hide AS ON DELETE TO audit_entries DO INSTEAD NOTHING", "audit_entries"),
        ("ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY", "audit_entries"),
        ("DROP INDEX uq_recordings_live_conversation", "uq_recordings_live_conversation"),
    ],
)
async def test_a_database_without_its_guards_is_refused(harness: Harness, tampering: str, named: str) -> None:
    assert isinstance(harness.file, PostgresDatabase)
    harness.file.attack(tampering)
    with pytest.raises(DatabaseUnusable, match=named):
        await upgrade(harness.engines)


async def test_processes_take_turns_and_no_number_is_skipped(postgres_database: PostgresDatabase) -> None:
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(4):
            engines = open_engines(postgres_database.url)
            stack.push_async_callback(engines.close)
            stores.append(SqlStore(engines))
        seqs = await asyncio.gather(*(store.write(append) for store in stores for _ in range(50)))
        assert sorted(seqs) == list(range(1, 201))
        verifier = Verifier()
        await SqlTrail(stores[0].engines).verify(verifier, lambda _done, _total: None)
    assert verifier.finish() is None
    assert verifier.entries == 200


async def test_one_start_whoever_takes_it(postgres_database: PostgresDatabase) -> None:
    async with (
        open_harness(postgres_database, owner="serve:1") as one,
        open_harness(postgres_database, owner="serve:2") as two,
    ):
        found = await asyncio.gather(
            *(harness.service.intake.start(asked(), CALL, None) for harness in (one, two) for _ in range(10)),
            return_exceptions=True,
        )
    assert sum(not isinstance(one, BaseException) for one in found) == 1
    assert trail_lines(postgres_database).count("requested recording:start") == 1
    assert len(entries(postgres_database)) == 20


async def test_a_lock_that_somebody_keeps_refuses_and_recovers(harness: Harness) -> None:
    harness.store.retry_seconds = 0
    await write_sql(harness.engines, "SET lock_timeout = '50ms'")
    other = open_engines(harness.engines.writer.url)
    async with open_transaction(other):
        with pytest.raises(AuditUnavailable) as caught:
            await harness.service.intake.start(asked(), CALL, None)
        assert "lock timeout" in caught.value.cause
    await other.close()
    assert harness.control.calls == []
    await harness.service.intake.start(asked(), CALL, None)
    assert harness.store.last_problem is None


async def cut_at_the_next_commit(harness: Harness, *, committed: bool) -> None:
    """Have the server drop the connection when the bot commits next: just after it has, or just before."""
    left = [True]

    def cut(connection: Any) -> None:
        if left:
            left.clear()
            session = connection.connection.dbapi_connection
            number = session.info.backend_pid
            if committed:
                session.commit()
            assert isinstance(harness.file, PostgresDatabase)
            harness.file.attack(f"SELECT pg_terminate_backend({number}, 5000)")
            with contextlib.suppress(psycopg.OperationalError):  # the driver learns of it by asking for something
                session.cursor().execute("SELECT 1")

    event.listen(harness.engines.writer.engine, "commit", cut)


async def test_a_commit_whose_answer_is_lost_is_found_out(harness: Harness) -> None:
    retries: list[None] = []
    harness.store.on_retry = lambda: retries.append(None)
    await cut_at_the_next_commit(harness, committed=True)
    accepted = await harness.service.intake.start(asked(), CALL, None)
    assert accepted.audit_seq == 1
    assert trail_lines(harness.file) == ["requested recording:start"]
    assert harness.store.last_problem is None
    assert retries == []


async def test_a_commit_that_never_happened_is_found_out_and_made_again(harness: Harness) -> None:
    retries: list[None] = []
    harness.store.on_retry = lambda: retries.append(None)
    await cut_at_the_next_commit(harness, committed=False)
    accepted = await harness.service.intake.start(asked(), CALL, None)
    assert (accepted.audit_seq, len(retries)) == (1, 1)
    assert trail_lines(harness.file) == ["requested recording:start"]


async def test_a_commit_that_never_happened_is_a_refusal_where_nothing_is_tried_again(harness: Harness) -> None:
    harness.store.retry_seconds = 0
    await cut_at_the_next_commit(harness, committed=False)
    with pytest.raises(AuditUnavailable):
        await harness.service.intake.start(asked(), CALL, None)
    assert entries(harness.file) == []
    await harness.service.intake.start(asked(), CALL, None)


@pytest.fixture(scope="module")
def own_server() -> Any:
    """A server that may be stopped and crashed, and that syncs what it says it has synced."""
    with postgres(durable=True) as server:
        yield server


async def test_a_server_that_crashes_loses_nothing_and_is_found_again(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "ASK_TIMES", 1)
    database = await asyncio.to_thread(own_server.database)
    async with open_harness(database) as harness:
        harness.store.retry_seconds = 0
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, "because"))
        before = entries(database)
        await asyncio.to_thread(own_server.crash)
        with pytest.raises(AuditUnavailable):
            await harness.service.intake.start(asked(), OTHER_CALL, None)
        assert harness.control.calls == ["start"]
        with pytest.raises(DatabaseUnusable, match="that the server takes connections"):
            await version(harness.engines)
        await asyncio.to_thread(own_server.start)
        assert entries(database) == before
        await stop(harness)
        assert trail_lines(database)[-2:] == ["requested recording:stop", "succeeded recording:stop"]


async def test_a_crash_in_the_middle_of_many_writes_loses_none_that_was_confirmed(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "ASK_TIMES", 40)
    database = await asyncio.to_thread(own_server.database)
    confirmed: list[int] = []
    async with open_harness(database) as harness:
        some = asyncio.Event()

        async def write_on() -> None:
            while len(confirmed) < 200:
                try:
                    confirmed.append(await harness.store.write(append))
                except AuditUnavailable:
                    await asyncio.sleep(0.05)
                if len(confirmed) > 50:
                    some.set()

        writing = [asyncio.ensure_future(write_on()) for _ in range(4)]
        await asyncio.wait_for(some.wait(), 120)
        await asyncio.to_thread(own_server.crash)
        await asyncio.to_thread(own_server.start)
        await asyncio.wait_for(asyncio.gather(*writing), 120)
        verifier = Verifier()
        await SqlTrail(harness.engines).verify(verifier, lambda _done, _total: None)
    assert verifier.finish() is None
    assert sorted(confirmed) == [row["seq"] for row in entries(database)]


async def test_a_server_that_is_not_there_is_said_so(postgres_database: PostgresDatabase) -> None:
    engines = open_engines(postgres_database.url.replace("pg-", "gone-"))
    with pytest.raises(DatabaseUnusable, match="that the server takes connections"):
        await upgrade(engines)
    await engines.close()


async def test_the_password_is_in_no_error(postgres_database: PostgresDatabase) -> None:
    url = f"postgresql+psycopg://nobody:hunter2@/{postgres_database.name}?host={postgres_database.server.directory}"
    engines = open_engines(url)
    with pytest.raises(DatabaseUnusable) as caught:
        await upgrade(engines)
    await engines.close()
    assert "nobody" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    with postgres_server.connected() as connection:
        connection.execute(f"CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER {OWNER}")
    database = PostgresDatabase(postgres_server, "latin")
    engines = open_engines(database.url)
    with pytest.raises(DatabaseUnusable, match="UTF8"):
        await upgrade(engines)
    await engines.close()
    database.drop()


async def test_the_outbox_asks_before_each_step(harness: Harness) -> None:
    asked_times = 0

    async def count() -> None:
        nonlocal asked_times
        asked_times += 1

    outbox = SqlOutbox(harness.engines, count)
    await outbox.stale_cards()
    await outbox.undelivered()
    assert asked_times == 2


async def test_the_digest_asks_once_more_between_noting_and_posting(harness: Harness) -> None:
    asked_times = 0

    async def count() -> None:
        nonlocal asked_times
        asked_times += 1

    digests = SqlDigests(harness.engines, harness.store, count)
    await digests.undelivered()
    await digests.begun("2026-03-01", BEGIN)  # its picture was drawn and uploaded in between, which takes a while
    assert asked_times == 2
