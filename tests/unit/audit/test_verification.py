"""Every attack on a trail is found, and named at the first entry that it touched."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from bot.admin.audit import verify_file
from bot.audit.anchors import read_anchor, read_anchors
from bot.audit.entry import GENESIS_HASH, Draft, Phase, chain, record
from bot.audit.export import csv_line, json_line
from bot.audit.stored import COLUMNS, _encode
from bot.audit.verification import Verifier
from tests.unit.audit.stranger import Stranger, first_bad_line

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 40


def trail(length: int = LENGTH) -> list[dict[str, Any]]:
    entries, previous = [], GENESIS_HASH
    begin = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for seq in range(1, length + 1):
        draft = Draft(
            id=uuid7(),
            attempt_id=uuid7(),
            occurred_at=begin + timedelta(seconds=seq),
            phase=Phase.REQUESTED if seq % 2 else Phase.SUCCEEDED,
            action="recording:start",
            actor="slack:T0SANDBOX:U0ADA",
            conversation_id=str(uuid7()),
            origin={"source": "command", "channel": "C0FLOOR", "trigger": f"ü{seq}\n\u2028"},
            outcome={} if seq % 2 else {"mechanism": "adhoc", "created": True, "http_status": 202},
        )
        entry = chain(draft, seq=seq, previous_hash=previous)
        previous = entry.hash
        entries.append({**record(draft, seq), "previous_hash": entry.previous_hash, "hash": entry.hash})
    return entries


def verified(entries: list[dict[str, Any]], **options: Any) -> Verifier:
    verifier = Verifier(**options)
    for entry in entries:
        if verifier.feed(entry):
            break
    verifier.finish()
    return verifier


def flaw_of(entries: list[dict[str, Any]], **options: Any) -> str:
    verifier = verified(entries, **options)
    assert verifier.flaw is not None
    return str(verifier.flaw)


def test_an_intact_trail() -> None:
    entries = trail()
    verifier = verified(entries, wanted={entries[20]["hash"]: 21, entries[-1]["hash"]: None})
    assert verifier.flaw is None
    assert (verifier.entries, verifier.head) == (LENGTH, entries[-1]["hash"])


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in {"seq", "previous_hash"}])
def test_a_changed_field(name: str) -> None:
    entries = trail()
    entries[9][name] = {"forged": True} if name in {"origin", "outcome"} else "forged"
    assert flaw_of(entries).startswith("Entry 10 was changed")


def test_a_removed_entry() -> None:
    entries = trail()
    del entries[9]
    assert flaw_of(entries) == "Entry 10 is missing."
    del entries[9]
    assert flaw_of(entries) == "Entries 10 to 11 are missing."


def test_a_removed_entry_with_its_number_given_to_the_next() -> None:
    entries = trail()
    del entries[9]
    for seq, entry in enumerate(entries, start=1):
        entry["seq"] = seq
    assert "Entry 10 doesn't follow entry 9" in flaw_of(entries)


def test_swapped_entries() -> None:
    entries = trail()
    entries[9], entries[10] = entries[10], entries[9]
    assert flaw_of(entries) == "Entry 10 is missing."
    entries[9]["seq"], entries[10]["seq"] = 10, 11
    assert "Entry 10 doesn't follow" in flaw_of(entries)


def test_an_inserted_entry() -> None:
    entries = trail()
    forged = deepcopy(entries[9])
    entries.insert(10, forged)
    assert flaw_of(entries).startswith("Entry 10 comes after entry 10")


def test_a_cut_tail_shows_only_from_outside() -> None:
    entries = trail()
    seen = entries[-1]["hash"]
    assert verified(entries[:-5]).flaw is None
    assert "Entries were removed at the end" in flaw_of(entries[:-5], wanted={seen: None})


def test_a_trail_written_anew_shows_only_from_outside() -> None:
    entries, anew = trail(), trail()
    assert verified(anew).flaw is None
    assert "Entry 12 had the hash" in flaw_of(anew, wanted={entries[11]["hash"]: 12})


def test_every_single_bit_change_of_a_sample_is_found(tmp_path: Path) -> None:
    entries = trail(10)
    whole = "".join(map(json_line, entries)).encode()
    file = tmp_path / "trail.jsonl"
    chance = random.Random(4)  # noqa: S311  a fixed sample
    for _ in range(200):
        forged = bytearray(whole)
        forged[chance.randrange(len(forged))] ^= 1 << chance.randrange(8)
        file.write_bytes(forged)
        assert _verify(file), forged


def _verify(file: Path) -> bool:
    """Say whether the bot finds a flaw in the file."""
    return not verify_file(file, Verifier(), lambda _done, _total: None).ok


def test_a_stranger_comes_to_the_same_verdict(tmp_path: Path) -> None:
    entries = trail()
    file = tmp_path / "trail.jsonl"
    file.write_text("".join(map(json_line, entries)))
    assert first_bad_line(file) is None
    entries[9]["actor"] = "slack:T0SANDBOX:U0EVE"
    file.write_text("".join(map(json_line, entries)))
    assert first_bad_line(file) == 10


def test_a_part_of_a_trail_can_be_checked_as_far_as_it_goes() -> None:
    entries = [entry for entry in trail() if entry["seq"] % 3]
    verifier = verified(entries, whole=False)
    assert verifier.flaw is None
    assert verifier.gaps == LENGTH // 3
    entries[5]["actor"] = "forged"
    assert "was changed" in flaw_of(entries, whole=False)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.dictionaries(st.text(st.characters(max_codepoint=0xD7FF)), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["source", "channel", "error", "note"]), values))
def test_the_quick_encoder_writes_what_rfc_8785_asks_for(value: dict[str, Any]) -> None:
    assert _encode(value).encode() == rfc8785.dumps(value)


def test_no_cell_of_a_csv_is_a_formula() -> None:
    entry = trail(1)[0]
    for start in "=+-@\t\r":
        entry["reason_code"] = f"{start}HYPERLINK(1)"
        assert f"'{start}HYPERLINK" in csv_line(entry)


def test_a_json_line_adds_nothing_and_drops_nothing() -> None:
    entry = trail(2)[1]
    assert json.loads(json_line(entry)) == entry


def test_anchors() -> None:
    digest = "ab" * 32
    assert read_anchors([f"#12 {digest}", "", f"13 {digest[::-1]}", "CD" * 32]) == {
        digest: 12,
        digest[::-1]: 13,
        "cd" * 32: None,
    }
    with pytest.raises(ValueError, match="line 2"):
        read_anchors([digest, "twelve"])


def test_what_the_channel_shows_is_an_anchor() -> None:
    shown = "7b9e01c2d3e4"
    for typed in (f"#12 {shown}", f"12 {shown}", f"#12:{shown}", f"12:{shown.upper()}", f"#12 `{shown}`"):
        assert read_anchor(typed) == (shown, 12)
    for typed in (shown, f"#12 {shown[:-1]}", "#12", f"#0 {shown}", "#12 7b9e01c2d3eg"):
        with pytest.raises(ValueError, match="at least 12 digits"):
            read_anchor(typed)
    with pytest.raises(ValueError, match="line 2 gives the hash of entry 12 another number"):
        read_anchors([f"#12 {shown}", f"#13 {shown}"])


def test_twelve_digits_with_their_number_are_compared() -> None:
    entries = trail()
    shown: dict[str, int | None] = {one["hash"][:12]: one["seq"] for one in entries[::7]}
    verifier = verified(entries, wanted=dict(shown))
    assert (verifier.flaw, verifier.wanted) == (None, {})
    assert "Entry 8 had the hash" in flaw_of(trail(), wanted={entries[7]["hash"][:12]: 8})
    assert "of entry 36 isn't in it" in flaw_of(entries[:-5], wanted={entries[35]["hash"][:12]: 36})


def test_a_number_in_other_bytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "trail.jsonl"
    whole = "".join(map(json_line, trail()))
    file.write_text(whole.replace('"http_status":202', '"http_status":202.0', 1))

    verdict = verify_file(file, Verifier(), lambda _done, _total: None)

    assert (verdict.ok, verdict.status) == (False, 1)
    assert verdict.text == "BROKEN: Line 2 (entry 2) was edited: it isn't in the form in which entries are exported."
    assert first_bad_line(file) == 2


@pytest.mark.parametrize("other", ["2.02e2", "202.00", "2020e-1"])
def test_other_ways_to_write_a_number(tmp_path: Path, other: str) -> None:
    file = tmp_path / "trail.jsonl"
    file.write_text("".join(map(json_line, trail())).replace(":202,", f":{other},").replace(":202}", f":{other}}}"))
    assert _verify(file)
    assert first_bad_line(file) == 2


def test_a_file_with_gaps_is_a_part_of_a_trail(tmp_path: Path) -> None:
    entries = [entry for entry in trail() if entry["seq"] % 3 == 0]
    file = tmp_path / "part.jsonl"
    file.write_text("".join(map(json_line, entries)))
    wanted: dict[str, int | None] = {entries[0]["hash"][:12]: 3, "ab" * 6: 4}

    verdict = verify_file(file, Verifier(wanted=wanted), lambda _done, _total: None)

    assert verdict.status == 3
    assert verdict.text.startswith("Part of a trail, and intact as far as it goes: 13 entries, up to #39.")
    assert "Not checked: the entries in 13 gaps, which this export leaves out." in verdict.text
    assert "Not checked: 1 anchor belongs to an entry that was not read." in verdict.text
    assert "Intact:" not in verdict.text


def test_an_empty_file_is_a_part_of_a_trail(tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.touch()

    verdict = verify_file(file, Verifier(), lambda _done, _total: None)

    assert verdict.status == 3
    assert verdict.text.startswith(f"Part of a trail: {file} contains no entries.\nNot checked: anything.")
    assert Stranger().verdict(file) == "part"
    assert not verify_file(file, Verifier(wanted={"ab" * 6: 4}), lambda _done, _total: None).ok
