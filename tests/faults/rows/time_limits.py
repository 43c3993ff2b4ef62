"""Everything that can go wrong when the bot ends a pause by itself: alone, and with replicas on PostgreSQL."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.faults.harness.replicas import fleet_of, opened_fleet
from tests.faults.row import DISTURBED, Row, rested, single
from tests.faults.run import ADA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.run import Run

LENGTH = "10s"
"""The shortest pause that ends by itself."""
RESUME = "recording:resume"
ENDS_WITHIN = 120.0


async def paused(run: Run) -> None:
    """Have the call recorded and paused, with an end."""
    await run.record()
    await run.types(ADA, f"pause {run.call} {LENGTH}")
    await run.stage.until(f"{run.call} is paused", lambda: run.state() == "paused" and run.card_says("Paused"))


async def ended(run: Run) -> None:
    """Hold that the pause has ended once, by the bot, and that the trail says so."""
    await run.stage.until(
        f"the pause of {run.call} has ended by itself", lambda: run.state() == "active", within=ENDS_WITHIN
    )
    await rested(run.stage)
    run.starts = 1
    run.expect(_by_the_bot(run), "the trail does not say that the bot ended the pause")
    run.expect(_took_effect(run) == 1, f"the end of one pause is in the trail {_took_effect(run)} times")


def _until(run: Run) -> datetime:
    until: str = run.stage.outside.one("SELECT pause_until FROM recordings WHERE conversation_id = ?", run.call)
    return datetime.fromisoformat(until)


def _by_the_bot(run: Run) -> bool:
    actors = run.stage.outside.rows(
        "SELECT actor FROM audit_entries WHERE conversation_id = ? AND action = ? AND phase = 'requested'",
        run.call,
        RESUME,
    )
    return bool(actors) and all(row["actor"] == "bot:guard" for row in actors)


def _took_effect(run: Run) -> int:
    """Count the outcomes that say that recording went on."""
    count: int = run.stage.outside.one(
        "SELECT count(*) FROM audit_entries WHERE conversation_id = ? AND action = ?"
        " AND (phase = 'succeeded' OR (phase = 'observed' AND outcome NOT LIKE '%\"in_effect\":false%'))",
        run.call,
        RESUME,
    )
    return count


def _resumes(run: Run, request: Any) -> bool:
    """Say whether a request is the bot's write after the pause."""
    return run.writes(request) and run.state() == "resuming"


async def killed_before_the_end(run: Run) -> None:
    """The bot is away when the time is up, and ends the pause when it is back."""
    await paused(run)
    stage = run.stage
    stage.pull_the_plug()
    await stage.bot.kill()
    until = _until(run)
    await stage.until("the time is up", lambda: datetime.now(UTC) > until)
    run.expect(run.state() == "paused", "the pause ended without the bot")
    await stage.start()
    await ended(run)


async def killed_not_applied(run: Run) -> None:
    await paused(run)
    stage = run.stage
    stage.genesys.faults.switch_on("drop_before", times=1, only="write")
    await _killed_and_started(run)
    await ended(run)


async def killed_applied(run: Run) -> None:
    await paused(run)
    written = run.written()
    await _killed_and_started(run)
    await ended(run)
    run.expect(run.written() == written + 1, "the resume was sent again although it had taken effect")


def meets(name: str, **how: Any) -> Callable[[Run], Awaitable[None]]:
    """Return a play in which the bot's resume meets a fault of Genesys. A ``times`` of 0 stands for 1 or 2."""

    async def play(run: Run) -> None:
        await paused(run)
        given = how | ({"times": how["times"] or run.chance.choice((1, 2))} if "times" in how else {})
        run.stage.genesys.faults.switch_on(name, only="write", **given)
        await ended(run)

    return play


async def database_locked(run: Run) -> None:
    """The database takes no writes when the time is up: nothing is sent, and the pause is ended once it does."""
    await paused(run)
    stage, written, over = run.stage, run.written(), _until(run) + timedelta(seconds=8)
    with stage.outside.locked():
        await stage.until("the time has been up for a while", lambda: datetime.now(UTC) > over)
        run.expect(run.written() == written, "Genesys was told to resume without an entry")
        run.expect(run.state() == "paused", f"the recording is {run.state()} in a database that takes no writes")
    await ended(run)


