"""Two real processes on one PostgreSQL database: if one is killed, the other one finishes its work."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from bot.admin.audit import verify_database
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.integration.serve.conftest import SLACK_WAITS, ServedScene
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import ADA, PATIENCE, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.databases.postgres import PostgresDatabase

pytestmark = pytest.mark.long


@dataclass
class Replica(ServedScene):
    """One of the processes, and what its people see."""

    postgres: PostgresDatabase | None = None

    async def begin(self) -> None:
        assert self.postgres is not None
        await self.serve("http", DATABASE_URL=self.postgres.url)

    def gets_the_clicks(self) -> None:
        """Have the balancer send what people do to this one."""
        assert self.process is not None
        self.slack.events_url = f"http://127.0.0.1:{self.process.port}/slack/events"

    @override
    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        assert self.postgres is not None
        return self.postgres.rows(query, parameters)


@pytest.fixture
async def pair(tmp_path: Path, postgres_database: PostgresDatabase) -> AsyncIterator[tuple[Replica, Replica]]:
    """Both serve; the first one leads."""
    clock = AcceleratedClock(speed=1)
    async with simulators(clock, slack_waits=SLACK_WAITS) as (slack, genesys):
        replicas = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            replicas.append(Replica(slack, genesys, clock, tmp_path / "unused.db", tmp_path / name))
            replicas[-1].postgres = postgres_database
        for one in replicas:
            await one.begin()
        yield replicas[0], replicas[1]
        for one in replicas:
            await one.kill()
        assert slack.warnings == []


async def check(scene: Replica) -> None:
    """See that the channel has every entry once, in order, and that the chain is whole."""
    await scene.until_delivered()
    seen = [int(number) for line in scene.lines() for number in re.findall(r"\*#(\d+)\*", line)]
    assert seen == list(range(1, scene.head() + 1))
    assert scene.postgres is not None
    verdict = await verify_database(DatabaseSettings(database_url=scene.postgres.url), Verifier(), lambda _d, _t: None)
    assert verdict.ok, verdict.text


async def leads(scene: Replica) -> bool:
    """Return what the replica itself says of that."""
    part = json.loads((await scene.page("/readyz"))[1])["parts"]["bot"]
    assert part["replica"].startswith("serve:")
    leading: bool = part["leading"]
    return leading


async def leader_first(pair: tuple[Replica, Replica]) -> list[Replica]:
    """Return who leads and who doesn't: where the machine stood still for long, that may have changed."""
    async with asyncio.timeout(PATIENCE):
        while sum(leading := [await leads(one) for one in pair]) != 1:  # noqa: ASYNC110  nothing says when it changes
            await asyncio.sleep(0.1)
    return [pair[leading.index(True)], pair[leading.index(False)]]


async def test_either_one_takes_the_work_and_one_tells_slack(pair: tuple[Replica, Replica]) -> None:
    first, second = await leader_first(pair)
    second.gets_the_clicks()
    await second.records(INBOUND)
    first.gets_the_clicks()
    await first.clicks(ADA, "stop")
    await first.until(lambda: first.shows("Stopped"))
    assert len(first.cards()) == 1
    assert first.phases() == ["requested", "succeeded"] * 2
    await first.until_delivered()
    assert await first.terminate() == 0  # it hands the lead over in order
    async with asyncio.timeout(PATIENCE):
        while not await leads(second):  # noqa: ASYNC110  nothing says when another process takes the lead
            await asyncio.sleep(0.1)
    second.gets_the_clicks()
    await second.types(ADA, f"start {OUTBOUND}")
    await second.until(lambda: second.shows("Recording") and OUTBOUND in second.card().text)
    assert json.loads((await second.page("/readyz"))[1])["ready"] is True
    await check(second)

    await first.begin()  # now it doesn't lead, and ends in order all the same
    assert await first.terminate() == 0
    assert sum("shutdown_completed" in line for line in first.said) == 2


@pytest.mark.parametrize("leader", [True, False])
async def test_what_a_killed_one_was_doing_is_finished_by_the_other(
    pair: tuple[Replica, Replica], *, leader: bool
) -> None:
    in_order = await leader_first(pair)
    killed, other = in_order if leader else in_order[::-1]
    killed.gets_the_clicks()
    killed.genesys.faults.switch_on("hang_after", times=1, only="(write)")
    await killed.types(ADA, f"start {INBOUND}")
    await killed.until(lambda: killed.genesys.effective_recording(INBOUND) == "active")
    await killed.kill()
    other.gets_the_clicks()
    await other.until(lambda: other.shows("Recording"))
    assert other.phases() == ["requested", "observed"]
    requested, observed = other.entries("recording:%")
    assert observed["actor"] == "bot"
    assert observed["attempt_id"] == requested["attempt_id"]
    assert len(other.genesys.writes()) == 1
    await other.clicks(ADA, "stop")
    await other.until(lambda: other.shows("Stopped"))
    await check(other)
