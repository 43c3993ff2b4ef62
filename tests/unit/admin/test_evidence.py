"""The evidence for one call: proven by published roots, and nothing in the file can be changed unseen."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from bot.admin.evidence import Prove, is_evidence, verify_evidence
from bot.audit.evidence.file import EvidenceFile, Names, NotEvidence, TypedText
from bot.audit.reports.period import days
from bot.database.maintenance.erasure import Person
from bot.database.outbox.digests import SqlDigests
from bot.database.trail.day_trees import SqlDayTrees
from bot.database.trail.guards import AUDIT_TRIGGERS
from bot.errors import Refused
from bot.recording.models import Verb
from bot.slack.blocks.audit.evidence_pages import packed
from tests.support.clocks.fake_clock import BEGIN
from tests.support.databases.trail import attack, unguarded
from tests.support.recording.service import ADA, CALL, OTHER_CALL, asked, at_once
from tests.unit.admin.conftest import ADAS_WORDS, GRACES_WORDS, deliver
from tests.unit.audit.stranger import unproven_lines

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from bot.admin.verification_result import VerificationResult
    from bot.audit.evidence.file import Evidence
    from tests.unit.admin.conftest import Past

UTC_ZONE = ZoneInfo("UTC")
DAY = BEGIN.date()
CHANGES = 200


@dataclass(frozen=True)
class Proven:
    """A past whose day has a digest, and where evidence about it goes."""

    past: Past
    output: Path

    async def digest(self, day: date = DAY) -> str:
        """Publish the day's root as the bot does, and return it."""
        engines, store = self.past.harness.engines, self.past.harness.store
        tree = await SqlDayTrees(engines).next(days(day, day, UTC_ZONE))
        assert tree is not None
        at = self.past.harness.clock.now()
        assert await SqlDigests(engines, store).add(day, {"tree": tree}, entry_id=uuid7(), actor="bot", at=at)
        return str(tree["root"])

    async def prove(self, call: str = CALL, *, archive: bool = False, name: str = "call.zip") -> VerificationResult:
        where = self.past.archive if archive else None
        return await Prove(self.past.keeper, call, self.output / name, UTC_ZONE, where).run()

    @property
    def file(self) -> Path:
        return self.output / "call.zip"

    def read(self) -> Evidence:
        return EvidenceFile.unpacked(self.file.read_bytes()).evidence

    def page(self) -> str:
        return EvidenceFile.unpacked(self.file.read_bytes()).timeline


@pytest.fixture
def proven(past: Past, tmp_path: Path) -> Proven:
    return Proven(past, tmp_path)


async def test_a_call_is_proven_by_the_root_that_its_digest_published(proven: Proven) -> None:
    root = await proven.digest()

    written = await proven.prove()

    assert (written.ok, written.status) == (True, 0)
    assert f"root of {DAY} (digest #9): {root}" in written.text
    verdict = verify_evidence(proven.file, [root])
    assert (verdict.status, verdict.text.splitlines()[0]) == (0, f"Intact: 4 entries about call {CALL}, 4 proven.")
    assert unproven_lines(proven.file, root) == []
    assert proven.file.stat().st_mode & 0o777 == 0o600
    assert proven.past.story() == ["requested audit:export", "succeeded audit:export"]
    assert proven.past.entries()[-1]["outcome"]["format"] == "evidence"


async def test_without_the_root_it_says_what_to_compare(proven: Proven) -> None:
    root = await proven.digest()
    await proven.prove()

    verdict = verify_evidence(proven.file, [])

    assert (verdict.ok, verdict.status) == (True, 3)
    assert verdict.text.startswith(f"Not proven: 4 entries about call {CALL}, 0 proven.")
    assert (
        f"Not checked: the root of {DAY} (digest #9 in the audit channel). If it is {root}, add --root." in verdict.text
    )


async def test_another_root_is_refused(proven: Proven) -> None:
    await proven.digest()
    await proven.prove()

    verdict = verify_evidence(proven.file, ["0" * 64])

    assert verdict.status == 1
    assert f"no entry in it stands under the root {'0' * 64}." in verdict.text
    assert unproven_lines(proven.file, "0" * 64) == [1, 2, 3, 4]


async def test_it_shows_nothing_of_other_calls(proven: Proven) -> None:
    await proven.digest()
    await proven.prove()

    with zipfile.ZipFile(proven.file) as file:
        content = b"".join(file.read(name) for name in file.namelist()).decode()

    assert ADAS_WORDS in content
    assert GRACES_WORDS not in content
    assert OTHER_CALL not in content
    others = [one for one in proven.past.entries() if one["conversation_id"] != CALL]
    assert [one["id"] for one in others if one["id"] in content] == []


async def test_the_page_tells_the_story(proven: Proven) -> None:
    await proven.digest()
    await proven.prove()

    page = proven.page()

    assert "started recording" in page
    assert "stopped recording" in page
    assert ADAS_WORDS in page
    assert f"root of {DAY}" in page
    assert "<script" not in page
    assert "http" not in page  # nothing is loaded from anywhere


