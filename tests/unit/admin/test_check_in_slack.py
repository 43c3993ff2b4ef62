"""What ``check`` asks Slack: whether it takes all messages, and whether the audit channel can be used."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.admin.audit_channel import PROBE, AuditChannelCheck, ChannelFinding
from bot.admin.checks.block_validation import BlockValidation, CantTell
from bot.admin.checks.sample_messages import Sample, Samples
from bot.recording.requests import ReasonRules
from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import web_client, web_session
from tests.support.clocks.fake_clock import FakeClock
from tests.support.slack.samples import LANGUAGES, NOON, STYLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_client import AsyncWebClient

SAMPLES = Samples(STYLE, LANGUAGES, ReasonRules({"complaint": "Complaint"}))
EVERYTHING = tuple(SAMPLES.all())


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack(clock=NOON.timestamp)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def client(slack: SimulatedSlack) -> AsyncIterator[AsyncWebClient]:
    async with web_session() as session:
        yield web_client("xoxb-sandbox", api_url=slack.api_url, session=session)


def methods(slack: SimulatedSlack) -> list[str]:
    return [one.method for one in slack.requests]


def test_there_is_a_sample_of_everything_in_every_language() -> None:
    names = [one.name for one in EVERYTHING]
    assert len(set(names)) == len(names)
    for language in LANGUAGES.known:
        for what in ("card: active", "notice: stop_waits", "start window: full", "App Home: everything"):
            assert f"{what} ({language})" in names
    assert {"audit lines", "daily digest"} < set(names)


async def test_slack_takes_everything_and_nobody_sees_anything(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    assert await BlockValidation(client, FakeClock()).findings(EVERYTHING) == ()
    assert set(methods(slack)) == {"blocks.validate"}
    assert len(slack.requests) <= 20  # not one for each
    assert all(not slack.messages(channel) for channel in slack.workspace.channels)


async def test_what_is_too_long_is_named_with_its_place(client: AsyncWebClient) -> None:
    url = "https://apps.example/" + "x" * 3000 + "/{conversation_id}"
    samples = replace(SAMPLES, style=replace(STYLE, interaction_url=url)).all()
    found = await BlockValidation(client, FakeClock()).findings(samples)
    named = {one.sample for one in found}
    assert {"card: active (en)", "card: active (de)"} < named
    assert not {one for one in named if one.startswith("start window")}
    first = next(one for one in found if one.sample == "card: ended (en)" and one.place != "/text")
    assert first.sentence == "card: ended (en): must be less than 3001 characters at /blocks/4/elements/0/text"


async def test_a_text_beside_the_blocks_may_be_too_long_too(client: AsyncWebClient) -> None:
    long = Sample("card: made up", {"text": "x" * 4001, "blocks": []})
    (found,) = await BlockValidation(client, FakeClock()).findings([long])
    assert found.sentence == "card: made up: has 4,001 characters, and Slack takes 4,000 at /text"


async def test_it_is_patient_where_slack_asks_for_that(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    clock = FakeClock()
    slack.faults.switch_on("rate_limited", times=2, value=30, only="blocks.validate")
    assert await BlockValidation(client, clock).findings(EVERYTHING[:3]) == ()
    assert methods(slack).count("blocks.validate") == 3

    slack.faults.switch_on("rate_limited", value=60, only="blocks.validate")
    with pytest.raises(CantTell, match="ratelimited"):
        await BlockValidation(client, clock).findings(EVERYTHING[:3])


async def test_a_slack_that_does_not_know_the_method(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    del slack._api.methods["blocks.validate"]
    with pytest.raises(CantTell, match="unknown_method"):
        await BlockValidation(client, FakeClock()).findings(EVERYTHING)


def probes(slack: SimulatedSlack) -> list[dict[str, Any]]:
    return list(slack.scheduled.values())


async def looked(slack: SimulatedSlack, client: AsyncWebClient) -> ChannelFinding:
    return await AuditChannelCheck(client, "C0AUDIT", frozenset(slack.scopes)).run(NOON)


async def test_with_the_scope_nothing_is_scheduled(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.scopes.add("channels:read")
    assert await looked(slack, client) == ChannelFinding()
    assert "chat.scheduleMessage" not in methods(slack)

    slack.invite_organization("C0AUDIT")
    assert "is invited to it" in (await looked(slack, client)).notes[0]
    slack.share("C0AUDIT")
    assert "shares with another organization" in (await looked(slack, client)).problem
    slack.share("C0AUDIT", on=False)
    slack.remove_bot("C0AUDIT")
    assert "The bot is not in" in (await looked(slack, client)).problem
    slack.archive("C0AUDIT")
    assert "The channel is archived (is_archived). Unarchive it" in (await looked(slack, client)).problem
    assert "chat.scheduleMessage" not in methods(slack)


async def test_without_it_a_message_is_scheduled_and_removed(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    found = await looked(slack, client)
    assert found.problem == ""
    assert "the app lacks the optional scopes" in found.notes[0]
    assert methods(slack).count("chat.scheduleMessage") == 1
    assert probes(slack) == []


async def test_what_an_earlier_check_has_left_is_removed(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    later = int((NOON + timedelta(days=100)).timestamp())
    for text in (PROBE, "record-bot check", "something else of this app"):
        await client.chat_scheduleMessage(channel="C0AUDIT", post_at=later, text=text)
    await looked(slack, client)
    assert [one["text"] for one in probes(slack)] == ["something else of this app"]


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "server_error"])
async def test_an_answer_that_is_lost_leaves_nothing_behind(
    slack: SimulatedSlack, client: AsyncWebClient, fault: str
) -> None:
    slack.faults.switch_on(fault, times=1, only="chat.scheduleMessage")
    assert (await looked(slack, client)).problem.startswith("Slack says ")
    assert probes(slack) == []


async def test_a_check_that_is_broken_off_leaves_nothing_behind(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("hang", times=1, value=0.2, only="chat.deleteScheduledMessage")
    task = asyncio.ensure_future(looked(slack, client))
    await slack.wait_for(lambda: probes(slack) and methods(slack)[-1] == "chat.deleteScheduledMessage")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await slack.wait_for(lambda: not probes(slack))


async def test_what_could_not_be_removed_is_said(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("server_error", only="chat.deleteScheduledMessage")
    found = await looked(slack, client)
    assert "could not be removed (http_500); the next check removes it." in found.notes[-1]
    assert len(probes(slack)) == 1
    assert probes(slack)[0]["post_at"] == int(NOON.timestamp()) + 100 * 24 * 3600

    slack.faults.switch_all_off()
    await looked(slack, client)
    assert probes(slack) == []
