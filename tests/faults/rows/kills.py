"""kill -9 at each point of an action, start and stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.faults.row import Row, single
from tests.faults.run import ADA, LATE_WORDS, START, STOP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.sandbox.slack import SimulatedMessage
    from tests.faults.run import Run

NOT_TAKEN = "requests that Slack showed as failed, nothing was done, and asking again worked"
BOTH = (START, STOP)
LONGEST_ACTION = 1.5


async def before_commit(run: Run) -> None:
    await run.prepare()
    stage, written = run.stage, run.written()
    with stage.outside.locked():
        asking = run.asks_meanwhile()
        await asyncio.sleep(run.chance.uniform(0.05, 1.2))  # the random instant of the fault, no synchronisation
        stage.pull_the_plug()
        await stage.bot.kill()
    result = await asking
    await stage.start()
    run.expect(run.attempts(result) == 0, "what was not committed is there")
    run.expect(run.written() == written, "Genesys was called for a request that is not in the trail")
    run.lost[NOT_TAKEN] += 1
    before = run.outcomes()
    again = await run.asks()
    run.expect(again.acked, "asking again was not answered")
    await run.until_settled(before + 1)
    run.expect(run.state() == ("active" if run.verb == START else "stopped"), f"asking again led to {run.state()}")
    run.starts = 1


async def before_the_call(run: Run) -> None:
    # A start reads before it writes; a stop writes at once, and is met by the row after this one.
    await _killed_and_started(run, run.stage.when(run.reads, run.stage.pull_the_plug))
    run.starts = 0
    run.expect(run.written() == 0, "Genesys was told to start after the start had been given up")
    run.expect(run.state() == "failed", f"the start was settled as {run.state()}")


async def not_applied(run: Run) -> None:
    await run.prepare()
    stage = run.stage
    stage.genesys.faults.switch_on("drop_before", times=1, only="write")
    await _killed_and_started(run, stage.when(run.writes, stage.pull_the_plug))
    run.starts = 0 if run.verb == START else 1
    wanted = "failed" if run.verb == START else "stopped"
    run.expect(run.state() == wanted, f"what Genesys never did was settled as {run.state()}")


async def applied(run: Run) -> None:
    await run.prepare()
    await _killed_and_started(run, run.stage.when(run.writes, run.stage.pull_the_plug))
    run.starts = 1
    run.expect(run.state() == _done(run), f"what Genesys did was settled as {run.state()}")


async def lands_after_the_kill(run: Run) -> None:
    await run.prepare()
    stage = run.stage
    stage.genesys.faults.switch_on("late_write", times=1, value=run.chance.uniform(0.2, 1.2), only="write")
    await _killed_and_started(run, stage.when(run.writes, stage.pull_the_plug))
    run.starts = 1


async def lands_after_the_settling(run: Run) -> None:
    stage = run.stage
    stage.genesys.faults.switch_on("write_ignored", times=1, only="write")
    await _killed_and_started(run, stage.when(run.writes, stage.pull_the_plug))
    run.expect(run.state() == "failed", f"what had not happened yet was settled as {run.state()}")
    stage.genesys.set_recording(run.call)  # here it lands
    await stage.until("the late start is stopped again", lambda: run.state() == "stopped", within=90)
    run.starts = 1
    run.expect("observed" in run.phases("recording:start"), "the late start is not in the trail")
    await stage.until("the card says that it began late", lambda: run.card_mentions(LATE_WORDS))


async def before_outcome(run: Run) -> None:
    await run.prepare()
    stage, locks = run.stage, []
    # The write comes after the request is committed; an event or a reading may then confirm it.
    stage.when(run.writes, lambda: locks.append(stage.outside.lock()))
    asking, effect = run.asks_meanwhile(), "active" if run.verb == START else "none"
    try:
        await stage.until("the write arrives", lambda: locks)
        await stage.until("Genesys does it", lambda: stage.genesys.effective_recording(run.call) == effect)
        await asyncio.sleep(run.chance.uniform(0.0, 0.3))  # the random instant of the fault
        stage.pull_the_plug()
        await stage.bot.kill()
    finally:
        for lock in locks:
            lock.release()
    await asking
    before = run.outcomes()
    await stage.start()
    await run.until_settled(before + 1)
    run.starts = 1
    run.expect(run.phases()[-1] == "observed", "the outcome is not told from a look at the call")
    run.expect(run.state() == _done(run), f"what Genesys did was settled as {run.state()}")


async def before_slack(run: Run) -> None:
    await run.prepare()
    stage, before = run.stage, run.outcomes()
    how = ("hang", "down")[run.number // 2 % 2]
    stage.slack.faults.switch_on(how, value=2, only="chat.")
    asked = await run.asks()
    run.expect(asked.acked, f"not answered: {asked.error}")
    await run.until_settled(before + 1)
    stage.pull_the_plug()
    stage.mend()
    await stage.restart()
    run.starts = 1
    run.expect(run.state() == _done(run), f"the state after the restart is {run.state()}")


async def any_instant(run: Run) -> None:
    await run.prepare()
    asking = run.asks_meanwhile()
    await asyncio.sleep(run.chance.uniform(0.0, LONGEST_ACTION))  # the random instant of the fault
    run.stage.pull_the_plug()
    await run.stage.restart()
    if run.attempts(await asking) == 0:
        run.lost[NOT_TAKEN.replace(", and asking again worked", "")] += 1
        run.starts = 0 if run.verb == START else 1


async def after_a_transfer(run: Run) -> None:
    await run.record()
    stage = run.stage
    stage.slack.faults.switch_on("down", only="chat.")  # so that nobody can have been told before the kill
    stage.genesys.transfers.blind(stage.genesys.calls[run.call], "Tom Becker")
    await stage.until("the transfer is in the trail", lambda: run.phases("recording:stop") == ["observed"], within=90)
    stage.pull_the_plug()
    await stage.restart()  # while Slack is down: it must not take what the killed process had sent
    stage.mend()
    await stage.until("the person is asked", lambda: _about_the_transfer(run))
    question = _about_the_transfer(run)[-1]
    asked = await stage.slack.click(ADA, question.channel, question.ts, "recording_follow")
    run.asked.append(asked)
    await stage.until("the new agent is recorded", lambda: run.recordings() > 1 and run.state() == "active")
    run.starts = 2
    told = [one.text for one in _about_the_transfer(run)]
    run.expect(len(told) == 1, f"the person was asked twice: {told}")
    run.expect(run.phases("recording:follow") == ["requested", "succeeded"], "the click is not in the trail")


def _about_the_transfer(run: Run) -> list[SimulatedMessage]:
    """Return the messages that ask about the run's call."""
    told = run.stage.slack.direct_messages(ADA)
    return [one for one in told if run.call in one.text and "Genesys: `" in one.text]


