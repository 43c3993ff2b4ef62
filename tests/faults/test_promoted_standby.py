"""A standby takes the place of a PostgreSQL server that died: what is kept, and what is told of what is not."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.faults.harness.replicas import OutsideServer, opened_fleet
from tests.faults.invariants import at_rest, violations
from tests.faults.row import patient, play_batches
from tests.faults.rows.replicas import ROWS
from tests.faults.run import ADA, START, Run
from tests.support.databases.standby import Standby
from tests.support.forked import launch
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

BEGUN = "SELECT seq, outcome FROM audit_entries WHERE action = 'bot:start' ORDER BY seq DESC LIMIT 1"


async def test_a_synchronous_standby_is_promoted_under_load_and_nothing_acknowledged_is_lost() -> None:
    """The row of the fault matrix, once: two replicas, four calls."""
    row = next(one for one in ROWS if one.name == "replicas-promoted")

    (result,) = await play_batches([(patient(row, launch=launch, count=2), 4, 0)], "socket", print)

    assert result.violations == []
    assert result.runs == 4


async def test_what_an_asynchronous_standby_lacks_is_told_at_the_next_start(tmp_path: Path) -> None:
    async with opened_fleet("socket", count=1, slack_waits=60.0, launch=launch) as fleet:
        assert isinstance(fleet.outside, OutsideServer)
        kept, lost = (Run(fleet, number, Random(number)) for number in range(2))  # noqa: S311  repeatable, not secret
        await kept.types(ADA, f"{START} {kept.call}")
        await fleet.until("the first start is told", lambda: kept.state() == "active" and at_rest(fleet))
        standby = await asyncio.to_thread(Standby.of, fleet.server, synchronous=False)
        await asyncio.to_thread(standby.cut_off)
        before = fleet.outside.head()
        await lost.types(ADA, f"{START} {lost.call}")
        await fleet.until("the second start is told", lambda: lost.state() == "active" and at_rest(fleet))
        head, channel = fleet.outside.head(), fleet.audit_lines()
        assert violations(fleet, [], ambiguous=False) == []
        await asyncio.to_thread(standby.promote)
        assert fleet.outside.head() == before < head
        assert any("is no entry" in one for one in violations(fleet, [], ambiguous=False))

        # The process that wrote the lost entries refuses to go on, and says why.
        await fleet.until_ready(ready=False)
        assert f"doesn't contain entry #{head}, which record-bot wrote before" in (await fleet.readyz())[1]
        asked = await lost.types(ADA, f"stop {lost.call}")
        assert "database was deleted, replaced, or restored while record-bot was running" in json.dumps(asked.body)
        assert fleet.genesys.effective_recording(lost.call) == "active"

        # A comparison with the channel names the first entry that is lost.
        await fleet.kill()
        shell = Shell(tmp_path, {"DATABASE_URL": fleet.outside.database.url})
        (tmp_path / "channel.txt").write_text("\n".join(channel))
        anchors = await shell("audit", "anchors", "channel.txt")
        (tmp_path / "anchors.txt").write_text(anchors.out)
        verified = await shell("audit", "verify", "--anchors", "anchors.txt")
        assert (anchors.status, verified.status) == (0, 1), anchors.said + verified.said
        assert f"#{before}" in verified.said or f"entry {before}" in verified.said.lower(), verified.said

        # The next start is told: in the trail, in the channel, and in the log.
        await fleet.start()
        begun = fleet.outside.rows(BEGUN)[0]
        outcome = json.loads(begun["outcome"])
        system, timeline = outcome["database_before"].split("/")
        assert outcome["database_now"] == f"{system}/{int(timeline, 16) + 1:08X}"
        await fleet.until("the channel has the line of the start", lambda: at_rest(fleet))
        (line,) = [one for one in fleet.audit_lines()[len(channel) :] if f"*#{begun['seq']}*" in one]
        assert "a standby was promoted*: entries above this line may be lost" in line
        assert any("database_server_changed" in one for one in fleet.said)

        # And only that one.
        assert await fleet.end() == 0
        await fleet.start()
        assert json.loads(fleet.outside.rows(BEGUN)[0]["outcome"]) == {}


async def test_without_its_synchronous_standby_nothing_is_acknowledged() -> None:
    """PostgreSQL answers no commit then; the person is told, and Genesys hears nothing."""
    async with opened_fleet("socket", count=1, slack_waits=60.0, launch=launch) as fleet:
        run = Run(fleet, 0, Random(0))  # noqa: S311  repeatable, not secret
        standby = await asyncio.to_thread(Standby.of, fleet.server, synchronous=True)
        await asyncio.to_thread(standby.own.stop)

        asked = await run.types(ADA, f"{START} {run.call}")

        assert "The audit trail can't be written to, so nothing was done." in json.dumps(asked.body)
        assert fleet.genesys.writes() == []
        await asyncio.to_thread(standby.own.start)
        await fleet.until("the request is settled", lambda: run.state() == "failed" and at_rest(fleet))
        assert fleet.genesys.writes() == []
        await run.types(ADA, f"{START} {run.call}")
        await fleet.until("asking again works", lambda: run.state() == "active" and at_rest(fleet))
        assert violations(fleet, [run], ambiguous=False) == []
