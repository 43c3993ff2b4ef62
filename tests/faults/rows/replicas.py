"""Three bots on one PostgreSQL server: killed, frozen, handed over, and their database restarted, under load."""

from __future__ import annotations

import asyncio
import signal
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.faults.harness.replicas import Fleet, Replica, fleet_of, opened_fleet
from tests.faults.row import DISTURBED, Row, single
from tests.faults.rows.slack import command_and_click, two_at_once
from tests.faults.run import ADA, GRACE, START, STOP
from tests.support.databases.standby import Standby

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.run import Run

BOTH = (START, STOP)
DONE = {START: "active", STOP: "stopped"}
PROMISED_SECONDS = 10.0
BOUND_SECONDS = 120.0
"""What a busy machine may make of it; the table shows what it was."""
STORM_SECONDS = 4.0
LATE = f"work that was taken over later than {PROMISED_SECONDS:.0f} s"
UNHEARD = "requests that nobody took, which Slack said"


async def delivered_to_all(run: Run) -> None:
    """Deliver one payload to two replicas at once, and then to all of them once more."""
    await run.prepare()
    before, slack = run.outcomes(), run.stage.slack
    slack.faults.switch_on("duplicate_delivery", times=1)
    asked = await run.asks()
    again = await asyncio.gather(*(slack.redeliver(asked) for _ in range(3)))
    await run.until_settled(before + 1)
    run.expect(all(one.acked for one in again), "a repeated delivery was not answered")
    run.expect(run.attempts(asked) == 1, f"{run.attempts(asked)} attempts came of one request")
    asked_for = run.phases(f"recording:{run.verb}").count("requested")
    run.expect(asked_for == 1, f"one request is in the trail {asked_for} times")
    run.starts = 1
    run.expect(run.state() == DONE[run.verb], f"the {run.verb} ended as {run.state()}")


def owner_meets(fault: Callable[[Replica], None], *, reading: bool = False) -> Callable[[Run], Any]:
    """Return a play in which the replica that works on a request meets a fault while Genesys works on it.

    ``reading``: while Genesys answers what the replica reads before it sends the request.
    """

    async def play(run: Run) -> None:
        await run.prepare()
        await fleet_of(run).until("every replica is known to live", fleet_of(run).all_known)
        fleet, before, hit = fleet_of(run), run.outcomes(), list[tuple[Replica, float, str]]()
        if not reading and run.chance.random() < 0.3:
            fleet.genesys.faults.switch_on("drop_before", times=1, only="write")

        def strike() -> None:
            owner = fleet.owner(run.call)
            if owner is not None:
                fault(owner)
                hit.append((owner, time.time(), str(_newest(run)["owner"])))

        struck = fleet.when(run.reads if reading else run.writes, strike)
        asking = run.asks_meanwhile()
        await fleet.until("the request is on its way to Genesys", struck.is_set)
        await asking
        await run.until_settled(before + 1)
        (owner, at, name) = hit[0]
        _note_seconds(run, _settled_at(run) - at)
        run.expect(run.phases()[-1] == "observed", "the outcome is not told from a look at the call")
        run.expect(_newest(run)["owner"] != name, "the outcome was not written by another replica")
        entries = run.phases()
        if owner.frozen:
            owner.thaw()
            await fleet.until("who woke up is known to live", fleet.all_known)
            await fleet.until_ready()
            run.expect(run.phases() == entries, f"the one that woke up wrote {run.phases()[len(entries) :]}")
            run.expect(not reading or run.written() == 0, "the one that woke up sent what another had settled")
        await fleet.start()

    return play


async def handed_over(runs: Sequence[Run]) -> None:
    """SIGTERM to the leader while requests come in; nobody else is disturbed."""
    await asyncio.gather(*(run.prepare() for run in runs))
    fleet = fleet_of(runs[0])
    leader = fleet.leader()
    assert leader is not None
    asking = [asyncio.create_task(_asks_later(run, 1.5)) for run in runs]
    await asyncio.sleep(runs[0].chance.uniform(0.0, 1.5))  # the random instant of the fault
    status = await fleet.stopped(leader)
    runs[0].expect(status == 0, f"SIGTERM ended the leader with status {status}")
    await asyncio.gather(*asking)
    await fleet.until("another one leads", fleet.leader)
    await fleet.start()


