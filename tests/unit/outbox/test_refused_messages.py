"""A direct message that Slack refuses for its own reason doesn't delay those for other people; a terminal gets none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from uuid_utils.compat import uuid7

from bot.database.outbox.keep_answers import SqlKeepAnswers
from bot.database.outbox.next_calls import SqlNextCalls
from bot.outbox.keep_answers import KeepAnswers
from bot.outbox.next_calls import NextCallNotifier
from bot.outbox.relay import Backoff
from bot.recording.agents.next_call import NextCall, NextCallNotice, NextCallOutcome
from bot.recording.keeping.keep import Keep, KeepState, KeepVerb
from bot.sandbox.slack import SimulatedSlack
from bot.slack.blocks.card import CardStyle
from bot.slack.client import web_client, web_session
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, GRACE, TEAM, Harness, open_harness
from tests.support.slack.samples import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.ports import Transaction

POST = "chat.postMessage"
STYLE = CardStyle(team_id=TEAM, words=LANGUAGES.of("en"))
TERMINAL = "cli:ada"


@dataclass(frozen=True)
class Mailroom:
    """A database with messages to send, a simulated Slack, and its client."""

    harness: Harness
    slack: SimulatedSlack
    client: AsyncWebClient

    async def keeps_settled(self, actors: Sequence[str]) -> KeepAnswers:
        """Store a failed request to keep of each, and return the relay that tells them."""
        harness = self.harness
        now = harness.clock.now()
        for seq, actor in enumerate(actors, start=1):
            keep = Keep(
                uuid7(), CALL, KeepVerb.KEEP, actor, now, seq, state=KeepState.FAILED, error="call_not_found",
                settled_at=now + timedelta(seconds=seq), settled_seq=seq,
            )  # fmt: skip

            def write(transaction: Transaction, keep: Keep = keep) -> None:
                transaction.keeps.add(keep)

            await harness.store.write(write)
        harness.clock.advance(60)
        untold, clock = SqlKeepAnswers(harness.engines), harness.clock
        return KeepAnswers(
            self.client, untold, lambda _user, _language: STYLE, harness.store.changes(), clock, Backoff(clock)
        )

    async def waits_over(self, actors: Sequence[str]) -> NextCallNotifier:
        """Store a wait of each that is over, and return the relay that tells them."""
        harness = self.harness
        for seq, actor in enumerate(actors, start=1):
            now = harness.clock.now() + timedelta(seconds=seq)
            waiting = NextCall(
                uuid7(), AGENT.user_id, actor, now, now, seq, closed_at=now, outcome=NextCallOutcome.EXPIRED
            )

            def write(transaction: Transaction, waiting: NextCall = waiting) -> None:
                transaction.add_next_call(waiting)
                transaction.note_next_call(waiting.id, NextCallNotice.OVER, waiting.armed_at)

            await harness.store.write(write)
        clock, store = harness.clock, SqlNextCalls(harness.engines)
        return NextCallNotifier(
            self.client, store, lambda _user, _language: STYLE, harness.store.changes(), clock, Backoff(clock)
        )

    def told(self) -> list[int]:
        """Return how many messages Ada and Grace have."""
        return [len(self.slack.direct_messages(actor.rpartition(":")[2])) for actor in (ADA, GRACE)]

    def posts(self) -> int:
        return sum(one.method == POST for one in self.slack.requests)


@pytest.fixture
async def mailroom(tmp_path: Path) -> AsyncIterator[Mailroom]:
    async with open_harness(tmp_path / "bot.db") as harness, web_session() as session:
        slack = SimulatedSlack(clock=harness.clock.time)
        await slack.start()
        slack.seed()
        yield Mailroom(harness, slack, web_client("xoxb-sandbox", api_url=slack.api_url, session=session))
        await slack.stop()


async def relay(mailroom: Mailroom, kind: str, actors: Sequence[str]) -> KeepAnswers | NextCallNotifier:
    return await (mailroom.keeps_settled if kind == "keep" else mailroom.waits_over)(actors)


@pytest.mark.parametrize("kind", ["keep", "next_call"])
async def test_one_refused_message_does_not_hold_up_the_next(mailroom: Mailroom, kind: str) -> None:
    sender = await relay(mailroom, kind, (ADA, GRACE))
    mailroom.slack.faults.switch_on("missing_scope", times=1, only=POST)
    assert await sender.step() is not None
    assert mailroom.told() == [0, 1]
    assert await sender.step() is not None or kind == "keep"
    assert mailroom.told() == [1, 1]


@pytest.mark.parametrize("kind", ["keep", "next_call"])
async def test_a_rate_limit_holds_up_all(mailroom: Mailroom, kind: str) -> None:
    sender = await relay(mailroom, kind, (ADA, GRACE))
    mailroom.slack.faults.switch_on("rate_limited", times=1, value=7, only=POST)
    waited = await sender.step()
    assert mailroom.told() == [0, 0]
    assert waited == 7 or 7 in mailroom.harness.clock.slept


@pytest.mark.parametrize("kind", ["keep", "next_call"])
async def test_no_message_goes_to_a_terminal(mailroom: Mailroom, kind: str) -> None:
    sender = await relay(mailroom, kind, (TERMINAL,))
    while await sender.step() is not None:
        pass
    assert mailroom.posts() == 0
