"""A database that can't be written, a second process, and SIGTERM in the middle of things."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.recording.control.service import OLDEST_SECONDS
from bot.sandbox.process import free_port
from bot.slack.request_age import BACKLOG_SECONDS
from tests.faults.row import Row, single
from tests.faults.run import ADA, GRACE, START, STOP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tests.faults.harness.single_process import Stage
    from tests.faults.run import Run

BOTH = (START, STOP)
DONE = {START: "active", STOP: "stopped"}
REFUSED = "requests that were refused with the reason, and asking again worked"
OWN_ATTEMPT_SECONDS = 60.0


@contextlib.contextmanager
def disk_full(stage: Stage) -> Iterator[None]:
    """Let no file of the bot's grow or change."""
    _, hard = resource.prlimit(stage.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def immutable(stage: Stage) -> Iterator[None]:
    """Make the files unwritable even for who has them open already.

    Raise PermissionError, CalledProcessError, or FileNotFoundError where the file system, the rights, or the programs
    don't allow that.
    """
    with tempfile.NamedTemporaryFile(dir=stage.directory, buffering=0) as probe, _immutable(probe.name):
        try:
            probe.write(b"?")
        except PermissionError:
            pass
        else:
            raise PermissionError("Here an immutable file can be written by anyone who has it open")
    files = [str(one) for one in stage.directory.glob("record-bot.db*") if one.suffix not in {".lock", ".db-shm"}]
    with _immutable(*files):
        yield


@contextlib.contextmanager
def _immutable(*files: str) -> Iterator[None]:
    subprocess.run(["chattr", "+i", *files], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True, capture_output=True)


def locked(stage: Stage) -> AbstractContextManager[None]:
    return stage.outside.locked()


def refused_while(unwritable: Callable[[Stage], AbstractContextManager[None]]) -> Callable[[Run], Awaitable[None]]:
    """Return a play in which a request meets a database that can't be written, and works once it can."""

    async def play(run: Run) -> None:
        await run.prepare()
        stage, written, before = run.stage, run.written(), run.outcomes()
        try:
            with unwritable(stage):
                asked = await run.types(ADA, f"{run.verb} {run.call}")
                run.expect(asked.acked, f"not answered: {asked.error}")
                words = (asked.body or {}).get("text", "")
                run.expect("audit trail can't be written" in words, f"refused without the reason: {words}")
                run.expect(run.written() == written, "Genesys was called for a request that is not in the trail")
        except (FileNotFoundError, PermissionError, subprocess.CalledProcessError) as error:
            run.lost[f"repetitions that this machine doesn't allow ({type(error).__name__})"] += 1
            return
        run.lost[REFUSED] += 1
        again = await run.asks()
        run.expect(again.acked, f"asking again was not answered: {again.error}")
        await run.until_settled(before + 1)
        run.starts = 1
        run.expect(run.state() == DONE[run.verb], f"asking again led to {run.state()}")

    return play


def outcome_meets(
    unwritable: Callable[[Stage], AbstractContextManager[None]], *, seconds: float, lost: bool = True
) -> Any:
    """Return a play in which the outcomes of some actions meet a database that can't be written for a while."""

    async def play(runs: Sequence[Run]) -> None:
        await asyncio.gather(*(run.prepare() for run in runs))
        stage, before = runs[0].stage, {run.call: (run.outcomes(), run.written()) for run in runs}
        stage.genesys.faults.switch_on("events_lost", times=None)  # so that reading confirms the change
        with contextlib.ExitStack() as fault:
            for run in runs:
                run.expect((await run.asks()).acked, "not answered")
            began = stage.when(
                lambda request: any(run.reads(request) and run.written() > before[run.call][1] for run in runs),
                lambda: fault.enter_context(unwritable(stage)),
            )
            await stage.until("a confirming read arrives", began.is_set)
            await asyncio.sleep(seconds)  # how long it lasts is part of the fault
        stage.mend()
        if lost:
            told = "couldn't be saved to the audit trail"
            await stage.until(
                "somebody is told that the outcome is not written", lambda: any(run.told(ADA, told) for run in runs)
            )
        for run in runs:
            await run.until_settled(before[run.call][0] + 1, within=OWN_ATTEMPT_SECONDS)
            run.starts = 1
            run.expect(run.state() == DONE[run.verb], f"the {run.verb} ended as {run.state()}")

    return play


async def read_only_at_the_start(run: Run) -> None:
    stage = run.stage
    await stage.end()
    command = stage.bot.command
    file = stage.outside.file
    file.chmod(0o444)
    try:
        if os.geteuid() == 0:  # root may write everything, unless it gives that up
            stage.bot.command = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", *command)
        await _refuses_to_serve(run, stage.bot, "Can't write to the database")
    finally:
        stage.bot.command = command
        file.chmod(0o644)
    await stage.start()
    run.expect((await run.asks()).acked, "not answered after the restart")
    await run.until_settled(1)
    run.starts = 1


async def second_process(run: Run) -> None:
    stage = run.stage
    port = free_port()
    second = replace(stage.bot, environment={**stage.bot.environment, "HTTP_PORT": str(port)}, port=port)
    try:
        await _refuses_to_serve(run, second, f"process {stage.pid}")
    finally:
        await second.kill()
    run.expect((await run.asks()).acked, "the first one does not answer any more")
    await run.until_settled(1)
    run.starts = 1


async def _refuses_to_serve(run: Run, bot: Any, words: str) -> None:
    await bot.start()
    await run.stage.until("it refuses to serve", lambda: not bot.running)
    await run.stage.until("its words are read", lambda: bot.snapshot()["last_words"])
    status, said = bot.snapshot()["exit_status"], bot.snapshot()["last_words"]
    run.expect(status == 1, f"it ended with status {status}")
    run.expect(words in said and "Traceback" not in said, f"it said {said!r}")


async def frozen(run: Run) -> None:
    """Let the process stand still while a request arrives, until long after Slack has told the person."""
    await run.prepare()
    stage, before, written = run.stage, run.outcomes(), run.written()
    os.kill(stage.pid, signal.SIGSTOP)
    try:
        asked = await run.types(ADA, f"{run.verb} {run.call}")
        run.expect(not asked.acked, "a process that stands still has answered")
        await asyncio.sleep(OLDEST_SECONDS)  # how long it lasts is part of the fault
    finally:
        os.kill(stage.pid, signal.SIGCONT)
    await run.until_settled(before + 1)
    await asyncio.sleep(2 * BACKLOG_SECONDS)  # a start within this time could be as old, and would be refused too
    if run.verb == STOP:
        run.starts = 1
        run.expect(run.state() == "stopped", f"the stop ended as {run.state()}")
        return
    run.starts = 0
    run.expect(run.phases() == ["requested", "failed"], f"the trail says {run.phases()}")
    run.expect(run.written() == written, "Genesys was called for a start that nobody waits for any more")
    await stage.until("the person is told that it came too late", lambda: run.told(ADA, "too late"))


async def told_to_stop(run: Run) -> None:
    await run.prepare()
    stage, before = run.stage, run.outcomes()
    stage.genesys.faults.switch_on("slow", value=1.5, only="read")
    ending: list[asyncio.Task[int | None]] = []
    stage.when(run.writes, lambda: ending.append(asyncio.ensure_future(stage.end())))
    run.expect((await run.asks()).acked, "not answered")
    await stage.until("the write arrives", lambda: ending)
    await stage.until("it says that it is stopping", lambda: any("shutdown_started" in line for line in stage.said))
    late = await stage.slack.command(GRACE, "C0FLOOR", f"pause {run.call}")
    if late.acked:
        run.expect("restarting" in late.body["text"], f"while it stopped it said {late.body['text']!r}")
    status = await ending[0]
    run.expect(status == 0, f"SIGTERM ended it with status {status}")
    run.expect(run.outcomes() > before, "it ended without the outcome of what it was doing")
    run.expect(run.state() == DONE[run.verb], f"the {run.verb} ended as {run.state()}")
    run.starts = 1
    stage.mend()
    await stage.start()


def _row(name: str, fault: str, holds: str, play: Any, **more: Any) -> Row:
    return Row(name, fault, holds, play, **({"verbs": BOTH} | more))


HOLDS = "refused with the reason, nothing sent to Genesys; recovers by itself"
UNNOTED = True
"""That Slack took a line can't be noted while nothing can be written; the line then comes again, and says so."""
LATER = "the person is told; settled from the call's real state"

ROWS = (
    _row(
        "database-locked",
        "database: locked for longer than a request may wait",
        HOLDS,
        single(refused_while(locked)),
        ambiguous=UNNOTED,
    ),
    _row(
        "database-full",
        "database: disk full (no file may grow)",
        HOLDS,
        single(refused_while(disk_full)),
        ambiguous=UNNOTED,
    ),
    _row(
        "database-read-only",
        "database: files made unwritable while in use",
        HOLDS,
        single(refused_while(immutable)),
        share=0.5,
        ambiguous=UNNOTED,
    ),
    _row(
        "database-read-only-start",
        "database: a file that may not be written, at the start",
        "refuses to serve, says why, exits 1",
        single(read_only_at_the_start),
        verbs=(START,),
        quick=False,
        share=0.25,
        transports=("socket",),
    ),
    _row(
        "outcome-locked-briefly",
        "database: locked for 2.5 s when the outcomes come",
        "written when it can be",
        outcome_meets(locked, seconds=2.5, lost=False),
        ambiguous=UNNOTED,
        at_once=4,
    ),
    _row(
        "outcome-locked",
        "database: locked for 45 s when the outcomes come",
        LATER,
        outcome_meets(locked, seconds=45),
        ambiguous=UNNOTED,
        at_once=5,
        share=0.5,
        quick=False,
    ),
    _row(
        "outcome-full",
        "database: disk full for 3 s when the outcomes come",
        LATER,
        outcome_meets(disk_full, seconds=3),
        ambiguous=UNNOTED,
        at_once=5,
        share=0.5,
        quick=False,
    ),
    _row(
        "second-process",
        "a second process on the same file",
        "refuses to serve, says why, exits 1; the first goes on",
        single(second_process),
        verbs=(START,),
        share=0.25,
        transports=("socket",),
    ),
    _row(
        "frozen",
        "the bot stands still (SIGSTOP) for 13 s while a command arrives",
        "a start is refused and the person told; a stop is carried out",
        single(frozen),
        unanswered=True,
        quick=False,
        share=0.25,
    ),
    _row(
        "sigterm",
        "SIGTERM with an action running",
        "it is finished and told, new ones are refused, exit 0",
        single(told_to_stop),
        ambiguous=False,
    ),
)
