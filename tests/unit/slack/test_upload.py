"""Uploads through the real client, against the simulated Slack."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import web_client, web_session
from bot.slack.people.users import WEB_API_ERRORS
from bot.slack.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LINE = b'{"seq": 1, "action": "recording:start"}\n'


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    slack = SimulatedSlack()
    await slack.start()
    slack.seed()
    yield slack
    await slack.stop()


@pytest.fixture
async def uploads(slack: SimulatedSlack) -> AsyncIterator[Uploads]:
    async with web_session() as session:
        yield Uploads(web_client("xoxb-sandbox", api_url=slack.api_url, session=session), session)


async def test_a_large_file_is_sent_from_disk_and_arrives_whole(slack: SimulatedSlack, uploads: Uploads) -> None:
    size = len(LINE) * 200_000
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(LINE * 1000)
        file.seek(0)
        sent = await uploads.put(file, size=size, name="trail.jsonl", title="The trail")
    await uploads.share(sent, channel="C0AUDIT", comment="Here it is")

    (message,) = slack.messages("C0AUDIT")
    assert (message.text, message.files[0]["title"], message.files[0]["size"]) == ("Here it is", "The trail", size)
    assert slack.files[sent.id].content == LINE * 200_000


async def test_nobody_sees_a_file_before_it_is_shared(slack: SimulatedSlack, uploads: Uploads) -> None:
    await uploads.put(LINE, size=len(LINE), name="trail.jsonl", title="The trail")
    assert slack.messages("C0AUDIT") == []


@pytest.mark.parametrize("fault", ["server_error", "down", "drop_before", "drop_after"])
@pytest.mark.parametrize("only", ["files.getUploadURLExternal", "upload"])
async def test_what_goes_wrong_is_an_error_of_the_client(
    slack: SimulatedSlack, uploads: Uploads, fault: str, only: str
) -> None:
    slack.faults.switch_on(fault, only=only)
    with pytest.raises(WEB_API_ERRORS):
        await uploads.put(LINE, size=len(LINE), name="trail.jsonl", title="The trail")


async def test_a_file_of_another_length_is_refused(uploads: Uploads) -> None:
    with pytest.raises(SlackRequestError, match="HTTP 500"):
        await uploads.put(LINE, size=len(LINE) + 1, name="trail.jsonl", title="The trail")


async def test_a_channel_without_the_bot_gets_no_file(slack: SimulatedSlack, uploads: Uploads) -> None:
    slack.remove_bot("C0AUDIT")
    sent = await uploads.put(LINE, size=len(LINE), name="trail.jsonl", title="The trail")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await uploads.share(sent, channel="C0AUDIT", comment="Here it is")