async def database_restarted(runs: Sequence[Run]) -> None:
    await asyncio.gather(*(run.prepare() for run in runs))
    fleet = fleet_of(runs[0])
    asking = [asyncio.create_task(_asks_later(run, 1.0)) for run in runs]
    await asyncio.sleep(runs[0].chance.uniform(0.0, 1.0))  # the random instant of the fault
    await fleet.restart_database((signal.SIGINT, signal.SIGQUIT)[runs[0].number // len(runs) % 2])
    await asyncio.gather(*asking)
    await fleet.until_ready()


async def standby_promoted(runs: Sequence[Run]) -> None:
    """The server dies under load, and its synchronous standby is promoted; the bots find it by themselves."""
    await asyncio.gather(*(run.prepare() for run in runs))
    fleet = fleet_of(runs[0])
    standby = await asyncio.to_thread(Standby.of, fleet.server, synchronous=True)
    asking = [asyncio.create_task(_asks_later(run, 1.0)) for run in runs]
    await asyncio.sleep(runs[0].chance.uniform(0.0, 1.0))  # the random instant of the fault
    await asyncio.to_thread(standby.promote)
    await asyncio.gather(*asking)
    await fleet.until_ready()


async def storm(runs: Sequence[Run]) -> None:
    """Everything at once: commands, clicks, the same payload twice, two people, and replicas that come and go."""
    fleet = fleet_of(runs[0])
    people = [asyncio.create_task(_works(run)) for run in runs]
    chance = runs[0].chance
    for fault in chance.sample((_kill, _kill, _hand_over, _freeze), 3):
        await asyncio.sleep(chance.uniform(0.2, STORM_SECONDS / 3))  # the random instant of the fault
        await fault(fleet, chance.choice(fleet.replicas), chance.uniform(0.5, 7.0))
    await asyncio.gather(*people)
    fleet.slack.faults.switch_all_off()
    await fleet.start()


async def _works(run: Run) -> None:
    """Be two supervisors who have a call recorded, and stop it, each in several ways."""
    slack = run.stage.slack
    for verb in (START, STOP, START, STOP):
        await asyncio.sleep(run.chance.uniform(0.0, STORM_SECONDS / 2))  # people take their time
        text = f"{verb} {run.call}"
        if run.chance.random() < 0.4:
            slack.faults.switch_on("duplicate_delivery", times=1)
        if verb == STOP and run.chance.random() < 0.5 and _has_button(run):
            asked = list(await asyncio.gather(run.clicks(ADA, STOP), run.types(GRACE, text)))
        elif run.chance.random() < 0.5:
            asked = list(await asyncio.gather(run.types(ADA, text), run.types(GRACE, text)))
        else:
            asked = [await run.types(ADA, text)]
        run.lost[UNHEARD] += sum(not one.acked for one in asked)
        if run.chance.random() < 0.4:
            await slack.redeliver(asked[0])
        again = [one.again for one in asked]  # Slack shows people the result of the first delivery
        run.asked = [one for one in run.asked if not any(one is other for other in again)]
        for one in asked:
            run.expect(run.attempts(one) <= 1, f"{run.attempts(one)} attempts came of one request")


def _killed(replica: Replica) -> None:
    replica.signal(signal.SIGKILL)


def _has_button(run: Run) -> bool:
    """Say whether somebody who looks at the newest card could stop the recording there."""
    cards = run.stage.cards(run.call)
    elements = [one for block in cards[-1].blocks for one in block.get("elements", [])] if cards else []
    return any(one.get("action_id") == "recording_stop" for one in elements)


async def _kill(fleet: Fleet, replica: Replica, _seconds: float) -> None:
    await replica.bot.kill()
    await fleet.begin(replica)


async def _hand_over(fleet: Fleet, replica: Replica, _seconds: float) -> None:
    await fleet.stopped(replica)
    await fleet.begin(replica)


async def _freeze(_fleet: Fleet, replica: Replica, seconds: float) -> None:
    replica.freeze()
    await asyncio.sleep(seconds)  # how long it stands still is part of the fault
    replica.thaw()


async def _asks_later(run: Run, most: float) -> None:
    await asyncio.sleep(run.chance.uniform(0.0, most))  # people don't wait for one another
    asked = await run.asks()
    if run.attempts(asked) == 0:
        run.lost[UNHEARD if not asked.acked else "requests that were refused with the reason"] += 1


def _note_seconds(run: Run, seconds: float) -> None:
    run.taken_over.append(seconds)
    run.lost[LATE] += seconds > PROMISED_SECONDS
    run.expect(seconds < BOUND_SECONDS, f"it was taken over after {seconds:.1f} s")


def _newest(run: Run) -> dict[str, Any]:
    statement = (
        "SELECT attempts.* FROM attempts JOIN recordings ON recordings.id = recording_id"
        " WHERE recordings.conversation_id = ? ORDER BY attempts.requested_at DESC LIMIT 1"
    )
    return run.stage.outside.rows(statement, run.call)[0]


def _settled_at(run: Run) -> float:
    at: str = _newest(run)["settled_at"]
    return datetime.fromisoformat(at).timestamp()


def _row(name: str, fault: str, holds: str, play: Any, **more: Any) -> Row:
    usual: dict[str, Any] = {"verbs": BOTH, "opened": opened_fleet, "http_share": 2, "quick": False}
    return Row(f"replicas-{name}", fault, holds, play, **(usual | more))


ROWS = (
    _row("duplicates", "one payload delivered five times, to all replicas", "one action", single(delivered_to_all)),
    _row(
        "two-at-once",
        "two supervisors ask for the same at the same moment, of different replicas",
        "one start, one stop; the slower one is told who was first",
        single(two_at_once),
        verbs=(START,),
    ),
    _row(
        "command-and-click",
        "a command and two clicks stop at the same moment, at different replicas",
        "one stop",
        single(command_and_click),
        verbs=(STOP,),
    ),
    _row(
        "killed",
        "kill -9 of the replica that works on a request, while Genesys does",
        "another one settles it within 10 s; nothing is sent twice that may have taken effect",
        single(owner_meets(_killed)),
        **DISTURBED,
    ),
    _row(
        "frozen",
        "the replica that works on a request stands still (SIGSTOP), and wakes up when it is settled",
        "another one settles it within 10 s; the one that wakes up can't write its outcome",
        single(owner_meets(Replica.freeze)),
        **DISTURBED,
    ),
    _row(
        "woken",
        "the replica that works on a start stands still (SIGSTOP) while it reads the call, and wakes up too late",
        "another one settles it within 10 s; the one that wakes up sends nothing",
        single(owner_meets(Replica.freeze, reading=True)),
        verbs=(START,),
        **DISTURBED,
    ),
    _row(
        "hand-over",
        "SIGTERM to the leader under load",
        "exit 0; another one leads; no line twice",
        handed_over,
        unanswered=True,
        at_once=4,
    ),
    _row(
        "database",
        "PostgreSQL restarted under load, in order and as by a crash",
        "refused with the reason or settled; all replicas serve again by themselves",
        database_restarted,
        at_once=4,
        **DISTURBED,
    ),
    _row(
        "promoted",
        "PostgreSQL dies under load, and its synchronous standby is promoted",
        "nothing acknowledged is lost; refused with the reason or settled; all replicas serve again by themselves",
        standby_promoted,
        at_once=4,
        **DISTURBED,
    ),
    _row(
        "storm",
        "three replicas killed, frozen or restarted at random under load: commands, clicks, the same payload"
        " several times, two supervisors at once",
        "one action each, the chain whole, every line in order",
        storm,
        verbs=(START,),
        at_once=5,
        share=2,
        **DISTURBED,
    ),
)
