"""Files that should be exports of the trail: whatever is in them, there is a verdict, and no forgery passes."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.audit import verify_file
from bot.audit.anchors import read_anchors
from bot.audit.archive import Manifest, Tombstone
from bot.audit.entry import GENESIS_HASH, Draft, Phase, chain, record
from bot.audit.export import json_line
from bot.audit.files import NotAnExport
from bot.audit.stored import COLUMNS
from bot.audit.verification import Verifier
from tests.fuzz.effort import effort
from tests.fuzz.odd import deep, documents, junk, mutilated, texts

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 6


def trail() -> list[dict[str, Any]]:
    """Return a whole trail, the same each time."""
    entries, previous = [], GENESIS_HASH
    for seq in range(1, LENGTH + 1):
        draft = Draft(
            id=UUID(int=seq),
            attempt_id=UUID(int=100 + seq),
            occurred_at=datetime(2026, 3, 2, 9, 0, seq, tzinfo=UTC),
            phase=Phase.SUCCEEDED,
            action="recording:start" if seq % 3 else "audit:archive",
            actor="slack:T0SANDBOX:U0ADA",
            conversation_id=str(UUID(int=200 + seq)),
            origin={"source": "command", "trigger": f"ü{seq}\n\u2028"},
            outcome={"created": True, "http_status": 202},
        )
        entry = chain(draft, seq=seq, previous_hash=previous)
        previous = entry.hash
        entries.append({**record(draft, seq), "previous_hash": entry.previous_hash, "hash": entry.hash})
    return entries


TRAIL = trail()
LINES = [json_line(one).encode() for one in TRAIL]


def says_intact(file: Path, content: bytes) -> bool:
    file.write_bytes(content)
    try:
        return verify_file(file, Verifier(), lambda _done, _total: None).ok
    except NotAnExport:  # no line in it is an entry
        return False


def is_part(content: bytes) -> bool:
    """Say whether the lines are lines of the trail, in order: its beginning, or what is left after its first ones."""
    lines = (
        content.splitlines(keepends=True) if content.endswith(b"\n") else (content + b"\n").splitlines(keepends=True)
    )
    left = iter(LINES)
    return all(line in left for line in lines) and (lines[0] != LINES[0] or lines == LINES[: len(lines)])


@st.composite
def forgeries(draw: st.DrawFn) -> bytes:
    """Return the whole trail's file with a few bytes or lines changed, moved, lost, or put in."""
    lines = list(LINES)
    for _ in range(draw(st.integers(0, 2))):
        at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0 if len(lines) > 2:
                del lines[at]
            case 1:
                lines[at], lines[to] = lines[to], lines[at]
            case 2:
                lines.insert(to, lines[at])
            case 3:
                lines[at] = json.dumps(draw(mutilated(TRAIL[at % LENGTH])), separators=(",", ":")).encode() + b"\n"
            case 4:
                lines[at] = lines[at].replace(*draw(st.sampled_from(REWRITTEN)))
            case _:
                lines[at] = json_line(deepcopy(TRAIL[at % LENGTH]) | {"hash": TRAIL[to % LENGTH]["hash"]}).encode()
    content = bytearray(b"".join(lines))
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, len(content)))
        content[begin : begin + draw(st.sampled_from([0, 1, 1, 7, 400]))] = draw(st.binary(max_size=3))
    return bytes(content)


REWRITTEN = [
    (b'"origin":', b'"origin":{},"origin":'), (b":", b": "), ("ü".encode(), b"\\u00fc"),
    (b"true", b"1"), (b"202", b"202.0"), (b"202", b"2.02e2"), (b"\n", b"\r\n"), (b"0ADA", b"0EVE"), (b"null", b"NaN"),
    (b'"hash":"', b'"hash":"0x'), (b"{", b"\xef\xbb\xbf{"), (b"}", b"} "), (b'"seq":', b'"seq":0'),
]  # fmt: skip
"""The same in another form, and nearly the same."""


@given(content=forgeries())
@effort(80)
def test_only_lines_of_the_trail_are_intact(tmp_path_factory: Any, content: bytes) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "forged.jsonl"
    if says_intact(file, content):
        assert not content or is_part(content), content


def too_deep() -> str:
    return "[" * 200_000


entries = st.one_of(
    st.fixed_dictionaries(dict.fromkeys(COLUMNS, junk)),
    mutilated(TRAIL[0], most=4),
    st.builds(lambda name: TRAIL[0] | {name: deep(900)}, st.sampled_from(COLUMNS)),
    junk,
)
lines = st.one_of(
    entries.map(lambda one: json.dumps(one).encode()), st.binary(max_size=60), st.builds(lambda: too_deep().encode())
)
manifests = st.one_of(
    texts,
    junk.map(json.dumps),
    st.builds(too_deep),
    documents(st.sampled_from(["format", "file", "first_seq"])).map(json.dumps),
)
tombstones = st.one_of(
    junk,
    mutilated({"first_seq": 1, "last_seq": 2, "count": 2, "previous_hash": "", "last_hash": "", "sha256": ""}, most=4),
)
anchors = st.one_of(
    texts, st.sampled_from(["# " + "a" * 64, "7 " + "A" * 64, "\xb2 " + "a" * 64, "9" * 5000 + " " + "a" * 64])
)


@given(data=st.data())
@effort(25)
def test_whatever_is_in_a_file_there_is_a_verdict(tmp_path_factory: Any, data: st.DataObject) -> None:
    content = b"\n".join(data.draw(st.lists(lines, min_size=1, max_size=3)))
    file: Path = tmp_path_factory.getbasetemp() / "junk.jsonl"
    assert not says_intact(file, content) or not content or is_part(content), content


@given(data=st.data())
@effort(25)
def test_whatever_is_in_a_row_it_is_no_entry(data: st.DataObject) -> None:
    value = st.one_of(st.none(), st.integers(), texts, st.binary(max_size=9))
    row = data.draw(st.tuples(*(value for _ in COLUMNS)))
    objects = data.draw(st.one_of(st.builds(too_deep), texts, junk.map(json.dumps)))
    for one in (row, (1, *row[1:]), (1, *list(TRAIL[0].values())[1:12], objects, objects, *row[14:])):
        assert Verifier().feed_rows([one]) is not None


@given(data=st.data())
@effort(25)
def test_whatever_stands_beside_a_segment_it_is_no_manifest(data: st.DataObject) -> None:
    with pytest.raises(ValueError, match=r"."):
        Manifest.read(data.draw(manifests))


@given(data=st.data())
@effort(25)
def test_tombstones_and_anchors_are_read_or_refused(data: st.DataObject) -> None:
    found = Tombstone.read(data.draw(tombstones))
    assert found is None or found.count == found.last_seq - found.first_seq + 1
    try:
        wanted = read_anchors(data.draw(st.lists(anchors, max_size=3)))
    except ValueError:
        return
    assert all(len(digest) == 64 for digest in wanted)
