"""Everything that can go wrong at Slack, and people who are too fast."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.faults.harness.single_process import AUDIT
from tests.faults.row import Row, single
from tests.faults.run import ADA, GRACE, START, STOP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.run import Run

BOTH = (START, STOP)
DONE = {START: "active", STOP: "stopped"}


def publishing_meets(
    name: str, *, most: int, only: str = "chat.", value: float | None = None
) -> Callable[[Run], Awaitable[None]]:
    """Return a play in which cards and audit lines meet a fault up to ``most`` times."""

    async def play(run: Run) -> None:
        await run.prepare()
        before = run.outcomes()
        run.stage.slack.faults.switch_on(name, times=run.chance.randint(1, most), value=value, only=only)
        run.expect((await run.asks()).acked, "not answered")
        await run.until_settled(before + 1)
        await run.stage.until("the fault has happened", lambda: not _on(run, name))
        _done(run)

    return play


async def down(run: Run) -> None:
    await run.prepare()
    stage, before = run.stage, run.outcomes()
    wrote = stage.when(run.writes, lambda: stage.slack.faults.switch_on("down"))
    run.expect((await run.asks()).acked, "not answered")
    await stage.until("the write is on its way", wrote.is_set)
    refused = await run.types(GRACE, f"status {run.call}")
    run.expect(not refused.acked, "a command got through while Slack was down")
    run.asked.remove(refused)
    await run.until_settled(before + 1)
    await asyncio.sleep(run.chance.uniform(0.0, 3.0))  # how long Slack stays away is part of the fault
    _done(run)


async def socket_cut(run: Run) -> None:
    await run.prepare()
    stage, before = run.stage, run.outcomes()
    closing: list[asyncio.Task[None]] = []
    stage.when(run.writes, lambda: closing.append(asyncio.ensure_future(stage.slack.sockets.close())))
    await run.asks()
    await run.until_settled(before + 1)
    await asyncio.gather(*closing)
    _done(run)


async def delivered_twice(run: Run) -> None:
    await run.prepare()
    before = run.outcomes()
    run.stage.slack.faults.switch_on("duplicate_delivery", times=1)
    asked = await run.asks()
    await run.until_settled(before + 1)
    again = await run.stage.slack.redeliver(asked)
    run.expect(asked.again is not None and again.acked, "a repeated delivery was not answered")
    run.expect(run.attempts(asked) == 1, f"{run.attempts(asked)} attempts came of one request")
    run.expect(
        run.phases(f"recording:{run.verb}").count("requested") == 1, "one request is in the trail more than once"
    )
    _done(run)


async def click_lost(run: Run) -> None:
    await run.prepare()
    run.stage.slack.faults.switch_on("lost_click", times=1)
    lost = await run.clicks(ADA, STOP)
    run.expect(lost.error == "lost", "the click was not lost")
    run.asked.remove(lost)
    await run.types(ADA, f"stop {run.call}")
    await run.until_settled(2)
    _done(run)


async def old_card(run: Run) -> None:
    await run.prepare()
    stage = run.stage
    stage.slack.faults.switch_on("down", only="chat.update")
    await run.types(ADA, f"stop {run.call}")
    await stage.until("the recording is stopped", lambda: run.state() == "stopped")
    written = run.written()
    card = stage.cards(run.call)[-1]
    run.expect(card.text.startswith("Recording ·"), "the card is not an old one")
    await run.clicks(GRACE, STOP, card=card)
    await stage.until("the person is told", lambda: run.told(GRACE, "already stopped"))
    stage.mend()
    await stage.until("the card is corrected", lambda: run.card_says("Stopped"))
    run.expect(run.written() == written, "a click on an old card reached Genesys")
    _done(run)


async def card_deleted(run: Run) -> None:
    await run.prepare()
    run.stage.slack.workspace.remove(run.stage.cards(run.call)[-1])
    await run.types(ADA, f"stop {run.call}")
    await run.stage.until("the card stands there again", lambda: run.card_says("Stopped"))
    _done(run)


async def audit_channel_closed(run: Run) -> None:
    await run.prepare()
    stage, before = run.stage, run.outcomes()
    archived = run.number % 4 < 2
    if archived:
        stage.slack.archive(AUDIT)
    else:
        stage.slack.remove_bot(AUDIT)
    try:
        run.expect((await run.asks()).acked, "not answered")
        await run.until_settled(before + 1)
        await stage.until_ready(ready=False)
    finally:
        stage.slack.workspace.channels[AUDIT].archived = False
        stage.slack.invite_bot(AUDIT)
    _done(run)


TOO_LATE = {
    START: ("asked to record this call at", "has been recording this call since"),
    STOP: ("already being stopped", "already stopped this recording", "is still in progress"),
}
"""What the slower of two is told."""


async def two_at_once(run: Run) -> None:
    for verb, state in ((START, "active"), (STOP, "stopped")):
        text = f"{verb} {run.call}"
        asked = await asyncio.gather(run.types(ADA, text), run.types(GRACE, text))
        run.expect(all(one.acked for one in asked), "one of two was not answered")
        await run.stage.until(f"the {verb} is done", partial(_stands, run, state))
        run.expect(run.phases(f"recording:{verb}").count("requested") == 1, f"two requests to {verb} were accepted")
        words = [one.body["text"] for one in asked]
        loser = [one for one in words if any(said in one for said in TOO_LATE[verb])]
        run.expect(len(loser) == 1, f"the slower one was not told who was first: {words}")
        if verb == START:
            run.expect(any("<@U0" in one for one in loser), f"the slower one was not told who was first: {words}")
    run.starts = 1


async def command_and_click(run: Run) -> None:
    await run.prepare()
    await asyncio.gather(run.types(ADA, f"stop {run.call}"), run.clicks(GRACE, STOP), run.clicks(ADA, STOP))
    await run.stage.until("it is stopped", lambda: run.state() == "stopped")
    run.expect(run.phases("recording:stop").count("requested") == 1, "two requests to stop were accepted")
    _done(run)


def _stands(run: Run, state: str) -> bool:
    return run.state() == state


def _on(run: Run, name: str) -> bool:
    return any(one["name"] == name and one["on"] for one in run.stage.slack.faults.snapshot())


def _done(run: Run) -> None:
    run.starts = 1
    run.expect(run.state() == DONE[run.verb], f"the {run.verb} ended as {run.state()}")


def _row(name: str, fault: str, holds: str, play: Any, **more: Any) -> Row:
    return Row(f"slack-{name}", f"Slack: {fault}", holds, single(play), **({"verbs": BOTH} | more))


ARRIVES = "every line arrives, in order, none missing"

ROWS = (
    _row("429", "429 to cards and audit lines", ARRIVES, publishing_meets("rate_limited", most=3, value=1)),
    _row(
        "limits",
        "its own rate limits, held",
        ARRIVES,
        publishing_meets("rate_limited", most=1, value=1),
        rate_limits=True,
        share=0.5,
        quick=False,
    ),
    _row("5xx", "500 to cards and audit lines", ARRIVES, publishing_meets("server_error", most=2), ambiguous=True),
    _row(
        "drop-after",
        "connection cut after it took a message",
        ARRIVES,
        publishing_meets("drop_after", most=2),
        ambiguous=True,
    ),
    _row(
        "hang",
        "no answer to a message, and it is not there",
        ARRIVES,
        publishing_meets("hang", most=1, value=9),
        ambiguous=True,
        share=0.5,
        quick=False,
    ),
    _row("down", "down altogether for up to 3 s and more", ARRIVES, down, ambiguous=True),
    _row(
        "socket",
        "the socket is cut in the middle of an action",
        "the action goes on; connected again",
        socket_cut,
        unanswered=True,
        transports=("socket",),
        share=0.5,
    ),
    _row(
        "channel",
        "the audit channel is archived, or the bot removed from it, and that is repaired",
        "/readyz says so; " + ARRIVES,
        audit_channel_closed,
        share=0.25,
        quick=False,
    ),
    _row("twice", "the same command or click is delivered three times", "one action", delivered_twice, share=0.5),
    _row("lost-click", "a click is lost", "the command does it", click_lost, verbs=(STOP,), share=0.5),
    _row(
        "old-card",
        "a click on a card that shows an older state",
        "told; nothing sent; the card corrected",
        old_card,
        verbs=(STOP,),
        share=0.5,
    ),
    _row("no-card", "the card was deleted", "posted again", card_deleted, verbs=(STOP,), share=0.5),
    Row(
        "two-supervisors",
        "two supervisors start, then stop, at the same moment",
        "one start, one stop; the other is told",
        single(two_at_once),
        share=2.5,
    ),
    Row(
        "command-and-click",
        "a command and two clicks stop at the same moment",
        "one stop",
        single(command_and_click),
        verbs=(STOP,),
    ),
)