async def test_each_of_two_hundred_changes_is_found(proven: Proven) -> None:
    root = await proven.digest()
    await proven.prove()
    original, chance = proven.file.read_bytes(), random.Random(20261127)  # noqa: S311  not for secrets

    for _ in range(CHANGES):
        place, bit = chance.randrange(len(original)), 1 << chance.randrange(8)
        changed = original[:place] + bytes([original[place] ^ bit]) + original[place + 1 :]
        proven.file.write_bytes(changed)
        assert verify_evidence(proven.file, [root]).status == 1, (place, bit)
    proven.file.write_bytes(original[:-1])
    assert verify_evidence(proven.file, [root]).status == 1
    proven.file.write_bytes(original + b"\0")
    assert verify_evidence(proven.file, [root]).status == 1


async def test_a_forger_who_repairs_every_checksum_is_found(proven: Proven) -> None:
    """The file is written again around a change, with fitting checksums: only the root and the salts can tell."""
    root = await proven.digest()
    await proven.prove()
    file = EvidenceFile.unpacked(proven.file.read_bytes())
    evidence = file.evidence
    entry = dict(evidence.entries[0])
    entry["actor"] = "slack:T0SANDBOX:U0INNOCENT"
    (text,) = evidence.typed
    swapped = tuple(replace(one, path=evidence.proofs[0].path) for one in evidence.proofs)
    forged = {
        "was changed: its content does not match its hash": replace(evidence, entries=(entry, *evidence.entries[1:])),
        "the typed text of entry 1 isn't": replace(evidence, typed=(replace(text, text="nothing at all"),)),
        "a typed text that belongs to no entry": replace(evidence, typed=(text, TypedText(str(uuid7()), "x", "00"))),
        "doesn't lead to the root": replace(evidence, proofs=swapped),
        "about another call": replace(evidence, conversation_id=OTHER_CALL),
        "exactly one proof": replace(evidence, entries=evidence.entries[:-1]),
        "the page timeline isn't the one": replace(evidence, names=Names({ADA: "Mallory"}, {}, {})),
        "has no proof, and no reason why": replace(
            evidence, proofs=evidence.proofs[1:], unproven={evidence.proofs[0].seq: "because"}
        ),
        "the order of their numbers": replace(evidence, entries=evidence.entries[::-1]),
        "names a digest that the file doesn't have": replace(evidence, trees=()),
    }
    for sentence, false in forged.items():
        proven.file.write_bytes(replace(file, evidence=false).packed())
        verdict = verify_evidence(proven.file, [root])
        assert (verdict.status, sentence in verdict.text) == (1, True), (sentence, verdict.text)


async def test_a_forged_trail_leads_to_another_root(proven: Proven) -> None:
    root = await proven.digest()
    await proven.prove()
    file = EvidenceFile.unpacked(proven.file.read_bytes())
    tree = replace(file.evidence.trees[0], root="a" * 64)
    proven.file.write_bytes(replace(file, evidence=replace(file.evidence, trees=(tree,))).packed())

    assert "doesn't lead to the root" in verify_evidence(proven.file, [root]).text


async def test_an_entry_without_a_root_yet_says_so_and_is_proven_later(proven: Proven) -> None:
    written = await proven.prove(name="early.zip")

    assert (written.ok, written.status) == (True, 3)
    assert "entry 1 has no proof: no digest has published a root for it yet" in written.text
    early = verify_evidence(proven.output / "early.zip", [])
    assert (early.status, "entry 1: no digest has published a root for it yet." in early.text) == (3, True)

    root = await proven.digest()
    await proven.prove()
    assert verify_evidence(proven.file, [root]).status == 0


async def test_a_call_of_two_days_takes_both_roots(proven: Proven) -> None:
    first = await proven.digest()
    harness = proven.past.harness
    harness.clock.advance(timedelta(days=1).total_seconds())
    await harness.service.carry_out(await harness.service.intake.start(asked(ADA), CALL, "again"))
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(ADA), typed_id=CALL)))
    second = await proven.digest(DAY + timedelta(days=1))
    await proven.prove()

    assert verify_evidence(proven.file, [first]).status == 3
    assert verify_evidence(proven.file, [first, second]).status == 0
    trees = await SqlDayTrees(harness.engines).published()
    assert trees[1].first_seq == trees[0].last_seq + 1  # every entry is under exactly one root


async def test_entries_from_before_the_first_root_say_so(proven: Proven) -> None:
    harness = proven.past.harness
    harness.clock.advance(timedelta(days=2).total_seconds())
    await harness.service.carry_out(await harness.service.intake.start(asked(ADA), OTHER_CALL, None))
    await proven.digest(DAY + timedelta(days=2))

    written = await proven.prove()

    assert (written.status, "entry 1 has no proof: it is older than the first root" in written.text) == (3, True)
    assert verify_evidence(proven.file, []).status == 3


