"""Everything that can go wrong at Genesys, on a start and on a stop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.faults.row import Row, single
from tests.faults.run import ADA, LATE_WORDS, START, STOP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.faults.run import Run

BOTH = (START, STOP)
TOGETHER = 10
UNKNOWN_SECONDS = 110.0
"""An action is given up after 25 s, and what is then in doubt is watched for 30 s more."""
LANDS_AFTER_SECONDS = 65.0
OLD_EVENT_SECONDS = 3.0
DONE = {START: "active", STOP: "stopped"}
AS_BEFORE = {START: "failed", STOP: "active"}


def meets(
    *faults: tuple[str, dict[str, Any]],
    ends: dict[str, str] | None = None,
    starts: dict[str, int] | None = None,
    words: str = "",
) -> Callable[[Run], Awaitable[None]]:
    """Return a play in which one action meets faults and ends as it should. A ``times`` of 0 stands for 1 or 2."""
    ends, starts = ends or DONE, starts or {START: 1, STOP: 1}

    async def play(run: Run) -> None:
        await run.prepare()
        before = run.outcomes()
        for name, how in faults:
            times = run.chance.choice((1, 2)) if how["times"] == 0 else how["times"]
            run.stage.genesys.faults.switch_on(name, **(how | {"times": times}))
        asked = await run.asks()
        run.expect(asked.acked, f"not answered: {asked.error}")
        await run.until_settled(before + 1)
        run.starts = starts[run.verb]
        run.expect(run.state() == ends[run.verb], f"the {run.verb} ended as {run.state()}, not {ends[run.verb]}")
        if words:
            await run.stage.until(f"the person is told {words!r}", lambda: run.told(ADA, words))

    return play


def in_doubt(name: str, **how: Any) -> Callable[[list[Run]], Awaitable[None]]:
    """Return a play in which the writes of many calls meet a fault, until all of them have been sent."""

    async def play(runs: Sequence[Run]) -> None:
        stage = runs[0].stage
        await asyncio.gather(*(run.prepare() for run in runs))
        before = {run.call: (run.outcomes(), run.written()) for run in runs}
        stage.genesys.faults.switch_on(name, only="write", **how)
        for run in runs:
            run.expect((await run.asks()).acked, "not answered")
        await stage.until(
            "every write was sent or given up",
            lambda: all(run.written() > before[run.call][1] or run.outcomes() > before[run.call][0] for run in runs),
        )
        stage.mend()
        for run in runs:
            await run.until_settled(before[run.call][0] + 1, within=UNKNOWN_SECONDS)
            _told_the_truth(run)

    return play


async def nothing_is_readable(runs: Sequence[Run]) -> None:
    stage = runs[0].stage
    await asyncio.gather(*(run.prepare() for run in runs))
    before = {run.call: run.outcomes() for run in runs}
    stage.genesys.faults.switch_on("server_error")
    for run in runs:
        run.expect((await run.asks()).acked, "not answered")
    starts = [run for run in runs if run.verb == START]
    for run in starts:
        await run.until_settled(before[run.call] + 1)
        run.starts = 0
        run.expect(run.state() == "failed", f"a start without a reading ended as {run.state()}")
        run.expect(run.written() == 0, "Genesys was told to start a call that could not be read")
    stage.mend()
    for run in runs:
        await run.until_settled(before[run.call] + 1, within=UNKNOWN_SECONDS)


async def no_such_call(run: Run) -> None:
    call = str(uuid4())
    asked = await run.types(ADA, f"start {call}")
    run.expect(asked.acked, "not answered")
    await run.stage.until(
        "the start is refused",
        lambda: run.stage.outside.one("SELECT state FROM recordings WHERE conversation_id = ?", call) == "failed",
    )
    await run.stage.until("the person is told", lambda: run.told(ADA, "can't find this call"))
    run.expect(not run.stage.genesys.writes(call), "Genesys was told to start a call that is not there")
    run.starts = 0


async def hung_up(run: Run) -> None:
    await run.prepare()
    before = run.outcomes()
    run.stage.when(run.writes, lambda: run.stage.genesys.hang_up(run.call))
    run.expect((await run.asks()).acked, "not answered")
    await run.until_settled(before + 1)
    wanted = {START: "failed", STOP: "ended"}[run.verb]
    run.starts = 0 if run.verb == START else 1
    run.expect(run.state() == wanted, f"on a call that ended the {run.verb} ended as {run.state()}")


async def lands_late(runs: Sequence[Run]) -> None:
    stage = runs[0].stage
    stage.genesys.faults.switch_on("late_write", value=LANDS_AFTER_SECONDS, only="write")
    for run in runs:
        run.starts = 1
        run.expect((await run.asks()).acked, "not answered")
    await stage.until("every write was sent", lambda: all(run.written() for run in runs))
    stage.mend()
    for run in runs:
        await stage.until("the start that landed late is stopped", partial(_is_stopped, run), within=UNKNOWN_SECONDS)
        _told_the_truth(run)
        run.expect(run.phases("recording:start")[-1] == "observed", "the late start is not in the trail")
        await stage.until("the card says that it began late", partial(run.card_mentions, LATE_WORDS))


async def events_before_the_answer(run: Run) -> None:
    run.stage.genesys.effects.delay = 0.0  # the simulator sends the event before it answers
    await meets()(run)


async def old_events(runs: Sequence[Run]) -> None:
    """The events of a recording that was stopped arrive while the next start is never carried out."""
    stage = runs[0].stage
    await asyncio.gather(*(run.record() for run in runs))
    before = {run.call: run.outcomes() for run in runs}
    stage.genesys.faults.switch_on("events_late", value=OLD_EVENT_SECONDS)
    for run in runs:
        run.expect((await run.asks(STOP)).acked, "not answered")
        await run.until_settled(before[run.call] + 1)
        stage.genesys.set_recording(run.call)
        stage.genesys.set_recording(run.call, on=False)
    written = {run.call: run.written() for run in runs}
    stage.genesys.faults.switch_on("write_ignored", only="write")
    for run in runs:
        run.expect((await run.asks(START)).acked, "not answered")
    await stage.until("every start was sent", lambda: all(run.written() > written[run.call] for run in runs))
    stage.mend()
    for run in runs:
        await run.until_settled(before[run.call] + 2, within=UNKNOWN_SECONDS)
        run.expect(run.state() == "failed", f"a start that never took effect ended as {run.state()}")
        run.starts = 2  # the first, and the one outside the bot


def _is_stopped(run: Run) -> bool:
    return run.state() == "stopped"


def _told_the_truth(run: Run) -> None:
    """Where nobody knew, the card said so before it said how it ended."""
    if "unknown" in run.phases():
        shown = [
            one
            for one in run.stage.slack.requests
            if run.call in one.payload.get("text", "") and one.payload["text"].startswith("Not confirmed yet, checking")
        ]
        run.expect(shown, "the card never said that the outcome was unknown")


def _row(name: str, fault: str, holds: str, play: Any, **more: Any) -> Row:
    usual: dict[str, Any] = {"verbs": BOTH, "share": 0.5}
    return Row(f"genesys-{name}", f"Genesys: {fault}", holds, play, **(usual | more))


def _met(name: str, fault: str, holds: str, *faults: tuple[str, dict[str, Any]], **more: Any) -> Row:
    return _row(name, fault, holds, single(meets(*faults, **more)))


def _doubted(name: str, fault: str, kind: str, **options: Any) -> Row:
    """Return a row in which the write's end is unknown; it takes long, so it is not among the quick ones."""
    play = in_doubt(kind, **options)
    return _row(name, fault, SETTLED, play, at_once=TOGETHER, transports=("socket",), quick=False)


