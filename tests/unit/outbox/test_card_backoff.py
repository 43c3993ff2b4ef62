"""When a card that Slack did not take is tried again, on a clock of its own, and what waits for what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.i18n.catalog import ENGLISH, read_languages
from bot.outbox.cards import CardPublisher
from bot.outbox.relay import Backoff
from bot.recording.models import RecordingState
from bot.runtime.background import cards_worker
from bot.runtime.workers import Supervisor
from bot.slack.blocks.card import CardStyle
from tests.support.clocks.fake_clock import FakeClock
from tests.support.slack.samples import card, recording
from tests.unit.slack.test_slack_verdicts import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from bot.recording.card import Card


@dataclass
class Outbox:
    """Holds the cards that are behind, and what became of each."""

    cards: list[Card]
    ended: dict[str, str] = field(default_factory=dict)
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def confirm(self) -> None: ...

    async def stale_cards(self, *, limit: int = 50) -> tuple[Card, ...]:
        return tuple(one for one in self.cards if one.channel not in self.ended)[:limit]

    async def card_begun(self, recording_id: UUID, *, of: str | None = None) -> None: ...

    async def card_refused(self, recording_id: UUID, *, of: str | None = None) -> None: ...

    async def card_lost(self, recording_id: UUID, *, of: str | None = None) -> None: ...

    async def card_shown(self, _recording_id: UUID, *, channel: str, of: str, **_: Any) -> None:
        self.ended[of] = channel
        self.all_ended.set()

    async def card_given_up(self, _recording_id: UUID, *, of: str, **_: Any) -> None:
        self.ended[of] = "given up"


@dataclass
class Slack:
    """Answers each post to a channel with its error; takes the others."""

    errors: dict[str, Exception] = field(default_factory=dict)
    takes_text: bool = False
    asked: list[str] = field(default_factory=list)

    async def chat_postMessage(self, *, channel: str, **more: Any) -> dict[str, str]:  # noqa: N802  as Slack's client has it
        self.asked.append(channel)
        if channel in self.errors and not (self.takes_text and "blocks" not in more):
            raise self.errors[channel]
        return {"channel": channel, "ts": "1.1"}


def publisher(slack: Slack, *channels: str, **changes: Any) -> tuple[CardPublisher, Outbox, FakeClock]:
    clock, languages = FakeClock(), read_languages()
    outbox = Outbox([replace(card(), channel=one, ts=None, posted_channel=None, **changes) for one in channels])
    style = CardStyle("T1", languages.of(ENGLISH))
    made = CardPublisher(slack, outbox, style, languages, asyncio.Event(), Backoff(clock))  # type: ignore[arg-type]
    return made, outbox, clock


def word(error: str) -> Exception:
    return refused({"ok": False, "error": error})


async def test_each_card_waits_by_itself_and_longer_each_time() -> None:
    slack = Slack({"C0BAD": word("some_new_error")})
    cards, outbox, clock = publisher(slack, "C0BAD", "C0GOOD")
    assert await cards.publish_all()
    assert outbox.ended == {"C0GOOD": "C0GOOD"}
    assert clock.slept == []
    waits = []
    for _ in range(7):
        seconds = cards.backoff.seconds_to_next()
        assert seconds is not None
        assert not await cards.publish_all()
        waits.append(seconds)
        clock.advance(seconds)
        assert await cards.publish_all()
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert (cards.pace.problem, slack.asked.count("C0GOOD")) == ("some_new_error", 1)

    slack.errors.clear()
    clock.advance(30)
    await cards.publish_all()
    assert (cards.pace.problem, outbox.ended["C0BAD"]) == (None, "C0BAD")


async def test_a_rate_limit_holds_back_its_channel_only_and_for_as_long_as_slack_asks() -> None:
    slack = Slack({"C0BUSY": refused({"ok": False, "error": "ratelimited"}, 429, Retry_After="7")})
    cards, outbox, clock = publisher(slack, "C0BUSY", "C0GOOD")
    await cards.publish_all()
    slack.errors.clear()
    clock.advance(6)
    await cards.publish_all()
    assert outbox.ended == {"C0GOOD": "C0GOOD"}
    clock.advance(1)
    await cards.publish_all()
    assert outbox.ended["C0BUSY"] == "C0BUSY"


async def test_many_cards_of_a_limited_channel_hide_no_other() -> None:
    slack = Slack({"C0BUSY": refused({"ok": False, "error": "ratelimited"}, 429, Retry_After="30")})
    made, outbox, _ = publisher(slack, *["C0BUSY"] * 70, "C0QUIET")
    for _ in range(3):
        await made.publish_all()
    assert outbox.ended == {"C0QUIET": "C0QUIET"}
    assert slack.asked == ["C0BUSY", "C0QUIET"]


async def test_while_slack_is_away_not_every_card_is_tried_and_all_are_once_it_is_back() -> None:
    channels = [f"C0NUMBER{number}" for number in range(20)]
    slack = Slack(dict.fromkeys(channels, TimeoutError()))
    cards, outbox, clock = publisher(slack, *channels)
    await cards.publish_all()
    assert len(slack.asked) == 2
    assert clock.slept == [1]
    slack.errors.clear()
    while await cards.publish_all():
        pass
    assert len(outbox.ended) == 20


async def test_one_card_that_gets_no_usable_answer_stops_no_other() -> None:
    slack = Slack({"C0BAD": word("internal_error")})
    cards, outbox, clock = publisher(slack, "C0BAD", *(f"C0NUMBER{number}" for number in range(5)))
    for _ in range(3):
        await cards.publish_all()
    assert len(outbox.ended) == 5
    assert clock.slept == []
    assert slack.asked.count("C0BAD") == 1


@pytest.mark.parametrize(
    ("error", "asked", "shown"),
    [
        ("restricted_action_read_only_channel", ["C0BAD", "U0ADA"], "U0ADA"),
        ("ekm_access_denied", ["C0BAD", "U0ADA"], "U0ADA"),
        ("invalid_blocks", ["C0BAD", "C0BAD", "U0ADA"], "U0ADA"),
        ("metadata_too_large", ["C0BAD", "C0BAD", "U0ADA"], "U0ADA"),
    ],
)
async def test_after_a_final_answer_the_person_gets_the_card(error: str, asked: list[str], shown: str) -> None:
    slack = Slack({"C0BAD": word(error)})
    cards, outbox, _ = publisher(slack, "C0BAD")
    await cards.publish_all()
    assert (slack.asked, outbox.ended) == (asked, {"C0BAD": shown})


async def test_of_a_card_that_is_too_long_the_text_alone_is_shown() -> None:
    slack = Slack({"C0BAD": word("msg_blocks_too_long")}, takes_text=True)
    cards, outbox, _ = publisher(slack, "C0BAD")
    await cards.publish_all()
    assert (slack.asked, outbox.ended) == (["C0BAD", "C0BAD"], {"C0BAD": "C0BAD"})


@pytest.mark.parametrize("changes", [{"routed": True}, {"asked_by": "cli:ops"}])
async def test_a_card_that_belongs_to_nobody_is_given_up(changes: dict[str, Any]) -> None:
    slack = Slack({"C0BAD": word("not_in_channel")})
    cards, outbox, _ = publisher(slack, "C0BAD", **changes)
    await cards.publish_all()
    assert (slack.asked, outbox.ended) == (["C0BAD"], {"C0BAD": "given up"})
    wanted = "not_in_channel in the route's channel C0BAD" if "routed" in changes else None
    assert cards.pace.problem == wanted


async def test_the_loop_wakes_when_a_card_may_be_tried_again() -> None:
    slack = Slack({"C0BAD": word("some_new_error")})
    cards, outbox, clock = publisher(slack, "C0BAD")

    async def mend(seconds: float) -> None:
        clock.advance(seconds)
        slack.errors.clear()

    slept: Callable[[float], Awaitable[None]] = mend
    clock.sleep = slept  # type: ignore[method-assign,assignment]
    running = asyncio.ensure_future(Supervisor(clock, lambda _name, _times: None).run(cards_worker(cards)))
    async with asyncio.timeout(60):
        await outbox.all_ended.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert outbox.ended == {"C0BAD": "C0BAD"}


async def test_a_start_has_no_card_before_its_call_was_found() -> None:
    slack = Slack()
    made, _, clock = publisher(slack, "C0FLOOR", recording=recording(state=RecordingState.STARTING, started_at=None))
    assert await made.publish_all() is False
    clock.advance(3600)
    assert await made.publish_all() is False
    assert slack.asked == []


async def test_a_failed_start_that_nobody_was_told_of_goes_to_the_person_alone() -> None:
    slack, clock = Slack(), FakeClock()
    failed = recording(state=RecordingState.FAILED, started_at=None, ended_at=clock.now(), error="conflict")
    made, _, clock = publisher(slack, "C0FLOOR", recording=failed)
    assert await made.publish_all() is False
    clock.advance(11)
    assert await made.publish_all() is True
    assert slack.asked == ["U0ADA"]


async def test_the_relay_wakes_when_the_person_may_be_told_of_a_failed_start_by_its_card() -> None:
    slack, clock = Slack(), FakeClock()
    failed = recording(state=RecordingState.FAILED, started_at=None, ended_at=clock.now(), error="conflict")
    made, _, clock = publisher(slack, "C0FLOOR", recording=failed)
    clock.advance(4)
    assert await made.step() == 6
    clock.advance(6)
    assert await made.step() is None
    assert slack.asked == ["U0ADA"]


async def test_the_card_of_a_start_under_way_waits_for_a_change_alone() -> None:
    starting = recording(state=RecordingState.STARTING, started_at=None)
    made, _, _ = publisher(Slack(), "C0FLOOR", recording=starting)
    assert await made.step() is None
