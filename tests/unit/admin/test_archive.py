"""Old entries leave the database without a gap in what can be verified, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.audit.files import Archive
from bot.database.maintenance import archive as archive_of_database
from bot.database.migrate import upgrade
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.queries.metrics import SqlFigures
from bot.errors import DatabaseUnusable, MalformedId, OutcomeUnknown, Refused
from tests.support.recording.service import CALL, asked
from tests.unit.admin.conftest import BETWEEN, deliver, forge
from tests.unit.audit.stranger import first_bad_line

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.audit.archive import Tombstone
    from tests.unit.admin.conftest import Past

OLD = 8
"""How many entries the past has."""


async def test_old_entries_move_into_a_file_and_the_chain_goes_on(past: Past) -> None:
    before = past.entries()

    said = await past.archived()

    assert said == f"Archived entries 1 to {OLD} to {past.archive} (1 file)."
    assert [one["seq"] for one in past.entries()] == [OLD + 1, OLD + 2]
    assert past.story() == ["requested audit:archive", "succeeded audit:archive"]
    (segment,) = Archive(past.archive).segments()
    file = past.archive / segment.file
    assert [json.loads(line) for line in file.read_text().splitlines()] == before
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (past.archive / f"{segment.file}.sha256").read_text() == f"{digest}  {segment.file}\n"
    assert past.entries()[-1]["outcome"] == {
        "first_seq": 1,
        "last_seq": OLD,
        "count": OLD,
        "previous_hash": "0" * 64,
        "last_hash": before[-1]["hash"],
        "sha256": digest,
    }
    assert first_bad_line(file) is None
    assert {path.suffix for path in past.archive.iterdir()} == {".jsonl", ".json", ".sha256"}
    assert {path.stat().st_mode & 0o777 for path in past.archive.iterdir()} == {0o600}


async def test_the_rest_verifies_and_says_what_is_archived(past: Past) -> None:
    await past.archived()

    alone, together = await past.verdict(), await past.verdict(archive=True)

    assert alone.status == 3
    assert "Part of a trail, and intact as far as it goes: 2 entries, #9 to #10." in alone.text
    assert f"Not checked: entries 1 to {OLD}. Entry {OLD + 2} says that they are archived; add" in alone.text
    assert f"entries 1 to {OLD} are archived (entry {OLD + 2} names the file of 1 to {OLD}, SHA-256 " in alone.text
    assert together.status == 0
    assert f"Intact: {OLD + 2} entries, #1 to #{OLD + 2}." in together.text
    assert f"entries 1 to {OLD} are in the archive and were checked too" in together.text


async def test_the_guards_stand_afterwards_and_entries_go_on(past: Past) -> None:
    await past.archived()

    await upgrade(past.harness.engines)
    with pytest.raises(MalformedId):
        await past.harness.service.intake.start(asked(), "no id", None)
    assert past.entries()[-1]["seq"] == OLD + 3
    for attack in ("DELETE FROM audit_entries", "UPDATE audit_entries SET actor = 'x'"):
        with closing(sqlite3.connect(past.file)) as outsider, pytest.raises(sqlite3.IntegrityError, match="never"):
            outsider.execute(attack)
    assert (await past.verdict(archive=True)).ok


async def test_what_is_left_is_delivered_in_order(past: Past) -> None:
    outbox = SqlOutbox(past.harness.engines)
    await past.archived()

    figures = SqlFigures(past.harness.engines)
    assert (await figures.fetch(past.harness.clock.now())).lines == 2
    assert [entry.seq for entry, _ in await outbox.undelivered()] == [OLD + 1, OLD + 2]
    await deliver(past.harness)
    assert (await figures.fetch(past.harness.clock.now())).lines == 0


async def test_several_segments_and_a_later_run(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_of_database, "SEGMENT_ENTRIES", 3)

    assert "(3 files)" in await past.archived()
    assert (await past.verdict(archive=True)).ok
    await deliver(past.harness)
    past.harness.clock.advance(timedelta(days=800).total_seconds())
    past.keeper.clock.advance(timedelta(days=100).total_seconds())  # type: ignore[attr-defined]
    assert "(2 files)" in await past.archived(past.keeper.clock.now() - timedelta(days=1))

    ranges = [(one.first_seq, one.last_seq) for one in Archive(past.archive).segments()]
    assert ranges == [(1, 3), (4, 6), (7, 8), (9, 11), (12, 14)]
    alone = await past.verdict()
    assert alone.ok, alone.text
    assert "entries 1 to 14 are archived" in alone.text
    assert (await past.verdict(archive=True)).ok


async def test_nothing_is_old_enough(past: Past) -> None:
    before = past.entries()

    assert "Nothing to archive" in await past.archived(BETWEEN - timedelta(days=300))
    assert past.entries() == before


# Refusals


async def test_a_date_in_the_future_is_refused(past: Past) -> None:
    with pytest.raises(Refused, match="--before must be in the past"):
        await past.archived(past.keeper.clock.now() + timedelta(days=1))


async def test_a_legal_hold_refuses_and_its_release_allows(past: Past) -> None:
    await past.keeper.hold(on=True, reason="case 7")
    with pytest.raises(Refused, match=r"case 7.*Nothing can be archived"):
        await past.archived()
    with pytest.raises(Refused, match="Legal hold since"):
        await past.keeper.hold(on=True, reason="case 8")
    assert "(#9): case 7" in await past.keeper.hold_status()
    assert past.entries()[-1]["outcome"]["cause"] == "legal_hold"

    await past.keeper.hold(on=False, reason="closed")
    assert await past.keeper.hold_status() == "There is no legal hold."
    with pytest.raises(Refused, match="There is no legal hold"):
        await past.keeper.hold(on=False, reason="closed")
    await past.archived()

    assert past.story() == [
        "succeeded audit:hold",
        "failed audit:archive",
        "succeeded audit:release",
        "requested audit:archive",
        "succeeded audit:archive",
    ]


async def test_words_of_a_hold_are_beside_the_entry(past: Past) -> None:
    await past.keeper.hold(on=True, reason="case 7")

    entry = past.entries()[-1]
    assert "case 7" not in json.dumps(entry)
    assert entry["reason_digest"] is not None


async def test_an_unsettled_attempt_refuses(past: Past) -> None:
    past.harness.control.late_fault = OutcomeUnknown()
    await past.harness.service.carry_out(await past.harness.service.intake.start(asked(), CALL, None))
    await deliver(past.harness)

    with pytest.raises(Refused, match="isn't settled yet"):
        await past.archived()
    assert past.entries()[-1]["outcome"]["cause"] == "unsettled_attempt"


async def test_an_undelivered_entry_refuses(past: Past) -> None:
    with pytest.raises(MalformedId):
        await past.harness.service.intake.start(asked(), "no id", None)

    with pytest.raises(Refused, match=f"Entry {OLD + 1} hasn't reached the audit channel"):
        await past.archived()
    assert past.entries()[-1]["outcome"]["cause"] == "undelivered_entry"


@pytest.mark.parametrize(
    ("forged", "error", "words"),
    [("'slack:T:U0EVE'", Refused, "Entry 3 was changed"), ("CAST(x'ff' AS TEXT)", DatabaseUnusable, "decode")],
)
async def test_a_broken_trail_is_not_archived(past: Past, forged: str, error: type[Exception], words: str) -> None:
    forge(past, f"UPDATE audit_entries SET actor = {forged} WHERE seq = 3")  # noqa: S608  the test's own

    with pytest.raises(error, match=words):
        await past.archived()
    phases = past.rows("SELECT phase FROM audit_entries WHERE action = 'audit:archive' ORDER BY seq")
    assert [row["phase"] for row in phases] == ["requested", "failed"]
    assert past.rows("SELECT count(*) AS entries FROM audit_entries") == [{"entries": OLD + 2}]
    assert not list(past.archive.glob("*.jsonl"))


# Crashes


class Killed(Exception):
    """Stands for a kill -9: nothing after it runs."""


async def killed_before_the_removal(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_connection: Connection, _tombstone: Tombstone) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bot.admin.archive.remove", die)
        with pytest.raises(Killed):
            await past.archived()
    assert past.story() == ["requested audit:archive", "succeeded audit:archive"]
    assert len(past.entries()) == OLD + 2


async def test_a_crash_before_the_tombstone_leaves_everything(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bot.admin.archive.write_segment", die)
        with pytest.raises(Killed):
            await past.archived()
    assert (await past.verdict()).ok

    await past.archived()
    assert (await past.verdict(archive=True)).ok


async def test_a_crash_between_tombstone_and_removal_is_finished_by_the_next_run(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_before_the_removal(past, monkeypatch)
    assert (await past.verdict()).ok
    assert (await past.verdict(archive=True)).ok

    await past.archived()

    assert [one["seq"] for one in past.entries()] == [OLD + 1, OLD + 2]
    assert (await past.verdict(archive=True)).ok


@pytest.mark.parametrize("lost", ["*.jsonl", "*.json", "*"])
async def test_a_file_that_was_lost_meanwhile_is_written_again(
    past: Past, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    await killed_before_the_removal(past, monkeypatch)
    for path in past.archive.glob(lost):
        path.unlink()

    await past.archived()

    assert (await past.verdict(archive=True)).ok


async def test_a_hold_that_comes_in_between_keeps_the_rows(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    await killed_before_the_removal(past, monkeypatch)
    await past.keeper.hold(on=True, reason="case 7")

    with pytest.raises(Refused, match="case 7"):
        await past.archived()
    assert past.entries()[0]["seq"] == 1


async def test_a_removal_that_fails_leaves_the_guards_and_the_rows(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_connection: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bot.database.trail.guards.check_guards", refuse)
        async with past.keeper.opened():  # brings the schema to head with the real check
            pass
        with pytest.raises(Killed):
            await past.archived()

    assert past.entries()[0]["seq"] == 1
    await upgrade(past.harness.engines)


# Attacks


async def test_rows_that_vanish_without_a_tombstone_are_missed(past: Past) -> None:
    forge(past, "DELETE FROM audit_deliveries", "DELETE FROM audit_entries WHERE seq <= 3")

    verdict = await past.verdict()

    assert not verdict.ok
    assert "Entries 1 to 3 are missing." in verdict.text


async def test_more_than_the_tombstone_names_is_missed(past: Past) -> None:
    await past.archived()
    forge(past, "DELETE FROM audit_entries WHERE seq = (SELECT min(seq) FROM audit_entries)")

    verdict = await past.verdict()

    assert not verdict.ok
    assert f"Entries 1 to {OLD + 1} are missing." in verdict.text


async def test_another_past_than_the_archived_one_is_found(past: Past) -> None:
    await past.archived()
    forge(past, "UPDATE audit_entries SET previous_hash = hash WHERE seq = (SELECT min(seq) FROM audit_entries)")

    verdict = await past.verdict()

    assert not verdict.ok
    assert f"Entry {OLD + 1} was changed" in verdict.text


def change_a_word(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"U0GRACE", b"U0GRADE"))


def change_a_word_and_the_manifest(file: Path) -> None:
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    change_a_word(file)
    manifest = file.with_suffix(".manifest.json")
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(file.read_bytes()).hexdigest()))


def write_it_another_way(file: Path) -> None:
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    lines = [json.dumps(json.loads(line), sort_keys=True) for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines) + "\n")
    manifest = file.with_suffix(".manifest.json")
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(file.read_bytes()).hexdigest()))


def cut_it(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def remove_it(file: Path) -> None:
    file.unlink()


def spoil_the_manifest(file: Path) -> None:
    file.with_suffix(".manifest.json").write_text("{}")


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (change_a_word, "was changed: its SHA-256"),
        (change_a_word_and_the_manifest, "was changed: its content"),
        (write_it_another_way, "isn't in the form"),
        (cut_it, "was changed: its SHA-256"),
        (remove_it, "is missing"),
        (spoil_the_manifest, "not a manifest"),
    ],
)
async def test_a_changed_archive_is_found(past: Past, attack: Any, found: str) -> None:
    await past.archived()
    (segment,) = Archive(past.archive).segments()
    attack(past.archive / segment.file)

    verdict = await past.verdict(archive=True)

    assert not verdict.ok
    assert verdict.text.startswith("BROKEN: ")
    assert found in verdict.text


async def test_a_segment_that_is_not_there_is_missed(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_of_database, "SEGMENT_ENTRIES", 3)
    await past.archived()
    first, middle, _ = Archive(past.archive).segments()

    for path in past.archive.glob(f"{middle.file.removesuffix('.jsonl')}*"):
        path.unlink()
    assert "does not go on where" in (await past.verdict(archive=True)).text

    for path in past.archive.glob(f"{first.file.removesuffix('.jsonl')}*"):
        path.unlink()
    only_the_last = await past.verdict(archive=True)
    assert only_the_last.status == 1
    assert "Entries 1 to 6 are not in" in only_the_last.text


async def test_what_the_channel_saw_of_archived_entries(past: Past) -> None:
    seen = {one["hash"]: one["seq"] for one in past.entries()}
    await past.archived()

    alone = await past.verdict(wanted=dict(seen))
    assert alone.ok
    assert f"Not checked: {OLD - 1} anchors belong to entries that were not read." in alone.text
    assert (await past.verdict(archive=True, wanted=dict(seen))).ok
    forged = {("ab" * 32): 3}
    assert not (await past.verdict(archive=True, wanted=dict(forged))).ok
    assert "add --archive DIR." in (await past.verdict(wanted={"ab" * 32: None})).text


async def test_a_tombstone_for_other_entries_removes_nothing(past: Past) -> None:
    await past.archived()
    (segment,) = Archive(past.archive).segments()

    with pytest.raises(Refused, match="differ from the archived ones"):
        await past.harness.engines.writer.transaction(
            lambda connection: archive_of_database.remove(connection, segment.tombstone())
        )
    assert len(past.entries()) == 2


async def test_the_next_number_is_guarded_when_only_the_tombstone_is_left(past: Past) -> None:
    await past.archived()
    await deliver(past.harness)
    forge(
        past,
        "DELETE FROM audit_deliveries",
        "DELETE FROM audit_entries WHERE action != 'audit:archive' OR phase != 'succeeded'",
    )

    with pytest.raises(MalformedId):
        await past.harness.service.intake.start(asked(), "no id", None)
    assert [one["seq"] for one in past.entries()] == [OLD + 2, OLD + 3]