async def extended_at_the_end(run: Run) -> None:
    """Somebody extends the pause at the moment when it ends: one of the two is first, and the card is right."""
    await paused(run)
    stage = run.stage
    nearly = _until(run) + timedelta(seconds=run.chance.uniform(-0.3, 0.7))  # the random instant
    await stage.until("the time is nearly up", lambda: datetime.now(UTC) > nearly)
    asked = await run.types(ADA, f"extend {run.call}")
    run.expect(asked.acked, "the extension was not answered")
    await ended(run)
    extended = run.phases("recording:extend")
    run.expect(extended in (["succeeded"], ["failed"]), f"the extension is in the trail as {extended}")


async def leader_killed(run: Run) -> None:
    """The replica that watches the pause is killed: another one ends it, once."""
    await paused(run)
    fleet = fleet_of(run)
    leader = fleet.leader()
    assert leader is not None
    if run.chance.random() < 0.5:
        leader.signal(signal.SIGKILL)  # before the end
    else:
        struck = fleet.when(lambda request: _resumes(run, request), partial(leader.signal, signal.SIGKILL))
        await fleet.until("the resume is on its way to Genesys", struck.is_set)
    await ended(run)
    await fleet.start()


async def _killed_and_started(run: Run) -> None:
    stage = run.stage
    killed = stage.when(lambda request: _resumes(run, request), stage.pull_the_plug)
    await stage.restart_after(killed, "the bot's resume is on its way to Genesys")


def _row(name: str, fault: str, holds: str, play: Callable[[Run], Awaitable[None]], **more: Any) -> Row:
    usual: dict[str, Any] = {"share": 0.25, "transports": ("socket",), "quick": False}
    return Row(f"pause-{name}", fault, holds, single(play), **(usual | more))


ALONE = (
    _row(
        "bot-away",
        "kill -9 while a pause runs; the bot is back after its end",
        "the pause is ended at once, one time",
        killed_before_the_end,
        quick=True,
        **DISTURBED,
    ),
    _row(
        "kill-not-applied",
        "kill -9 while Genesys works on the bot's resume, which then does nothing",
        "settled as not in effect, then ended again",
        killed_not_applied,
        **DISTURBED,
    ),
    _row(
        "kill-applied",
        "kill -9 while Genesys works on the bot's resume, which then does it",
        "settled from the call's real state; not sent again",
        killed_applied,
        quick=True,
        **DISTURBED,
    ),
    _row(
        "drop-after",
        "Genesys: connection cut after it did the bot's resume",
        "confirmed by reading; not sent again",
        meets("drop_after", times=1),
    ),
    _row(
        "drop-before",
        "Genesys: connection cut on the bot's resume, and it is not done",
        "unknown, then settled as not in effect, then ended again",
        meets("drop_before", times=1),
    ),
    _row(
        "5xx",
        "Genesys: 503 to the bot's resume, once or twice",
        "unknown, settled from the call's real state, and ended again",
        meets("server_error", times=0),
    ),
    _row(
        "429",
        "Genesys: 429 with Retry-After to the bot's resume, once or twice",
        "waits as told, then ends it",
        meets("rate_limited", times=0, value=1),
    ),
    _row(
        "403",
        "Genesys: 403 to the bot's resume, once",
        "failed, said to the person who paused, and tried again",
        meets("forbidden", times=1),
    ),
    _row(
        "database-locked",
        "the database is locked when a pause is to end, for longer than a write waits",
        "no call to Genesys; ended once the database takes a write",
        database_locked,
    ),
    _row(
        "extended",
        "a person extends the pause at the moment when it ends",
        "one of the two is first; the pause ends once",
        extended_at_the_end,
    ),
)
REPLICAS = (
    _row(
        "replicas-killed",
        "kill -9 of the replica that watches a pause, before its end or while Genesys works on the resume",
        "another one ends the pause, one time",
        leader_killed,
        opened=opened_fleet,
        **DISTURBED,
    ),
)
