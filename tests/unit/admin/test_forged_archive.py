"""History that was removed under a forged tombstone, or whose archive was lost, is never called intact."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from uuid_utils.compat import uuid7

from bot.admin.destroy import Destruction
from bot.audit.archive import Tombstone
from bot.audit.entry import Draft, Phase, chain, record
from bot.audit.export import json_line
from bot.audit.files import Archive
from bot.audit.stored import COLUMNS
from bot.database.maintenance import archive as archive_of_database
from bot.errors import Refused
from tests.support.clocks.fake_clock import BEGIN
from tests.unit.admin.conftest import deliver, guards_lifted
from tests.unit.audit.stranger import Stranger

if TYPE_CHECKING:
    from pathlib import Path

    from bot.admin.verification_result import VerificationResult
    from tests.unit.admin.conftest import Past

OLD = 8


def appended(entries: list[dict[str, Any]], action: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """Return the entry that somebody with the file would append, with its right place in the chain."""
    draft = Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=BEGIN + timedelta(days=1),
        phase=Phase.SUCCEEDED,
        action=action,
        actor="cli:eve",
        origin={"source": "cli"},
        outcome=outcome,
    )
    last = entries[-1]
    entry = chain(draft, seq=last["seq"] + 1, previous_hash=last["hash"])
    return {**record(draft, entry.seq), "previous_hash": entry.previous_hash, "hash": entry.hash}


def remove_under_a_forged_tombstone(past: Past, *, destroyed: bool = False) -> None:
    """Remove all entries but the last two, as the owner of the file, and say that they were archived."""
    entries = past.entries()
    gone = entries[:-2]
    tombstone = Tombstone(
        first_seq=1,
        last_seq=gone[-1]["seq"],
        count=len(gone),
        previous_hash="0" * 64,
        last_hash=gone[-1]["hash"],
        sha256="ab" * 32,
    )
    forged = [appended(entries, "audit:archive", tombstone.facts())]
    if destroyed:
        forged.append(appended(forged, "audit:destroy", {"last_seq": gone[-1]["seq"], "files": 1}))
    with guards_lifted(past) as owner:
        owner.execute("DELETE FROM audit_deliveries WHERE seq <= ?", (gone[-1]["seq"],))
        owner.execute("DELETE FROM audit_entries WHERE seq <= ?", (gone[-1]["seq"],))
        for entry in forged:
            values = [json.dumps(v, separators=(",", ":"), sort_keys=True) if isinstance(v, dict) else v for v in
                      (entry[name] for name in COLUMNS)]  # fmt: skip
            owner.execute(f"INSERT INTO audit_entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * 16)})", values)  # noqa: S608


def stranger_says(past: Past, folder: Path, *, archive: bool = True, destroyed: int = 0, **options: Any) -> str:
    export = folder / "export.jsonl"
    export.write_text("".join(map(json_line, past.entries())))
    return Stranger(past.archive if archive else None, destroyed, **options).verdict(export)


def status(verdict: VerificationResult) -> str:
    return {0: "intact", 1: "broken", 3: "part"}[verdict.status]


async def test_a_forged_tombstone_is_broken_with_every_witness(past: Past, tmp_path: Path) -> None:
    seen = {one["hash"]: one["seq"] for one in past.entries()}
    past.archive.mkdir()
    remove_under_a_forged_tombstone(past)

    verdict = await past.verdict(archive=True, wanted=dict(seen))

    assert verdict.status == 1
    assert verdict.text.startswith(
        f"BROKEN: Entries 1 to 6 are not in {past.archive}, although entry 9 says that they were archived"
    )
    assert stranger_says(past, tmp_path, anchors=seen) == "broken"


async def test_without_the_archive_it_is_a_part_and_says_what_was_not_checked(past: Past, tmp_path: Path) -> None:
    seen = {one["hash"]: one["seq"] for one in past.entries()}
    remove_under_a_forged_tombstone(past)

    plain, anchored = await past.verdict(), await past.verdict(wanted=dict(seen))

    assert (plain.status, anchored.status) == (3, 3)
    assert plain.text.startswith("Part of a trail, and intact as far as it goes: 3 entries, #7 to #9.")
    assert "Not checked: entries 1 to 6. Entry 9 says that they are archived; add --archive DIR." in plain.text
    assert "Not checked: 5 anchors belong to entries that were not read." in anchored.text
    assert stranger_says(past, tmp_path, archive=False, anchors=seen) == "part"


async def test_a_forged_destruction_is_broken_unless_the_reader_says_so(past: Past, tmp_path: Path) -> None:
    past.archive.mkdir()
    remove_under_a_forged_tombstone(past, destroyed=True)

    verdict = await past.verdict(archive=True)

    assert verdict.status == 1
    assert "Entry 10 says that they were destroyed on purpose; if you know that this is true, add --destroyed 6." in (
        verdict.text
    )
    assert stranger_says(past, tmp_path) == "broken"


async def test_an_archive_that_was_lost_is_broken(past: Past, tmp_path: Path) -> None:
    await past.archived()
    for path in past.archive.iterdir():
        path.unlink()

    verdict = await past.verdict(archive=True)

    assert verdict.status == 1
    assert f"Entries 1 to {OLD} are not in" in verdict.text
    assert (await past.verdict(archive=True, destroyed=OLD)).status == 1  # the trail says nothing of it
    assert stranger_says(past, tmp_path) == stranger_says(past, tmp_path, destroyed=OLD) == "broken"


async def test_files_destroyed_on_purpose_are_in_the_trail(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {one["hash"]: one["seq"] for one in past.entries()}
    monkeypatch.setattr(archive_of_database, "SEGMENT_ENTRIES", 3)
    await past.archived()

    said = await Destruction(past.keeper, 6, past.archive, "ten years are over").run()

    assert said == "Destroyed the archive files of entries 1 to 6 (2 files)."
    assert [one.first_seq for one in Archive(past.archive).segments()] == [7]
    assert len(list(past.archive.iterdir())) == 3
    entries = past.entries()
    assert [(one["phase"], one["action"], one["outcome"]) for one in entries[-2:]] == [
        ("requested", "audit:destroy", {"last_seq": 6, "files": 2}),
        ("succeeded", "audit:destroy", {"last_seq": 6, "files": 2}),
    ]
    assert entries[-2]["reason_digest"] is not None

    named = await past.verdict(archive=True, destroyed=6)
    assert named.status == 0
    assert f"entries 1 to 6 were destroyed on purpose, as --destroyed says (entry {entries[-1]['seq']})" in named.text
    assert (await past.verdict(archive=True)).status == 1
    anchored = await past.verdict(archive=True, destroyed=6, wanted=dict(seen))
    assert anchored.status == 3
    assert "Not checked: 5 anchors belong to entries that were not read." in anchored.text
    assert stranger_says(past, tmp_path, destroyed=6) == "intact"
    assert stranger_says(past, tmp_path, destroyed=6, anchors=seen) == "part"


async def test_what_may_not_be_destroyed(past: Past) -> None:
    await past.archived()
    with pytest.raises(Refused, match="5 isn't the last entry of an archive file"):
        await Destruction(past.keeper, 5, past.archive, "x").run()
    with pytest.raises(Refused, match="is still in the database"):
        await Destruction(past.keeper, OLD + 1, past.archive, "x").run()
    await past.keeper.hold(on=True, reason="case 7")
    with pytest.raises(Refused, match="case 7"):
        await Destruction(past.keeper, OLD, past.archive, "x").run()
    assert past.entries()[-1]["outcome"] == {"last_seq": OLD, "error": "refused", "cause": "legal_hold"}
    assert (await past.verdict(archive=True)).status == 0


async def test_a_lost_directory_can_be_admitted(past: Past) -> None:
    await past.archived()
    for path in past.archive.iterdir():
        path.unlink()

    said = await Destruction(past.keeper, OLD, past.archive, "the disk was lost").run()

    assert said.startswith(f"Noted that the archive files of entries 1 to {OLD} are gone; none was in {past.archive}.")
    assert (await past.verdict(archive=True, destroyed=OLD)).status == 0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("bytes", 1),
        ("first_at", "2020-01-01T00:00:00.000000Z"),
        ("last_at", "2020-01-01T00:00:00.000000Z"),
        ("first_hash", "ab" * 32),
        ("previous_hash", "ab" * 32),
        ("created_at", "yesterday"),
        ("count", 7),
        ("first_seq", 2),
    ],
)
async def test_every_member_of_a_manifest_is_checked(past: Past, tmp_path: Path, member: str, value: Any) -> None:
    await past.archived()
    (manifest,) = past.archive.glob("*.manifest.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), member: value}, indent=2) + "\n")

    verdict = await past.verdict(archive=True)

    assert verdict.status == 1, verdict.text
    assert stranger_says(past, tmp_path) == "broken"


@pytest.mark.parametrize("text", [None, "", f"{'ab' * 32}  audit-0000000001-0000000008.jsonl\n"])
async def test_the_checksum_file_is_checked(past: Past, tmp_path: Path, text: str | None) -> None:
    await past.archived()
    (file,) = past.archive.glob("*.sha256")
    if text is None:
        file.unlink()
    else:
        file.write_text(text)

    verdict = await past.verdict(archive=True)

    assert verdict.status == 1
    assert str(file) in verdict.text
    assert stranger_says(past, tmp_path) == "broken"


async def test_an_honest_archive_is_intact_for_a_stranger_too(past: Past, tmp_path: Path) -> None:
    seen = {one["hash"]: one["seq"] for one in past.entries()}
    await past.archived()
    await deliver(past.harness)

    assert status(await past.verdict(archive=True, wanted=dict(seen))) == "intact"
    assert stranger_says(past, tmp_path, anchors=seen) == "intact"
    assert status(await past.verdict()) == stranger_says(past, tmp_path, archive=False) == "part"