async def test_a_late_entry_with_a_time_of_a_day_that_has_its_root_is_in_the_next_one(proven: Proven) -> None:
    """The clock was set back after the digest."""
    await proven.digest()
    harness = proven.past.harness
    await harness.service.carry_out(await harness.service.intake.start(asked(ADA), CALL, None))
    late = len(proven.past.entries())
    harness.clock.advance(timedelta(days=1).total_seconds())
    await harness.service.carry_out(await harness.service.intake.start(asked(ADA), OTHER_CALL, None))
    root = await proven.digest(DAY + timedelta(days=1))
    await proven.prove()

    proof = next(one for one in proven.read().proofs if one.seq == late)
    tree = next(one for one in proven.read().trees if one.digest_seq == proof.digest_seq)
    assert tree.root == root


async def test_erased_words_stay_proven_without_being_shown(proven: Proven) -> None:
    root = await proven.digest()
    await proven.past.keeper.erase(Person.read(ADA), despite_hold=False)
    await proven.prove()

    assert verify_evidence(proven.file, [root]).status == 0
    assert ADAS_WORDS not in proven.page()
    assert "Its text has been erased since." in proven.page()


async def test_archived_entries_need_the_archive(proven: Proven) -> None:
    root = await proven.digest()
    await deliver(proven.past.harness)
    await proven.past.archived()

    with pytest.raises(Refused, match="has no entry about the call"):
        await proven.prove()
    written = await proven.prove(archive=True)

    assert (written.status, verify_evidence(proven.file, [root]).status) == (0, 0)


async def test_words_changed_in_the_database_are_not_given_out_as_evidence(proven: Proven) -> None:
    await proven.digest()
    guard = "typed_texts_no_update"
    forged = "UPDATE typed_texts SET text = 'forged'"
    attack(proven.past.file, f"DROP TRIGGER {guard}", forged, AUDIT_TRIGGERS[guard])

    with pytest.raises(Refused, match="can't prove this call: the typed text of entry 1"):
        await proven.prove()
    assert not proven.file.exists()


async def test_entries_that_no_longer_lead_to_their_root_are_refused(proven: Proven) -> None:
    await proven.digest()
    changed = f"UPDATE audit_entries SET hash = '{'b' * 64}' WHERE seq = 8"  # noqa: S608  an attack of our own
    guard = "audit_entries_no_update"
    attack(proven.past.file, *unguarded(proven.past.file, guard), changed, AUDIT_TRIGGERS[guard])

    with pytest.raises(Refused, match="no longer lead to the root that their digest"):
        await proven.prove()


async def test_a_call_that_is_unknown_and_a_file_that_exists(proven: Proven) -> None:
    with pytest.raises(Refused, match="no entry about the call"):
        await proven.prove("00000000-0000-4000-8000-000000000000")
    proven.file.write_text("mine")
    with pytest.raises(Refused, match="already exists; choose another name"):
        await proven.prove()
    assert proven.file.read_text() == "mine"


@pytest.mark.parametrize("facts", ["[]", "{}", '{"format":1}', "null", "\ud800", '{"a":1,"a":2}'])
async def test_facts_that_were_never_written_are_refused(proven: Proven, facts: str) -> None:
    await proven.digest()
    await proven.prove()
    with zipfile.ZipFile(proven.file) as file:
        members = {one: file.read(one.filename) for one in file.infolist()}
    *parts, sums = members
    members[parts[1]] = facts.encode("utf-8", "surrogatepass") + b"\n"
    lines = (f"{hashlib.sha256(members[one]).hexdigest()}  {one.filename}\n" for one in parts)
    members[sums] = "".join(lines).encode()
    with zipfile.ZipFile(proven.file, "w") as file:
        for one, data in members.items():
            file.writestr(one, data)

    verdict = verify_evidence(proven.file, [])

    assert (verdict.status, "evidence.json" in verdict.text or "isn't text" in verdict.text) == (1, True), verdict.text


async def test_numbers_of_the_wrong_kind_are_refused(proven: Proven) -> None:
    await proven.digest()
    await proven.prove()
    file = EvidenceFile.unpacked(proven.file.read_bytes())
    tree = replace(file.evidence.trees[0], first_seq="1")  # type: ignore[arg-type]

    data = replace(file, evidence=replace(file.evidence, trees=(tree,))).packed()

    with pytest.raises(NotEvidence, match="isn't as docs/audit-format"):
        EvidenceFile.unpacked(data)


def test_only_a_zip_file_is_taken_for_evidence(tmp_path: Path) -> None:
    file = tmp_path / "trail.jsonl"
    file.write_text(json.dumps({"seq": 1}))
    assert not is_evidence(file)
    file.write_bytes(b"PK")
    assert is_evidence(file)
    assert verify_evidence(file, []).text == f"BROKEN: {file}: it isn't a whole ZIP file (File is not a zip file)."


async def test_the_same_evidence_is_the_same_file(proven: Proven) -> None:
    await proven.digest()
    await proven.prove()

    assert packed(proven.read()) == proven.file.read_bytes()