async def _killed_and_started(run: Run, killed: asyncio.Event) -> None:
    asking = run.asks_meanwhile()
    await run.stage.until("the request is on its way to Genesys", killed.is_set)
    await run.stage.bot.kill()
    await asking
    before = run.outcomes()
    await run.stage.start()
    await run.until_settled(before + 1)


def _done(run: Run) -> str:
    return "active" if run.verb == START else "stopped"


def _row(name: str, fault: str, holds: str, play: Callable[[Run], Awaitable[None]], **more: Any) -> Row:
    usual: dict[str, Any] = {"verbs": BOTH, "unanswered": True, "ambiguous": True}
    return Row(f"kill-{name}", f"kill -9 {fault}", holds, single(play), **(usual | more))


ROWS = (
    _row(
        "before-commit",
        "before the request is committed",
        "no entry, no call to Genesys; asking again works",
        before_commit,
        share=2,
    ),
    _row(
        "before-call",
        "after the commit, before the call to Genesys",
        "settled as not taken effect; nothing is recorded",
        before_the_call,
        verbs=(START,),
    ),
    _row(
        "not-applied",
        "while Genesys works, which then does nothing",
        "settled from the call's real state: no start; a stop is driven again",
        not_applied,
    ),
    _row(
        "applied",
        "while Genesys works, which then does it",
        "settled from the call's real state; one start",
        applied,
    ),
    _row(
        "late-effect",
        "while Genesys works, which does it a little later",
        "settled from the call's real state; one start",
        lands_after_the_kill,
        quick=False,
    ),
    _row(
        "late-start",
        "while Genesys works; the start lands after it was settled as failed",
        "found by a later look, stopped, recorded, shown on the card",
        lands_after_the_settling,
        verbs=(START,),
    ),
    _row(
        "before-outcome",
        "after Genesys did it, before the outcome is committed",
        "settled from the call's real state; one start",
        before_outcome,
    ),
    _row(
        "before-slack",
        "after the outcome is committed, before Slack is told",
        "card and audit lines appear after the restart, in order",
        before_slack,
    ),
    _row(
        "after-transfer",
        "after a transfer was seen, before the person is told",
        "the person is asked after the restart; one click records the new agent, once",
        after_a_transfer,
        verbs=(START,),
        share=0.5,
    ),
    _row(
        "any-instant",
        "at a random instant within 1.5 s of a command or click",
        "all of the above, whichever it hits",
        any_instant,
        share=2,
    ),
)
