"""Keeping a call's recordings: kill -9 before and after the write, lost answers, and 429."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.faults.harness.replicas import Replica, fleet_of, opened_fleet
from tests.faults.row import DISTURBED, Row, rested, single
from tests.faults.run import ADA, START

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.web_api.answers import SimulatedRequest
    from tests.faults.run import Run

KEEP_SECONDS = 120.0
"""A try is given up after 25 s, and taken over after 40 s at most."""
RETRY_SECONDS = 2.0


def protects(run: Run) -> Callable[[SimulatedRequest], bool]:
    """Return what recognizes the write that protects the run's call."""
    return lambda request: request.name == "protection" and _names(request, run)


def reads_protection(run: Run) -> Callable[[SimulatedRequest], bool]:
    return lambda request: request.name == "protected" and _names(request, run)


def _names(request: SimulatedRequest, run: Run) -> bool:
    return isinstance(request.body, dict) and run.call in (request.body.get("conversationIds") or ())


async def _recorded(run: Run) -> None:
    """Have a call recorded that a policy records too, since only that leaves files."""
    run.call = run.stage.genesys.add_call(policy_recording="active").conversation_id
    run.starts = 0  # the bot takes the policy's recording over
    await run.record()


async def _over(run: Run) -> None:
    run.stage.genesys.hang_up(run.call)
    await run.stage.until("the end of the call is noticed", lambda: run.state() == "ended")


async def _kept(run: Run, *phases: str, writes: int = 1) -> None:
    """Wait until the card says that it is kept, and hold that it is, by so many writes."""
    await run.stage.until(
        "the card says kept", lambda: run.card_mentions("Genesys protects this call's"), within=KEEP_SECONDS
    )
    run.expect(run.call in run.stage.genesys.recordings.protected, "the card says kept, and Genesys doesn't")
    await rested(run.stage)
    found = run.phases("recording:keep")
    run.expect(found == list(phases), f"the trail has {found}, not {list(phases)}")
    sent = sum(map(protects(run), run.stage.genesys.requests))
    run.expect(sent == writes, f"Genesys got {sent} writes that protect the recordings, not {writes}")


async def waiting_through_a_kill(run: Run) -> None:
    await _recorded(run)
    await run.clicks(ADA, "keep")
    waiting = "SELECT count(*) FROM keeps WHERE conversation_id = ? AND owner IS NULL"
    await run.stage.until(
        "it waits", lambda: run.card_mentions("Will be kept") and run.stage.outside.one(waiting, run.call)
    )
    await run.stage.restart()
    await _over(run)
    await _kept(run, "requested", "succeeded")


async def before_the_write(run: Run) -> None:
    await _cut_off(run, reads_protection(run))


async def after_the_write(run: Run) -> None:
    await _cut_off(run, protects(run))


async def not_applied(run: Run) -> None:
    run.stage.genesys.faults.switch_on("drop_before", times=1, only="protection")
    await _cut_off(run, protects(run), writes=2)


async def _cut_off(run: Run, at: Callable[[SimulatedRequest], bool], *, writes: int = 1) -> None:
    stage = run.stage
    await _recorded(run)
    await _over(run)
    killed = stage.when(at, stage.pull_the_plug)
    await run.clicks(ADA, "keep")
    await stage.restart_after(killed, "the request is on its way to Genesys")
    await _kept(run, "requested", "observed", writes=writes)


def meets(name: str, *phases: str, writes: int, **how: Any) -> Callable[[Run], Any]:
    """Return a play in which the write meets a fault, once, and ``writes`` reach Genesys in the end."""

    async def play(run: Run) -> None:
        await _recorded(run)
        await _over(run)
        run.stage.genesys.faults.switch_on(name, times=1, only="protection", **how)
        await run.types(ADA, f"keep {run.call} a reason")
        await _kept(run, *phases, writes=writes)

    return play


async def owner_killed(run: Run) -> None:
    """Kill the replica that carries the request out; another one finishes it."""
    fleet, hit = fleet_of(run), list[Replica]()
    await _recorded(run)
    await _over(run)

    def kill() -> None:
        owner = fleet.outside.one("SELECT owner FROM keeps WHERE conversation_id = ?", run.call)
        if (replica := fleet.holder_of(owner)) is not None:
            replica.signal(signal.SIGKILL)
            hit.append(replica)

    killed = fleet.when(protects(run), kill)
    await run.clicks(ADA, "keep")
    await fleet.until("the request is on its way to Genesys", killed.is_set)
    run.expect(hit, "nobody was killed: no replica owned the request when its write reached Genesys")
    await _kept(run, "requested", "observed")
    await fleet.start()


def _row(name: str, fault: str, holds: str, play: Callable[[Run], Any], **more: Any) -> Row:
    return Row(f"keep-{name}", fault, holds, single(play), verbs=(START,), share=0.5, **more)


ROWS = (
    _row(
        "waiting",
        "kill -9 while a request to keep waits for the end of its call",
        "it is kept after the restart, once the call is over",
        waiting_through_a_kill,
        **DISTURBED,
    ),
    _row(
        "before-write",
        "kill -9 after the request to keep, before its write",
        "kept after the restart; the entry says observed",
        before_the_write,
        **DISTURBED,
    ),
    _row(
        "after-write",
        "kill -9 while Genesys protects the recordings",
        "found protected after the restart; the entry says observed",
        after_the_write,
        **DISTURBED,
    ),
    _row(
        "not-applied",
        "kill -9 while Genesys gets the write, which it loses",
        "read, found unprotected, and sent again",
        not_applied,
        **DISTURBED,
    ),
    _row(
        "lost-answer",
        "the answer to the write is lost",
        "read back within the same try",
        meets("drop_after", "requested", "succeeded", writes=1),
    ),
    _row(
        "lost-write",
        "the write itself is lost",
        "unknown, then read, sent again, and observed",
        meets("drop_before", "requested", "unknown", "observed", writes=2),
    ),
    _row(
        "429",
        "429 with Retry-After on the write",
        "waits as long as Genesys asks, and is kept",
        meets("rate_limited", "requested", "succeeded", writes=2, value=RETRY_SECONDS),
        rate_limits=True,
    ),
)
ON_REPLICAS = (
    Row(
        "replicas-keep-killed",
        "kill -9 of the replica that keeps a call's recordings, while Genesys protects them",
        "another one finds them protected; one write",
        single(owner_killed),
        verbs=(START,),
        opened=opened_fleet,
        http_share=2,
        quick=False,
        **DISTURBED,
    ),
)
