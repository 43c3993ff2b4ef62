"""A database that an older version has written is brought to the newest schema, and says what it said before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from bot.database.engine import open_engines
from bot.database.migrate import IN_CHECKOUT, upgrade
from bot.database.store import SqlStore
from bot.recording.models import Mechanism, RecordingState

if TYPE_CHECKING:
    from pathlib import Path

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
RECORDING = """
    INSERT INTO recordings (id, conversation_id, participant_id, communication_id, mechanism, state, version,
        started_by, requested_at, started_at, adopted, in_doubt, audit_seq, requested_seq)
    VALUES ('0195a5a0-0000-7000-8000-000000000001', '3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8', 'participant-1',
        'communication-1', 'adhoc', 'active', 2, 'slack:T0SANDBOX:U0ADA', '2026-03-02T09:00:00.000000Z',
        '2026-03-02T09:00:00.000000Z', 0, 0, 2, 1)
"""


async def test_a_recording_of_the_version_before_transfers_is_still_there(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(IN_CHECKOUT))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(file)) as older, older:
        older.execute(RECORDING)

    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    try:
        await upgrade(engines)
        found = await SqlStore(engines).live_recording(CALL)
    finally:
        await engines.close()

    assert found is not None
    assert (found.state, found.mechanism, found.participant_id) == (
        RecordingState.ACTIVE,
        Mechanism.ADHOC,
        "participant-1",
    )
    assert (found.follow_up, found.recorders, found.disconnect_type, found.seen_at) == (None, None, None, None)
    with closing(sqlite3.connect(file)) as older, older:  # and the older version may still write there
        older.execute("UPDATE recordings SET communication_id = 'communication-2', version = 3")