REFUSED = {"ends": AS_BEFORE, "starts": {START: 0, STOP: 1}}
SETTLED = "unknown, said so, then settled from the call's real state; never two starts"

ROWS = (
    _doubted("hang", "no answer to the write, and it is not done", "hang", value=60),
    _doubted("drop-before", "connection cut on the write, and it is not done", "drop_before"),
    _doubted("5xx", "503 to the write", "server_error"),
    _doubted("ignored", "accepts the write and never does it", "write_ignored"),
    _row(
        "late",
        "does a start 65 s later, long after it was given up",
        "found by a later look, stopped, recorded, shown on the card",
        lands_late,
        verbs=(START,),
        at_once=TOGETHER,
        transports=("socket",),
        quick=False,
    ),
    _row(
        "down",
        "503 to everything for a while",
        "a start is refused at once and nothing was sent; a stop is settled",
        nothing_is_readable,
        at_once=4,
        transports=("socket",),
        quick=False,
    ),
    _met(
        "drop-after",
        "connection cut after it did the write",
        "confirmed by reading; not sent again",
        ("drop_after", {"times": 1, "only": "write"}),
    ),
    _met(
        "hang-after",
        "no answer to the write, and it is done",
        "confirmed by reading; not sent again",
        ("hang_after", {"times": 1, "only": "write", "value": 60}),
    ),
    _met(
        "401-write",
        "401 to the write",
        "logs in again and repeats it once",
        ("unauthorised", {"times": 1, "only": "write"}),
    ),
    _met(
        "401-read", "401 to a read", "logs in again and repeats it once", ("unauthorised", {"times": 1, "only": "read"})
    ),
    _met(
        "403",
        "403 to the write",
        "refused with the permission's name; nothing changed",
        ("forbidden", {"times": 1, "only": "write"}),
        words="conversation:call:record",
        **REFUSED,
    ),
    _met(
        "400",
        "400 not.a.user to the write",
        "refused; nothing changed",
        ("not_a_user", {"times": 1, "only": "write"}),
        **REFUSED,
    ),
    _row("404", "404, no such call", "refused with the reason; nothing was sent", single(no_such_call), verbs=(START,)),
    _met("409", "409 to the write, once", "read again, sent once more", ("conflict", {"times": 1, "only": "write"})),
    _met(
        "409-twice",
        "409 to the write, twice",
        "refused; nothing changed",
        ("conflict", {"times": 2, "only": "write"}),
        **REFUSED,
    ),
    _met(
        "429",
        "429 with Retry-After, once or twice",
        "waits as told, then does it",
        ("rate_limited", {"times": 0, "value": 1}),
    ),
    _met(
        "429-bare", "429 without Retry-After, once or twice", "waits, then does it", ("rate_limited_bare", {"times": 0})
    ),
    _met(
        "null",
        "readings without a recording state, once or twice",
        "nothing is guessed; read again",
        ("null_state", {"times": 0}),
    ),
    _met("junk-read", "a reading that is no JSON, once or twice", "read again", ("junk", {"times": 0, "only": "read"})),
    _met(
        "junk-write",
        "an answer to the write that is no JSON",
        "confirmed by reading",
        ("junk", {"times": 1, "only": "write"}),
    ),
    _met(
        "events-lost",
        "no event of the effect",
        "confirmed by reading",
        ("events_lost", {"times": None}),
    ),
    _met(
        "events-late",
        "the event of the effect comes two seconds late",
        "confirmed by reading, or by the event",
        ("events_late", {"times": None, "value": 2}),
    ),
    _met("events-twice", "each event comes twice", "confirmed once", ("events_twice", {"times": None})),
    _row(
        "events-early",
        "the event of the effect comes before the answer to the write",
        "confirmed",
        single(events_before_the_answer),
    ),
    _row(
        "events-old",
        "events of an earlier recording come after a start that is never carried out",
        "not confirmed by them: unknown, then settled as failed",
        old_events,
        verbs=(START,),
        at_once=4,
        transports=("socket",),
        quick=False,
    ),
    _row("hung-up", "the call ends while the write is under way", "closed as ended", single(hung_up)),
)
