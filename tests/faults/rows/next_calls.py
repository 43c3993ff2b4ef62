"""An agent's next call that somebody waits for, whatever happens when it connects: exactly one recording."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.faults.harness.replicas import Replica, fleet_of, opened_fleet
from tests.faults.row import DISTURBED, Row, rested, single
from tests.faults.run import ADA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.run import Run

UNTOLD = "SELECT count(*) FROM next_call_notices WHERE closed_at IS NULL"
HOLDS = "exactly one recording of the call, and the person is told once"


async def _armed(run: Run) -> str:
    """Have a person wait for the next call of an agent of their own; return once Genesys tells of that agent."""
    stage, name = run.stage, f"Nia Falk {'abcdefghij'[run.number % 10]}{run.chance.randrange(10**6)}"
    agent = stage.genesys.floor.directory.user_id(name)
    await run.types(ADA, f'next "{name}"')
    await stage.until(
        f"somebody waits for {name}",
        lambda: stage.outside.one("SELECT count(*) FROM next_calls WHERE agent_user_id = ?", agent) == 1,
    )
    channels = stage.genesys.notifications.channels
    await stage.until(
        f"Genesys tells of {name}",
        lambda: any(agent in topic for one in channels.values() if one.socket for topic in one.topics),
    )
    run.call = str(UUID(int=run.chance.getrandbits(128), version=4))
    return name


def _connects(run: Run, name: str) -> None:
    run.stage.genesys.add_call(conversation_id=run.call, agent=name)


async def _recorded(run: Run, name: str) -> None:
    stage = run.stage
    await stage.until(f"{run.call} is recorded", lambda: run.state() == "active")
    await stage.until("the person is told", lambda: _told(run, name))
    await rested(stage, lambda: stage.outside.one(UNTOLD) == 0)
    run.starts = 1
    run.expect(run.recordings() == 1, f"the call has {run.recordings()} recordings")
    outcomes = stage.outside.rows("SELECT outcome FROM next_calls WHERE conversation_id = ?", run.call)
    run.expect([one["outcome"] for one in outcomes] == ["started"], f"the wait is {outcomes}")
    run.expect(len(_told(run, name)) == 1, "the person was told more than once")


def _told(run: Run, name: str) -> list[str]:
    return [one.text for one in run.stage.slack.direct_messages(ADA) if name in one.text and "next call" in one.text]


async def killed_before_the_write(run: Run) -> None:
    name, stage = await _armed(run), run.stage
    with stage.outside.locked():
        _connects(run, name)
        await asyncio.sleep(run.chance.uniform(0.05, 0.8))  # the random instant of the fault, no synchronization
        stage.pull_the_plug()
        await stage.bot.kill()
    run.expect(run.written() == 0, "Genesys was called for a request that is not in the trail")
    await stage.start()
    await _recorded(run, name)


async def killed_while_genesys_works(run: Run) -> None:
    name, stage = await _armed(run), run.stage
    killed = stage.when(run.writes, stage.pull_the_plug)
    _connects(run, name)
    await stage.restart_after(killed, "the start is on its way to Genesys")
    await _recorded(run, name)


async def told_late(run: Run) -> None:
    """Lose the event: the socket is gone when the call connects."""
    name, stage = await _armed(run), run.stage
    for channel in list(stage.genesys.notifications.channels.values()):
        if channel.socket is not None:
            await channel.socket.close()
    _connects(run, name)
    await _recorded(run, name)


async def leader_killed(run: Run) -> None:
    """Kill the replica that starts the recording, while Genesys does."""
    fleet = fleet_of(run)
    await fleet.until("every replica is known to live", fleet.all_known)
    name, hit = await _armed(run), list[Replica]()

    def strike() -> None:
        if (owner := fleet.owner(run.call)) is not None:
            owner.signal(signal.SIGKILL)
            hit.append(owner)

    struck = fleet.when(run.writes, strike)
    _connects(run, name)
    await fleet.until("the start is on its way to Genesys", struck.is_set)
    run.expect(hit, "nobody was killed: no replica owned the start when its write reached Genesys")
    await _recorded(run, name)
    await fleet.start()


def _with(fault: str, **how: Any) -> Callable[[Run], Awaitable[None]]:
    async def play(run: Run) -> None:
        name = await _armed(run)
        run.stage.genesys.faults.switch_on(fault, only="write", times=1, **how)
        _connects(run, name)
        await _recorded(run, name)

    return play


def _row(name: str, fault: str, play: Callable[[Run], Awaitable[None]], **more: Any) -> Row:
    return Row(f"next-{name}", fault, HOLDS, single(play), verbs=("next",), **more)


ROWS = (
    _row(
        "kill-before-write",
        "kill -9 between the event and the write",
        killed_before_the_write,
        **DISTURBED,
    ),
    _row(
        "kill-at-genesys",
        "kill -9 while Genesys starts the recording",
        killed_while_genesys_works,
        quick=False,
        **DISTURBED,
    ),
    _row("lost-event", "the notification socket is down when the call connects", told_late),
    _row("lost-answer", "Genesys drops its answer after the start", _with("drop_after"), quick=False),
    _row("429", "Genesys refuses the start with 429", _with("rate_limited", value=1), quick=False),
)
REPLICAS = (
    _row(
        "replicas-killed",
        "kill -9 of the replica that starts the recording, of three on PostgreSQL",
        leader_killed,
        opened=opened_fleet,
        http_share=2,
        quick=False,
        **DISTURBED,
    ),
)
