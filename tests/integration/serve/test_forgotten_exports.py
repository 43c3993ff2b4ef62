"""Exports that a dead replica was working on: nobody can tell at once, so they are closed after half an hour."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from sqlalchemy import event

from bot.database.replicas import replicas_of
from bot.recording.caller import Role
from bot.runtime.serving_parts import FORGOTTEN_AFTER, ServingParts
from bot.runtime.workers import Supervisor, Worker
from tests.costs.conftest import bench_at
from tests.support.databases.trail import entries

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.databases.postgres import PostgresDatabase

LIMIT = 120.0


@pytest.mark.parametrize("breaks", [0, 1], ids=["all is well", "the first look breaks"])
async def test_an_export_of_a_dead_replica_is_closed_after_half_an_hour(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_database: PostgresDatabase, breaks: int
) -> None:
    broken = Counter[str]()

    def break_once(_connection: Connection) -> None:
        if not broken.total():
            raise RuntimeError("the driver is out of its mind")

    async with bench_at(monkeypatch, tmp_path, {"DATABASE_URL": postgres_database.url}) as bench:
        control, nothing = bench.control, cast("Any", None)
        request = bench.request(Role.COMPLIANCE)
        await control.service.intake.export(request, {"days": "7"})  # and its process is killed
        replicas = replicas_of("serve:living", control.engines, control.store)
        witness = ServingParts(nothing, control, nothing, nothing, nothing, replicas, nothing)
        async with replicas.joined(), asyncio.timeout(LIMIT):
            await witness.settle_interrupted()  # as at a start, when others may be at work
            assert [one["phase"] for one in entries(postgres_database)] == ["requested"]
            if breaks:
                event.listen(control.engines.reader.sync_engine, "begin", break_once)
            supervisor = Supervisor(control.clock, lambda name, times: broken.update({name: times}))
            every = FORGOTTEN_AFTER.total_seconds() / 2
            loop = asyncio.ensure_future(supervisor.run(Worker("forgotten", witness.settle_forgotten, every=every)))
            while len(entries(postgres_database)) == 1:  # noqa: ASYNC110  what is waited for happens in the server
                await asyncio.sleep(0.02)
            loop.cancel()
            await asyncio.wait([loop])
    assert broken["forgotten"] == breaks
    requested, closed = entries(postgres_database)
    assert (closed["phase"], closed["action"], closed["outcome"]) == (
        "failed",
        "audit:export",
        {"error": "interrupted"},
    )
    assert (closed["attempt_id"], closed["actor"]) == (requested["attempt_id"], requested["actor"])
    waited = datetime.fromisoformat(closed["occurred_at"]) - datetime.fromisoformat(requested["occurred_at"])
    assert FORGOTTEN_AFTER <= waited <= 2 * FORGOTTEN_AFTER
    assert timedelta(minutes=30) == FORGOTTEN_AFTER
