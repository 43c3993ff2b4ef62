"""Requests to keep and to release a call's recordings, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import (
    AlreadyKept,
    AuditUnavailable,
    CallEnded,
    CallNotFound,
    Duplicate,
    GenesysUnavailable,
    NothingToKeep,
    NotPermitted,
    OutcomeUnknown,
    OutOfScope,
    PermissionMissing,
    RateLimited,
    ReleaseHeld,
)
from bot.recording.caller import Role, Scope
from bot.recording.keeping.keep import KeepState, KeepVerb
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.models import Verb
from bot.recording.monitoring.ownership import SoleProcess
from tests.support.clocks.fake_clock import BEGIN
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.keeping.keep import Keep, PendingKeep
    from bot.recording.requests import Request
    from tests.support.databases.postgres import Database

COMPLIANCE = frozenset({Role.COMPLIANCE})


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def ask(
    harness: Harness, verb: KeepVerb = KeepVerb.KEEP, request: Request | None = None, reason: str | None = None
) -> PendingKeep:
    request = request or (asked() if verb is KeepVerb.KEEP else asked(GRACE, roles=COMPLIANCE))
    return await harness.keeper.ask(verb, request, typed_id=CALL, reason=reason)


async def tried(harness: Harness, verb: KeepVerb = KeepVerb.KEEP, **options: str) -> Keep:
    return await harness.keeper.carry_out(await ask(harness, verb, reason=options.get("reason")))


def over(harness: Harness, *states: str) -> None:
    """Have the call be over, with files in these states."""
    harness.control.fault = CallEnded()
    harness.files.store(CALL, *(states or ("available",)))


async def nobody_absent(_owners: frozenset[str]) -> frozenset[str]:
    """Say that all processes serve."""
    return frozenset()


def keeps(harness: Harness) -> list[tuple[str, str]]:
    found = rows(harness.file, "SELECT verb, state FROM keeps ORDER BY audit_seq")
    return [(row["verb"], row["state"]) for row in found]


@on_both
async def test_a_call_that_is_over_is_kept_at_once_with_its_reason(harness: Harness) -> None:
    over(harness, "available", "deleted")
    keep = await tried(harness, reason="threat")
    assert keep.state is KeepState.DONE
    assert harness.files.protected == {CALL}
    assert harness.files.annotations == [("file-0", "threat")]
    assert trail_lines(harness.file) == ["requested recording:keep", "succeeded recording:keep"]
    outcome = entries(harness.file)[-1]["outcome"]
    assert outcome == {"created": True, "recordings": 1, "annotation": "added"}
    assert await harness.keeps_step() is None


@on_both
async def test_a_recorded_call_is_kept_once_it_has_ended_and_not_asked_about_before(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    keep = await tried(harness)
    assert (keep.state, keep.owner, keep.next_at) == (KeepState.WAITING, None, None)
    assert await harness.keeps_step() is None
    assert harness.files.calls == []

    recording = await harness.store.live_recording(CALL)
    assert recording is not None
    await harness.store.write(lambda tx: tx.save(recording.call_ended(harness.clock.now()), was=recording))
    assert await harness.keeps_step() == pytest.approx(5)
    harness.files.store(CALL, "uploading")
    harness.clock.advance(5)
    assert await harness.keeps_step() == pytest.approx(10)
    harness.files.store(CALL, "available")
    harness.clock.advance(10)
    await harness.keeps_step()
    assert keeps(harness) == [("keep", "done")]
    assert "look" not in harness.control.calls


async def test_nothing_is_said_to_be_kept_before_genesys_shows_it(harness: Harness) -> None:
    over(harness)
    harness.files.fault = OutcomeUnknown()
    keep = await tried(harness)
    assert (keep.state, keep.in_doubt, harness.files.protected) == (KeepState.WAITING, True, set())
    assert trail_lines(harness.file)[-1] == "unknown recording:keep"
    harness.files.fault = PermissionMissing(permission="recording:deletionProtection:apply")
    harness.clock.advance(5)
    await harness.keeps_step()
    assert keeps(harness) == [("keep", "failed")]
    last = entries(harness.file)[-1]
    assert (last["phase"], last["actor"], last["outcome"]["in_effect"]) == ("observed", "bot", False)


async def test_a_lost_answer_is_unknown_and_then_read_back(harness: Harness) -> None:
    over(harness)
    harness.files.late_fault = OutcomeUnknown()
    assert (await tried(harness)).in_doubt
    harness.files.late_fault = None
    harness.clock.advance(5)
    await harness.keeps_step()
    assert keeps(harness) == [("keep", "done")]
    wanted = ["requested recording:keep", "unknown recording:keep", "observed recording:keep"]
    assert trail_lines(harness.file) == wanted
    assert entries(harness.file)[-1]["outcome"]["created"] is False


@on_both
@pytest.mark.parametrize("landed", [False, True], ids=["before the write", "after the write"])
async def test_a_try_that_was_cut_off_is_taken_over_and_read(harness: Harness, *, landed: bool) -> None:
    over(harness)
    await ask(harness)
    if landed:
        harness.files.protected = {CALL}
    async with open_harness(harness.file, owner="serve:2", clock=harness.clock, files=harness.files) as other:
        other.control.fault = CallEnded()
        await other.keeps_step()
    assert keeps(harness) == [("keep", "done")]
    assert trail_lines(harness.file) == ["requested recording:keep", "observed recording:keep"]
    assert entries(harness.file)[-1]["outcome"]["created"] is not landed


@on_both
async def test_two_processes_try_it_once(harness: Harness) -> None:
    over(harness)
    harness.files.saved = {}
    assert (await tried(harness)).state is KeepState.WAITING
    harness.files.store(CALL, "available")
    harness.clock.advance(5)
    async with open_harness(harness.file, owner="serve:2", clock=harness.clock, files=harness.files) as other:
        other.control.fault = CallEnded()
        await asyncio.gather(harness.keeper.step(nobody_absent), other.keeper.step(nobody_absent))
    assert harness.files.calls.count("protect") == 1
    assert trail_lines(harness.file) == ["requested recording:keep", "succeeded recording:keep"]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(RateLimited(retry_after=90), 90), (GenesysUnavailable(), 5), (RateLimited(retry_after=1), 5)],
)
async def test_what_was_not_sent_is_tried_again(harness: Harness, fault: Exception, seconds: float) -> None:
    over(harness)
    harness.files.fault = fault
    keep = await tried(harness)
    assert keep.error == fault.kind  # type: ignore[attr-defined]
    assert keep.next_at is not None
    assert (keep.next_at - harness.clock.now()).total_seconds() == seconds
    harness.files.fault = None
    harness.clock.advance(seconds)
    await harness.keeps_step()
    assert trail_lines(harness.file) == ["requested recording:keep", "succeeded recording:keep"]


async def test_a_call_without_a_file_is_given_up_after_an_hour(harness: Harness) -> None:
    over(harness)
    harness.files.saved = {}
    await tried(harness)
    waits = []
    while (seconds := await harness.keeps_step()) is not None:
        waits.append(round(seconds))
        harness.clock.advance(seconds)
    assert waits == [5, 10, 45, 240, 600, 2700]
    assert keeps(harness) == [("keep", "failed")]
    assert entries(harness.file)[-1]["outcome"]["error"] == "no_recording_found"


async def test_a_call_that_genesys_does_not_know_is_not_waited_for(harness: Harness) -> None:
    harness.control.fault = CallNotFound()
    assert (await tried(harness)).error == "call_not_found"
    harness.files.store(CALL, "available")
    assert (await tried(harness)).state is KeepState.DONE


async def test_a_call_that_goes_on_is_looked_at_every_minute_for_a_day_at_most(harness: Harness) -> None:
    await tried(harness)
    assert await harness.keeps_step() == pytest.approx(60)
    harness.clock.advance(24 * 3600)
    await harness.keeps_step()
    assert keeps(harness) == [("keep", "failed")]


async def test_a_missing_permission_to_annotate_leaves_it_kept(harness: Harness) -> None:
    over(harness)
    harness.files.annotation_fault = PermissionMissing(permission="recording:annotation:add")
    keep = await tried(harness, reason="threat")
    assert (keep.state, keep.annotation_permission) == (KeepState.DONE, "recording:annotation:add")
    assert entries(harness.file)[-1]["outcome"]["annotation_permission"] == "recording:annotation:add"


async def test_without_a_reason_of_its_own_it_has_the_recordings(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, "billing complaint"))
    recording = await harness.store.live_recording(CALL)
    assert recording is not None
    await harness.store.write(lambda tx: tx.save(recording.call_ended(harness.clock.now()), was=recording))
    harness.files.store(CALL, "available")
    await tried(harness)
    assert harness.files.annotations == [("file-0", "billing complaint")]


@on_both
async def test_two_people_keep_the_same_call(harness: Harness) -> None:
    await ask(harness)
    with pytest.raises(AlreadyKept) as refusal:
        await ask(harness, request=asked(GRACE))
    assert refusal.value.by == ADA
    assert trail_lines(harness.file) == ["requested recording:keep", "failed recording:keep"]


async def test_a_kept_call_can_be_kept_again(harness: Harness) -> None:
    over(harness)
    await tried(harness)
    keep = await tried(harness, reason="another one")
    assert keep.state is KeepState.DONE
    assert entries(harness.file)[-1]["outcome"]["created"] is False


@on_both
async def test_a_release_withdraws_a_keep_that_still_waits(harness: Harness) -> None:
    over(harness)
    harness.files.saved = {}
    await tried(harness)
    released = await tried(harness, KeepVerb.RELEASE)
    assert released.state is KeepState.DONE
    assert keeps(harness) == [("keep", "superseded"), ("release", "done")]
    assert entries(harness.file)[-1]["outcome"] == {"created": False, "cancelled": 1}
    harness.files.store(CALL, "available")
    harness.clock.advance(5)
    assert await harness.keeps_step() is None
    assert harness.files.protected == set()


@on_both
async def test_a_release_waits_for_the_keep_that_is_on_its_way(harness: Harness) -> None:
    over(harness)
    accepted = await ask(harness)
    later = []

    async def meanwhile() -> None:
        later.append(await ask(harness, KeepVerb.RELEASE))
        assert (await harness.keeper.carry_out(later[0])).state is KeepState.WAITING
        await harness.keeps_step()
        assert harness.files.calls == ["files", "protect"]

    harness.files.before_write = meanwhile
    await harness.keeper.carry_out(accepted)
    assert later[0].queued
    harness.files.before_write = None
    await harness.keeps_step()
    assert keeps(harness) == [("keep", "done"), ("release", "done")]
    assert harness.files.protected == set()


async def test_a_release_counts_the_keep_that_is_put_off_because_of_it(harness: Harness) -> None:
    over(harness)
    accepted = await ask(harness)
    later = []

    async def meanwhile() -> None:
        later.append(await ask(harness, KeepVerb.RELEASE))
        harness.files.saved = {}
        raise GenesysUnavailable

    harness.files.before_write = meanwhile
    await harness.keeper.carry_out(accepted)
    harness.files.before_write = None
    await harness.keeps_step()
    assert later[0].queued
    assert keeps(harness) == [("keep", "superseded"), ("release", "done")]
    assert entries(harness.file)[-1]["outcome"] == {"created": False, "cancelled": 1}


@on_both
async def test_what_waits_for_an_earlier_request_is_not_due(harness: Harness) -> None:
    over(harness)
    first = await ask(harness)
    second = await ask(harness, KeepVerb.RELEASE)
    queue = harness.keeper.queue
    assert second.queued
    assert [one.id for one in await queue.due(harness.clock.now())] == [first.keep.id]
    assert await queue.next_at() is None
    await harness.keeper.carry_out(first)
    assert [one.id for one in await queue.due(harness.clock.now())] == [second.keep.id]
    assert await queue.next_at() == harness.clock.now()


async def test_without_files_what_was_asked_for_before_is_left_alone(harness: Harness) -> None:
    over(harness)
    harness.files.saved = {}
    await tried(harness)
    harness.clock.advance(5)
    before = rows(harness.file, "SELECT * FROM keeps")
    keeper = replace(harness.keeper, attempt=None)
    assert await keeper.step(SoleProcess(harness.service.owner).absent) is None
    assert rows(harness.file, "SELECT * FROM keeps") == before


async def test_a_release_of_what_is_not_kept_is_a_sentence(harness: Harness) -> None:
    over(harness)
    assert (await tried(harness, KeepVerb.RELEASE)).error == "not_kept"
    harness.files.saved = {}
    assert (await tried(harness, KeepVerb.RELEASE)).error == "not_kept"
    assert trail_lines(harness.file)[-1] == "failed recording:release"


async def test_a_release_of_what_someone_protected_in_genesys_works(harness: Harness) -> None:
    over(harness)
    harness.files.protected = {CALL}
    assert (await tried(harness, KeepVerb.RELEASE)).state is KeepState.DONE


async def test_only_compliance_releases_and_nobody_under_legal_hold(harness: Harness) -> None:
    over(harness)
    with pytest.raises(NotPermitted) as denied:
        await ask(harness, KeepVerb.RELEASE, asked())
    assert denied.value.cause == "not_compliance_release"
    await harness.store.write(
        lambda tx: tx.append(replace(hold_draft(), occurred_at=harness.clock.now(), action="audit:hold"))
    )
    with pytest.raises(ReleaseHeld):
        await ask(harness, KeepVerb.RELEASE)
    await harness.store.write(lambda tx: tx.append(replace(hold_draft(), action="audit:release")))
    await ask(harness, KeepVerb.RELEASE)


def hold_draft() -> Draft:
    return Draft(
        id=uuid7(), attempt_id=uuid7(), occurred_at=BEGIN, phase=Phase.SUCCEEDED, action="audit:hold", actor="cli:ada"
    )


@pytest.mark.parametrize(
    ("scope", "kept"),
    [(Scope(everything=False, queues=frozenset({"queue-1"})), True), (Scope(everything=False), False)],
)
async def test_a_reading_decides_on_a_call_that_was_never_recorded(
    harness: Harness, scope: Scope, *, kept: bool
) -> None:
    accepted = await ask(harness, request=asked(scope=scope))
    keep = await harness.keeper.carry_out(accepted)
    assert keep.state is (KeepState.WAITING if kept else KeepState.FAILED)
    assert trail_lines(harness.file)[1:] == ([] if kept else ["denied recording:keep"])
    over(harness)
    harness.clock.advance(60)
    await harness.keeps_step()
    assert (harness.files.protected == {CALL}) is kept


async def test_a_recorded_call_out_of_scope_is_denied_at_once(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    with pytest.raises(OutOfScope):
        await ask(harness, request=asked(GRACE, scope=Scope(everything=False, queues=frozenset({"queue-9"}))))


async def test_a_request_counts_once_and_needs_a_call(harness: Harness) -> None:
    request = asked()
    await ask(harness, request=request)
    with pytest.raises(Duplicate):
        await ask(harness, request=request)
    with pytest.raises(NothingToKeep):
        await harness.keeper.ask(KeepVerb.KEEP, asked())
    await harness.service.carry_out(await harness.service.intake.start(asked(), OTHER_CALL, None))
    accepted = await harness.keeper.ask(KeepVerb.KEEP, asked(), reason="mine")
    assert accepted.keep.conversation_id == OTHER_CALL


async def test_what_was_written_too_late_is_closed_and_never_sent(harness: Harness) -> None:
    over(harness)
    accepted = await ask(harness)
    writing: asyncio.Future[PendingKeep] = asyncio.get_running_loop().create_future()
    writing.set_result(accepted)
    await harness.service.intake.log._expire_if_written(accepted.keep.id, writing)
    harness.clock.advance(60)
    assert await harness.keeps_step() is None
    assert (harness.files.calls, keeps(harness)) == ([], [("keep", "failed")])
    assert trail_lines(harness.file) == ["requested recording:keep", "failed recording:keep"]


class FullStore:
    """A store whose disk is full."""

    async def write(self, *_: object, **__: object) -> None:
        raise AuditUnavailable


async def test_an_outcome_that_cannot_be_written_is_read_back_later(harness: Harness) -> None:
    over(harness)
    accepted = await ask(harness)
    full = replace(harness.keeper, outcomes=replace(harness.keeper.outcomes, store=FullStore()))  # type: ignore[arg-type]
    with pytest.raises(AuditUnavailable):
        await full.carry_out(accepted)
    harness.clock.advance(5)
    await harness.keeps_step()
    assert trail_lines(harness.file) == ["requested recording:keep", "observed recording:keep"]


async def test_always_keeps_every_recording_once(database: Database) -> None:
    async with open_harness(database, keep=KeepMode.ALWAYS) as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        changed = await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)
        await harness.service.carry_out(changed)  # type: ignore[arg-type]
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        lines = [line for line in trail_lines(harness.file) if "keep" in line]
        assert lines == ["requested recording:keep"]
        assert keeps(harness) == [("keep", "waiting")]
