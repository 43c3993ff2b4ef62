"""Lines of the audit channel become anchors: as the bot writes them, as people copy them, and as Slack exports them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from bot.audit.anchors import read_anchors
from bot.audit.archive import ARCHIVE_ACTION
from bot.audit.channel import ChannelReading
from bot.audit.entry import Phase
from bot.slack.blocks.audit.line import message, plain_message
from bot.slack.blocks.reports.digest import message as digest_message
from tests.support.slack.samples import STYLE, entry
from tests.unit.slack.blocks.reports.test_digest_text import digest

if TYPE_CHECKING:
    from bot.audit.entry import Entry


def hash_of(seq: int) -> str:
    return f"{seq:02x}" * 32


def made(seq: int, **more: Any) -> Entry:
    return replace(entry(seq=seq, **more), hash=hash_of(seq))


ENTRIES = (
    made(41, action="bot:start", phase=Phase.OBSERVED, actor="bot"),
    made(42, phase=Phase.REQUESTED, attempt_id=UUID(int=1)),
    made(43, phase=Phase.SUCCEEDED, attempt_id=UUID(int=1)),
    *(made(seq, action="recording:read", attempt_id=UUID(int=seq)) for seq in (44, 45, 46)),
)


def posted(*entries: Entry, again: bool = False) -> dict[str, Any]:
    return message([(one, again) for one in entries], STYLE)


def copied(text: str) -> str:
    """Return what Slack puts into the clipboard: no markup, times in words."""
    text = re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<@(\w+)>", r"@Ada (on call)", text)
    text = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text)
    return text.replace("*", "").replace("`", "").replace("_reposted_", "reposted")


@pytest.mark.parametrize("form", [str, copied])
def test_every_line_gives_its_numbers_and_digits(form: Any) -> None:
    reading = ChannelReading()
    reading.read("record-bot\nAPP  9:41 AM\n" + form(posted(*ENTRIES)["text"]))

    assert reading.anchors == {one.seq: one.hash[:12] for one in ENTRIES}
    assert (reading.problems, reading.unread, reading.missing) == ([], [], 0)
    assert read_anchors(reading.text().splitlines()) == {one.hash[:12]: one.seq for one in ENTRIES}


def test_an_export_gives_the_whole_hashes() -> None:
    messages = [
        {**posted(*ENTRIES[:3]), "ts": "1.1", "bot_id": "B1"},
        {**posted(*ENTRIES[3:]), "ts": "1.2", "bot_id": "B1"},
        {"text": f"*#43* nothing happened · `{'ab' * 6}`", "ts": "1.3", "user": "U0EVE"},
        {**plain_message(made(47), STYLE), "ts": "1.4", "bot_id": "B1", "metadata": None},
    ]
    reading = ChannelReading()
    reading.read(json.dumps(messages[::-1]))

    assert reading.anchors == {one.seq: one.hash for one in ENTRIES} | {47: hash_of(47)[:12]}
    assert reading.problems == []


@pytest.mark.parametrize("form", [lambda one: json.dumps([{**one, "bot_id": "B1"}]), lambda one: copied(one["text"])])
def test_a_digest_is_an_anchor_of_the_newest_entry(form: Any) -> None:
    reading = ChannelReading()
    found = digest()
    reading.read(form(digest_message(found, STYLE)))

    assert reading.anchors == {found.outcome["head_seq"]: found.outcome["head_hash"]}
    assert reading.problems == []


def test_a_tombstone_stands_there_with_its_whole_hash_and_that_of_its_file() -> None:
    outcome = {"first_seq": 1, "last_seq": 40, "count": 40, "sha256": "cd" * 32, "last_hash": "", "previous_hash": ""}
    tombstone = made(48, action=ARCHIVE_ACTION, phase=Phase.SUCCEEDED, actor="cli:ada", outcome=outcome)

    text = posted(tombstone)["text"]

    assert f"entries 1 to 40 · SHA-256 of the file `{'cd' * 32}`" in text
    assert f"`{hash_of(48)}`" in text
    reading = ChannelReading()
    reading.read(copied(text))
    assert reading.anchors == {48: hash_of(48)}


def test_a_tail_that_was_cut_shows_in_the_channel_itself() -> None:
    forged = replace(made(43, action="bot:start", phase=Phase.OBSERVED, actor="bot"), hash="ee" * 32)
    reading = ChannelReading()
    reading.read("\n".join(copied(posted(one)["text"]) for one in (*ENTRIES, forged)))

    assert [one.partition(":")[0] for one in reading.problems] == [
        "#43 comes after #46 and isn't marked as reposted",
        f"#43 has two hashes, {hash_of(43)[:12]} and {'ee' * 6}",
    ]


def test_a_reposted_line_is_no_contradiction() -> None:
    reading = ChannelReading()
    reading.read("\n".join([posted(*ENTRIES)["text"], posted(*ENTRIES[3:], again=True)["text"]]))
    assert reading.problems == []


def test_a_line_that_was_cut_off_is_named() -> None:
    reading = ChannelReading()
    reading.read("*#41* record-bot started · `2929\n*#44*, *#45* read · `2c2c2c2c2c2c`\nSee ticket #7 about this")
    assert reading.anchors == {}
    assert len(reading.unread) == 3


def test_other_text_is_nothing() -> None:
    reading = ChannelReading()
    for text in ("", "hello", "[1, 2]", "{}", '{"messages": 3}', "\x00", "[" * 3000):
        reading.read(text)
    assert (reading.anchors, reading.problems, reading.text()) == ({}, [], "")
