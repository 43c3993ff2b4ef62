"""Calls that a rule of the policy file has the bot record or keep, whatever happens when they connect."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.sandbox.genesys.state.people import derived_id
from tests.faults.harness.replicas import Replica, fleet_of, opened_fleet
from tests.faults.harness.single_process import FLOOR, opened_stage
from tests.faults.row import DISTURBED, Row, rested, single
from tests.faults.rows.keeps import KEEP_SECONDS, protects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.faults.harness.single_process import Stage
    from tests.faults.run import Run

SALES, CLAIMS = derived_id("queue", "Sales"), derived_id("queue", "Claims")
POLICY = f"""
[[always]]
label = "Sales"
queues = ["{SALES}"]
do = "start"
reason = "Every call"

[[always]]
label = "Claims"
queues = ["{CLAIMS}"]
do = "keep"
reason = "Every claim"

[[route]]
queues = ["{SALES}"]
channel = "{FLOOR}"
"""
HOLDS = "exactly one recording of the call runs, started once"
FOUND_SECONDS = 180.0
"""A start in doubt is settled, then made again by the next list of live calls."""


def _with_rules(
    opened: Callable[..., AbstractAsyncContextManager[Stage]],
) -> Callable[..., AbstractAsyncContextManager[Stage]]:
    @contextlib.asynccontextmanager
    async def open_with_rules(transport: str, **stage: Any) -> AsyncIterator[Stage]:
        with tempfile.TemporaryDirectory(prefix="record-bot-rules-") as place:
            file = Path(place, "policy.toml")
            await asyncio.to_thread(file.write_text, POLICY)
            async with opened(transport, settings={"RECORDING_POLICY_FILE": str(file)}, **stage) as found:
                yield found

    return open_with_rules


async def _told_of(run: Run) -> None:
    """Return once Genesys tells of the queues."""
    stage = run.stage
    channels = stage.genesys.notifications.channels
    await stage.until(
        "Genesys tells of the queues",
        lambda: any(SALES in topic for one in channels.values() if one.socket for topic in one.topics),
    )
    run.call = str(UUID(int=run.chance.getrandbits(128), version=4))


def _connects(run: Run, queue: str = "Sales", **described: Any) -> None:
    run.stage.genesys.add_call(conversation_id=run.call, queue=queue, **described)


async def _recorded(run: Run, recordings: int = 1) -> None:
    stage = run.stage
    await stage.until(f"{run.call} is recorded", lambda: run.state() == "active", within=FOUND_SECONDS)
    await rested(stage)
    run.starts = 1
    run.expect(run.recordings() == recordings, f"the call has {run.recordings()} recordings, not {recordings}")


async def killed_before_the_write(run: Run) -> None:
    await _told_of(run)
    stage = run.stage
    with stage.outside.locked():
        _connects(run)
        await asyncio.sleep(run.chance.uniform(0.05, 0.8))  # the random instant of the fault, no synchronization
        stage.pull_the_plug()
        await stage.bot.kill()
    run.expect(run.written() == 0, "Genesys was called for a request that is not in the trail")
    await stage.start()
    await _recorded(run)


async def killed_before_genesys(run: Run) -> None:
    """Kill while the call is read: the request is in the trail, and nothing was sent."""
    await _told_of(run)
    killed = run.stage.when(run.reads, run.stage.pull_the_plug)
    _connects(run)
    await run.stage.restart_after(killed, "the call is read")
    await _recorded(run, recordings=2)


async def killed_while_genesys_works(run: Run) -> None:
    await _told_of(run)
    killed = run.stage.when(run.writes, run.stage.pull_the_plug)
    _connects(run)
    await run.stage.restart_after(killed, "the start is on its way to Genesys")
    await _recorded(run)


async def told_late(run: Run) -> None:
    """Lose the event: the socket is gone when the call connects."""
    await _told_of(run)
    for channel in list(run.stage.genesys.notifications.channels.values()):
        if channel.socket is not None:
            await channel.socket.close()
    _connects(run)
    await _recorded(run)


async def leader_killed(run: Run) -> None:
    """Kill the replica that starts the recording, while Genesys does."""
    fleet = fleet_of(run)
    await fleet.until("every replica is known to live", fleet.all_known)
    await _told_of(run)
    hit = list[Replica]()

    def strike() -> None:
        if (owner := fleet.owner(run.call)) is not None:
            owner.signal(signal.SIGKILL)
            hit.append(owner)

    struck = fleet.when(run.writes, strike)
    _connects(run)
    await fleet.until("the start is on its way to Genesys", struck.is_set)
    run.expect(hit, "nobody was killed: no replica owned the start when its write reached Genesys")
    await _recorded(run)
    await fleet.start()


async def keep_killed(run: Run) -> None:
    """Kill while Genesys protects the recordings of a call that a rule keeps."""
    await _told_of(run)
    stage = run.stage
    _connects(run, "Claims", policy_recording="active")
    await stage.until("the rule keeps it", lambda: run.phases("recording:keep") == ["requested"])
    killed = stage.when(protects(run), stage.pull_the_plug)
    stage.genesys.hang_up(run.call)
    await stage.restart_after(killed, "the request is on its way to Genesys")
    phases = ["requested", "observed"]
    await stage.until("it is kept", lambda: run.phases("recording:keep") == phases, within=KEEP_SECONDS)
    await rested(stage)
    run.expect(run.call in stage.genesys.recordings.protected, "the trail says kept, and Genesys doesn't")
    sent = sum(map(protects(run), stage.genesys.requests))
    run.expect(sent == 1, f"Genesys got {sent} writes that protect the recordings")


def _with(fault: str, **how: Any) -> Callable[[Run], Awaitable[None]]:
    async def play(run: Run) -> None:
        await _told_of(run)
        run.stage.genesys.faults.switch_on(fault, only="write", times=1, **how)
        _connects(run)
        await _recorded(run)

    return play


def _row(name: str, fault: str, play: Callable[[Run], Awaitable[None]], holds: str = HOLDS, **more: Any) -> Row:
    how = {"opened": _with_rules(opened_stage), **more}
    return Row(f"rule-{name}", fault, holds, single(play), verbs=("rule",), quick=False, share=0.5, **how)


ROWS = (
    _row(
        "kill-before-write",
        "kill -9 between the event and the write",
        killed_before_the_write,
        **DISTURBED,
    ),
    _row(
        "kill-before-genesys",
        "kill -9 after the write, before Genesys gets the start",
        killed_before_genesys,
        "the first start is settled as not taken effect; the rule makes another one, since the call goes on",
        **DISTURBED,
    ),
    _row(
        "kill-at-genesys",
        "kill -9 while Genesys starts the recording",
        killed_while_genesys_works,
        **DISTURBED,
    ),
    _row("lost-event", "the notification socket is down when the call connects", told_late),
    _row("lost-answer", "Genesys drops its answer after the start", _with("drop_after")),
    _row("429", "Genesys refuses the start with 429", _with("rate_limited", value=1)),
    _row(
        "keep-kill-at-genesys",
        "kill -9 while Genesys protects the recordings of a call that a rule keeps",
        keep_killed,
        "found protected after the restart; one write",
        **DISTURBED,
    ),
)
REPLICAS = (
    _row(
        "replicas-killed",
        "kill -9 of the replica that starts the recording, of three on PostgreSQL",
        leader_killed,
        **DISTURBED,
        opened=_with_rules(opened_fleet),
        http_share=2,
    ),
)
