"""A row fits its hash only in the bytes in which it was written."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from bot.admin.audit import verify_database, verify_file
from bot.audit.entry import GENESIS_HASH, Draft, Phase, chain, record
from bot.audit.export import json_line
from bot.audit.stored import COLUMNS, JSON_FIELDS, entry_matches, entry_of, row_matches
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.database.trail.guards import AUDIT_TRIGGERS
from bot.errors import MalformedId
from tests.support.recording.service import asked, open_harness

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ODD = 'Ünï"cö\\de\n\x1f\u2028\x7f😀'


def row_of(**values: Any) -> list[Any]:
    """Return an entry as the database stores it."""
    facts: dict[str, Any] = {"action": "recording:start", "actor": "slack:T:U0ADA", "phase": Phase.REQUESTED, **values}
    draft = Draft(id=uuid7(), attempt_id=uuid7(), occurred_at=AT, **facts)
    entry = chain(draft, seq=1, previous_hash=GENESIS_HASH)
    found = {**record(draft, 1), "previous_hash": entry.previous_hash, "hash": entry.hash}
    for name in JSON_FIELDS:
        found[name] = rfc8785.dumps(found[name]).decode()
    return [found[name] for name in COLUMNS]


def changed(row: list[Any], **values: Any) -> list[Any]:
    return [values.get(name, value) for name, value in zip(COLUMNS, row, strict=True)]


def value(row: list[Any], name: str) -> Any:
    return row[COLUMNS.index(name)]


texts = st.text(st.characters(codec="utf-8"), max_size=20)
values: st.SearchStrategy[Any] = st.none() | st.integers(-9, 9) | texts | st.floats(0, 1, width=16) | st.just({"a": {}})
objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(texts, values)


@given(texts, texts, st.none() | texts, objects, objects)
def test_whatever_is_written_matches(actor: str, action: str, call: str | None, origin: Any, outcome: Any) -> None:
    row = row_of(actor=actor, action=action, conversation_id=call, origin=origin, outcome=outcome)
    assert row_matches(row)
    assert entry_matches(entry_of(row))


def test_every_bit_of_a_row_counts() -> None:
    outcome = {"code": "\x1f", "http_status": 202, "created": True}
    row = row_of(conversation_id="c", reason_code="r", reason_digest="d", origin={"source": "command"}, outcome=outcome)
    for place, before in enumerate(row):
        if before is None:
            continue
        data = str(before).encode()
        for bit in range(len(data) * 8):
            forged = bytearray(data)
            forged[bit // 8] ^= 1 << bit % 8
            text = forged.decode(errors="surrogateescape")
            after = int(text) if isinstance(before, int) and text.isdigit() else text
            assert not row_matches([*row[:place], after, *row[place + 1 :]]), (COLUMNS[place], text)


def test_a_value_that_means_the_same_is_not_the_same() -> None:
    row = row_of(outcome={"code": "\x1f", "http_status": 202})
    assert not row_matches(changed(row, outcome=value(row, "outcome").replace(",", ", ")))
    assert not row_matches(changed(row, outcome=value(row, "outcome").replace("u001f", "u001F")))


def test_bytes_that_are_cut_elsewhere_do_not_match() -> None:
    """The hashed bytes stay the same; which of them is the origin, and which the outcome, does not."""
    row = row_of(origin={"a": {"b": 1}, "outcome": {"c": 1}}, outcome={"d": 1})
    assert value(row, "origin") == '{"a":{"b":1},"outcome":{"c":1}}'
    assert row_matches(row)
    assert not row_matches(changed(row, origin='{"a":{"b":1}', outcome='{"c":1}},"outcome":{"d":1}'))
    odd = row_of(actor='x","attempt_id":"y')
    assert row_matches(odd)
    attempt = value(odd, "attempt_id")
    assert not row_matches(changed(odd, actor="x", attempt_id=f'y","attempt_id":"{attempt}'))


@pytest.mark.parametrize("wrong", [None, 5, 1.5, b"bytes"])
@pytest.mark.parametrize("name", COLUMNS)
def test_values_of_another_kind_never_match(name: str, wrong: Any) -> None:
    row = row_of(conversation_id="c", participant_id="p", recording_id=uuid7(), reason_code="r", reason_digest="d")
    assert not row_matches(changed(row, **{name: wrong}))


def test_odd_characters_are_hashed_as_rfc_8785_writes_them() -> None:
    assert row_matches(row_of(actor=ODD, reason_code=ODD, origin={ODD: ODD}))


# In files


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace('"actor":', '"actor":"slack:T:U0EVE","actor":'),
        lambda line: line.replace(",", ", "),
        lambda line: json.dumps(dict(reversed(json.loads(line).items())), separators=(",", ":")) + "\n",
    ],
    ids=["a member twice", "spaces", "another order"],
)
def test_a_line_in_another_form_is_refused(tmp_path: Path, forge: Any) -> None:
    file = tmp_path / "trail.jsonl"
    line = json_line(entry_of(row_of()))
    file.write_text(line)
    assert verify_file(file, Verifier(), lambda _done, _total: None).ok

    file.write_text(forge(line))
    verdict = verify_file(file, Verifier(), lambda _done, _total: None)

    assert not verdict.ok
    assert "Line 1 (entry 1) was edited: it isn't in the form" in verdict.text


# In the database


async def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        for _ in range(5):
            with pytest.raises(MalformedId):
                await harness.service.intake.start(asked(), "no id", None)
    with closing(sqlite3.connect(tmp_path / "bot.db")) as outsider, outsider:
        for name in AUDIT_TRIGGERS:
            outsider.execute(f"DROP TRIGGER {name}")
        outsider.execute("UPDATE audit_entries SET actor = CAST(x'ff' AS TEXT) WHERE seq = 3")

    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    verdict = await verify_database(settings, Verifier(), lambda _done, _total: None)

    assert verdict.text == (
        "BROKEN: Entry 3 was changed: its content does not match its hash. The 2 entries before it are intact."
    )


async def test_a_page_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    async with open_harness(file) as harness:
        for _ in range(60):
            with pytest.raises(MalformedId):
                await harness.service.intake.start(asked(), "no id", None)
    with closing(sqlite3.connect(file)) as outsider:
        (root,) = outsider.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit_entries'").fetchone()
        outsider.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as damaged:
        damaged.seek((root - 1) * 4096)
        damaged.write(random.Random(1).randbytes(64))  # noqa: S311  rubbish

    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{file}")
    with pytest.raises(Exception, match="malformed"):
        await verify_database(settings, Verifier(), lambda _done, _total: None)
