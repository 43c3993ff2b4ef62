"""A process that stood still while another one took its attempt over sends nothing any more."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bot.audit.entry import Phase
from bot.errors import AuditUnavailable, CallEnded, NotInEffect, OutcomeUnknown, OutOfScope
from bot.recording.caller import BOT
from bot.recording.models import ConfirmedChange, Mechanism, RecordingState, Verb
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import attack, trail_lines
from tests.support.recording.service import CALL, Harness, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.recording.control.outcomes import OutcomeRecorder
    from bot.recording.models import Attempt
    from bot.recording.requests import PendingAction
    from tests.support.databases.postgres import Database

ANOTHER = "serve:2"


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def accepted(harness: Harness, verb: Verb) -> PendingAction:
    """Have a request of this kind accepted, and forget what came before."""
    earlier = {Verb.START: (), Verb.FOLLOW: (), Verb.RESUME: (Verb.START, Verb.PAUSE)}.get(verb, (Verb.START,))
    for one in earlier:
        await harness.service.carry_out(await harness.request(one))
    pending = await harness.request(verb)
    harness.control.calls.clear()
    return pending


async def take_over(harness: Harness, attempt: Attempt) -> Attempt:
    assert await harness.store.write(lambda transaction: transaction.claim_attempt(attempt, ANOTHER))
    return replace(attempt, owner=ANOTHER)


async def not_in_force(outcomes: OutcomeRecorder, theirs: Attempt) -> None:
    await outcomes.not_in_effect(theirs, NotInEffect())


async def in_force(outcomes: OutcomeRecorder, theirs: Attempt) -> None:
    await outcomes.succeeded(theirs, ConfirmedChange(Mechanism.ADHOC), phase=Phase.OBSERVED, actor=BOT)


async def over(outcomes: OutcomeRecorder, theirs: Attempt) -> None:
    await outcomes.call_over(theirs, CallEnded(), phase=Phase.OBSERVED, actor=BOT)


async def ended_later(outcomes: OutcomeRecorder, theirs: Attempt) -> None:
    """Find it in force; after that, the call ends."""
    await in_force(outcomes, theirs)
    recording = await outcomes.store.recording(theirs.recording_id)
    assert recording is not None
    after = recording.call_ended(outcomes.clock.now())
    await outcomes.store.write(lambda transaction: transaction.save(after, was=recording))


async def somebody_elses(outcomes: OutcomeRecorder, theirs: Attempt) -> None:
    await outcomes.not_in_effect(theirs, OutOfScope(), look_again=False)


async def still_open(outcomes: OutcomeRecorder, theirs: Attempt) -> None: ...


STARTS, CHANGES = (Verb.START, Verb.FOLLOW), (Verb.STOP, Verb.PAUSE, Verb.RESUME)


@pytest.mark.parametrize(
    ("verb", "found", "told"),
    [
        *((verb, not_in_force, NotInEffect) for verb in STARTS),
        *((verb, not_in_force, OutcomeUnknown) for verb in CHANGES),  # its state may have come later
        *((verb, in_force, type(None)) for verb in Verb),
        *((verb, over, CallEnded) for verb in Verb),
        *((verb, ended_later, type(None)) for verb in STARTS),
        *((verb, somebody_elses, OutOfScope) for verb in STARTS),
        *((verb, still_open, OutcomeUnknown) for verb in Verb),
    ],
)
async def test_nothing_is_sent_for_a_lost_attempt(
    harness: Harness, verb: Verb, found: Callable[[OutcomeRecorder, Attempt], Awaitable[None]], told: type[object]
) -> None:
    """People are told what the other process has found by then, and nothing more is written."""
    pending, trail = await accepted(harness, verb), list[str]()

    async def stand_still() -> None:
        await found(harness.service.outcomes, await take_over(harness, pending.attempt))
        trail.extend(trail_lines(harness.file))

    harness.control.before_write = stand_still
    result = await harness.service.carry_out(pending)

    assert harness.control.calls == []
    assert trail_lines(harness.file) == trail
    assert result.recording == await harness.store.newest_recording(CALL)
    assert isinstance(result.error, told)


async def test_what_was_started_and_stopped_meanwhile_was_started(harness: Harness) -> None:
    pending = await accepted(harness, Verb.START)

    async def stand_still() -> None:
        await in_force(harness.service.outcomes, await take_over(harness, pending.attempt))
        harness.control.before_write = None
        await harness.service.carry_out(await harness.request(Verb.STOP))

    harness.control.before_write = stand_still
    result = await harness.service.carry_out(pending)

    assert harness.control.calls == ["stop"]
    assert (result.recording.state, result.error) == (RecordingState.STOPPED, None)


@on_both
async def test_an_attempt_is_still_owned_until_it_is_settled_or_claimed(harness: Harness) -> None:
    start = await accepted(harness, Verb.START)
    assert await harness.store.still_owned(start.attempt)
    await harness.service.carry_out(start)
    assert not await harness.store.still_owned(start.attempt)

    stop = await harness.request(Verb.STOP)
    theirs = await take_over(harness, stop.attempt)
    assert not await harness.store.still_owned(stop.attempt)
    assert await harness.store.still_owned(theirs)


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
async def test_what_is_driven_again_is_not_sent_either(harness: Harness, verb: Verb) -> None:
    pending = await accepted(harness, verb)
    harness.control.fault = OutcomeUnknown()
    await harness.service.carry_out(pending)
    harness.control.fault = None
    harness.control.calls.clear()

    lost: list[Attempt] = []

    async def stand_still() -> None:
        lost.append(await take_over(harness, pending.attempt))

    harness.control.before_write = stand_still
    await harness.patience()

    assert harness.control.calls == ["look"]
    assert trail_lines(harness.file)[-2:] == [f"requested {verb.action}", f"unknown {verb.action}"]
    await in_force(harness.service.outcomes, lost[0])
    assert trail_lines(harness.file)[-1] == f"observed {verb.action}"


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
async def test_a_stop_and_a_pause_are_sent_though_the_owner_cannot_be_read(harness: Harness, verb: Verb) -> None:
    pending = await accepted(harness, verb)
    harness.control.before_write = partial(hide_attempts, harness)
    with pytest.raises(AuditUnavailable):  # the outcome can't be written either
        await harness.service.carry_out(pending)
    assert harness.control.calls == [verb.value]
    await settled_by_the_reconciler(harness, verb)


@pytest.mark.parametrize("verb", [Verb.START, Verb.FOLLOW])
async def test_nothing_begins_though_the_owner_cannot_be_read(harness: Harness, verb: Verb) -> None:
    pending = await accepted(harness, verb)
    harness.control.before_write = partial(hide_attempts, harness)
    with pytest.raises(AuditUnavailable):
        await harness.service.carry_out(pending)
    assert harness.control.calls == []
    await settled_by_the_reconciler(harness, verb)


async def hide_attempts(harness: Harness) -> None:
    """Have every question for an attempt fail."""
    attack(harness.file, "ALTER TABLE attempts RENAME TO hidden")


async def settled_by_the_reconciler(harness: Harness, verb: Verb) -> None:
    attack(harness.file, "ALTER TABLE hidden RENAME TO attempts")
    assert trail_lines(harness.file)[-1] == f"requested {verb.action}"
    harness.control.before_write = None
    harness.control.calls.clear()
    await harness.patience()
    assert harness.control.calls == ["look"], "nothing is sent again"
    assert trail_lines(harness.file)[-1] == f"observed {verb.action}"
