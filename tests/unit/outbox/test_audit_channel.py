"""The relay of the audit channel against a Slack that refuses messages, and how long lines wait for each other."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from slack_sdk.errors import SlackApiError

from bot.audit.entry import Phase
from bot.outbox.audit_channel import READS_HELD_SECONDS, REQUEST_HELD_SECONDS, AuditPublisher
from bot.outbox.relay import Backoff
from tests.support.clocks.fake_clock import FakeClock
from tests.support.slack.samples import STYLE, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.audit.entry import Entry


class Outbox:
    """The entries of a trail, and which of them were delivered."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = list(entries)
        self.begun: set[int] = set()
        self.arrived: list[int] = []
        self.cut: tuple[int, str] | None = None

    async def undelivered(self, *, limit: int = 50) -> tuple[tuple[Entry, bool], ...]:
        left = [one for one in self.entries if one.seq not in self.arrived]
        return tuple((one, one.seq in self.begun) for one in left[:limit])

    async def delivery_begun(self, seqs: Sequence[int], at: datetime) -> None:
        del at
        self.begun |= set(seqs)

    async def delivery_refused(self, seqs: Sequence[int]) -> None:
        self.begun -= set(seqs)

    async def cut_off(self, channel: str) -> tuple[int, str] | None:
        del channel
        return self.cut

    async def delivered(self, seqs: Sequence[int], *, at: datetime, channel: str, ts: str) -> None:
        del at, channel, ts
        self.arrived += seqs


class Slack:
    """Refuses the messages that ``refuses`` names an error for."""

    def __init__(self, refuses: Callable[[dict[str, Any]], str | None]) -> None:
        self.refuses = refuses
        self.taken: list[dict[str, Any]] = []
        self.asked = 0

    async def chat_postMessage(self, **message: Any) -> dict[str, str]:  # noqa: N802  as Slack's client has it
        self.asked += 1
        if (error := self.refuses(message)) is not None:
            raise SlackApiError("no", {"ok": False, "error": error})  # type: ignore[no-untyped-call]
        self.taken.append(message)
        return {"channel": "C0AUDIT", "ts": str(len(self.taken))}

    def numbers(self) -> list[int]:
        return [int(one) for message in self.taken for one in re.findall(r"\*#(\d+)\*", message["text"])]


def publisher(slack: Slack, outbox: Outbox, clock: FakeClock | None = None) -> AuditPublisher:
    clock = clock or FakeClock()
    client: Any = slack
    return AuditPublisher(client, outbox, STYLE, "C0AUDIT", asyncio.Event(), clock, Backoff(clock))


def trail(number: int) -> Outbox:
    return Outbox(*(entry(seq=seq, attempt_id=UUID(int=seq)) for seq in range(1, number + 1)))


@pytest.mark.parametrize("error", ["msg_blocks_too_long", "metadata_too_large", "invalid_blocks"])
async def test_a_message_that_slack_takes_nowhere_is_halved_until_all_have_arrived(error: str) -> None:
    slack, outbox = Slack(lambda message: error if len(message.get("blocks", ())) > 3 else None), trail(20)
    relay = publisher(slack, outbox)
    while await relay.publish_next():
        pass
    assert outbox.arrived == slack.numbers() == list(range(1, 21))
    assert all("_reposted_" not in message["text"] for message in slack.taken)


async def test_one_line_that_slack_refuses_goes_out_as_plain_text_and_stops_no_other() -> None:
    slack = Slack(lambda message: "invalid_blocks" if "blocks" in message and "*#7*" in message["text"] else None)
    outbox = trail(12)
    relay = publisher(slack, outbox)
    while await relay.publish_next():
        pass
    assert outbox.arrived == slack.numbers() == list(range(1, 13))
    assert [("blocks" in message) for message in slack.taken if "*#7*" in message["text"]] == [False]


async def test_a_line_that_slack_takes_in_no_form_is_kept_and_tried_again() -> None:
    slack, outbox = Slack(lambda _message: "msg_too_long"), trail(1)
    relay = publisher(slack, outbox)
    for _ in range(3):
        assert await relay.publish_next()
    assert outbox.arrived == []
    assert relay.pace.problem == "msg_too_long"
    slack.refuses = lambda _message: None
    assert await relay.publish_next()
    assert outbox.arrived == [1]
    assert relay.pace.problem is None


def waits(*entries: Entry, age: float) -> float:
    clock = FakeClock()
    outbox = Outbox()
    now = clock.now() - timedelta(seconds=age)
    aged = [(entry(seq=one.seq, phase=one.phase, action=one.action, occurred_at=now), False) for one in entries]
    return publisher(Slack(lambda _message: None), outbox, clock)._hold(aged)


def test_a_request_waits_shortly_for_its_outcome_and_reads_for_more_reads() -> None:
    request, read = entry(), entry(action="recording:read", phase=Phase.SUCCEEDED)
    assert waits(request, age=0) == REQUEST_HELD_SECONDS
    assert waits(read, age=0) == READS_HELD_SECONDS
    assert waits(request, age=REQUEST_HELD_SECONDS) <= 0
    assert waits(request, entry(seq=6, phase=Phase.SUCCEEDED), age=0) == 0
    assert waits(request, age=-3600) == 0  # a clock that was set back holds nothing up


async def test_a_request_that_comes_while_others_are_posted_waits_for_its_outcome() -> None:
    clock = FakeClock()
    start = entry(seq=1, action="bot:start", phase=Phase.OBSERVED, attempt_id=UUID(int=1), occurred_at=clock.now())
    slack = Slack(lambda _message: None)
    outbox = Outbox(start, entry(seq=2, occurred_at=clock.now()))
    relay = publisher(slack, outbox, clock)
    assert await relay.publish_next(complete=True)
    assert slack.numbers() == [1]
    assert await relay.publish_next()  # at the end, nothing waits
    assert slack.numbers() == [1, 2]


async def test_the_loop_posts_a_pair_as_one_line() -> None:
    clock = FakeClock()
    outbox = Outbox(entry(seq=1, occurred_at=clock.now()))
    slack = Slack(lambda _message: None)
    relay = publisher(slack, outbox, clock)
    assert not await relay._publish_complete()
    assert relay._seconds_held() == pytest.approx(REQUEST_HELD_SECONDS)
    outbox.entries.append(entry(seq=2, phase=Phase.SUCCEEDED, occurred_at=clock.now()))
    assert await relay._publish_complete()
    assert slack.numbers() == [1, 2]
    assert slack.taken[0]["text"].count("\n") == 0
    assert relay._seconds_held() is None


@pytest.mark.parametrize("refused", [None, "invalid_blocks"])
async def test_a_line_that_does_not_follow_the_last_one_says_so(refused: str | None) -> None:
    slack, outbox = Slack(lambda message: refused if "blocks" in message else None), trail(1)
    outbox.cut = (7, "ab" * 32)

    await publisher(slack, outbox).publish_next()

    text = slack.taken[-1]["text"]
    assert text.startswith(
        ":rotating_light: *The lines below don't follow the last line above.* The trail doesn't contain"
    )
    assert f'record-bot audit verify --head "7 {"ab" * 32}"`\n' in text
    assert outbox.arrived == [1]
