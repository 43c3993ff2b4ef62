from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SimulatedSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from aiohttp import ClientSession


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def still_slack(clock: Clock) -> AsyncIterator[SimulatedSlack]:
    """A simulated Slack in which no time passes by itself."""
    simulated = SimulatedSlack(clock=clock)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def still_client(still_slack: SimulatedSlack, session: ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-sandbox", base_url=still_slack.api_url, session=session, retry_handlers=[])


async def refusal_of(call: Awaitable[Any]) -> Any:
    with pytest.raises(SlackApiError) as refusal:
        await call
    return refusal.value.response


async def test_auth_test_says_who_the_bot_is(client: AsyncWebClient) -> None:
    answer = await client.auth_test()

    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SANDBOX", "U0RECBOT", "B0RECBOT")
    assert answer.headers["x-oauth-scopes"] == "chat:write,commands,files:write,usergroups:read,users:read"


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type")],
)
async def test_a_wrong_token_is_refused(slack: SimulatedSlack, session: ClientSession, token: str, error: str) -> None:
    client = AsyncWebClient(token=token, base_url=slack.api_url, session=session)
    assert (await refusal_of(client.users_info(user="U0ADA")))["error"] == error


async def test_the_token_may_stand_in_the_body_and_is_not_kept(slack: SimulatedSlack, session: ClientSession) -> None:
    form = {"token": "xoxb-sandbox", "channel": "C0FLOOR", "text": "hi", "blocks": '[{"type": "divider"}]'}
    async with session.post(f"{slack.api_url}chat.postMessage", data=form) as response:
        assert (await response.json())["ok"] is True

    assert slack.messages("C0FLOOR")[0].blocks[0]["type"] == "divider"
    assert "token" not in slack.requests[0].payload


async def test_a_missing_scope_is_named(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    answer = await refusal_of(client.conversations_info(channel="C0AUDIT"))
    assert answer["error"] == "missing_scope"
    assert "channels:read" in answer["needed"]
    assert answer["provided"] == "chat:write,commands,files:write,usergroups:read,users:read"

    slack.scopes.add("channels:read")
    assert (await client.conversations_info(channel="C0AUDIT"))["channel"]["is_member"] is True
    assert "U0COMPL" in (await client.conversations_members(channel="C0AUDIT"))["members"]

    slack.faults.switch_on("missing_scope", times=1, only="chat.postMessage")
    answer = await refusal_of(client.chat_postMessage(channel="C0FLOOR", text="x"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")


async def test_people_are_described_as_slack_does(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.add_person("U0GONE", "Gone Girl", "gone", deleted=True)

    ada = (await client.users_info(user="U0ADA", include_locale=True))["user"]
    guest = (await client.users_info(user="U0GUEST"))["user"]
    outside = (await client.users_info(user="U0OUTSIDE"))["user"]
    gone = (await client.users_info(user="U0GONE"))["user"]

    assert (ada["team_id"], ada["tz"], ada["locale"], ada["is_bot"]) == ("T0SANDBOX", "Europe/Berlin", "en-US", False)
    assert (guest["is_restricted"], guest["is_ultra_restricted"]) == (True, True)
    assert (outside["is_stranger"], outside["team_id"]) == (True, "T0ELSEWHERE")
    assert gone["deleted"] is True
    assert "is_restricted" not in gone
    assert (await refusal_of(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"


async def test_groups_have_members(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0SUPERS"))["users"] == ["U0ADA", "U0GRACE"]
    slack.add_group("S0SUPERS", "supervisors", ["U0GRACE"])
    assert (await client.usergroups_users_list(usergroup="S0SUPERS"))["users"] == ["U0GRACE"]
    assert (await client.usergroups_list())["usergroups"][0]["user_count"] == 1
    assert (await refusal_of(client.usergroups_users_list(usergroup="S0NONE")))["error"] == "no_such_subteam"


async def test_a_disabled_group_is_listed_only_for_who_asks_for_it(
    slack: SimulatedSlack, client: AsyncWebClient
) -> None:
    slack.disable_group("S0NIGHT")
    plain = (await client.usergroups_list())["usergroups"]
    whole = (await client.usergroups_list(include_users=True, include_disabled=True))["usergroups"]

    assert [group["id"] for group in plain] == ["S0SUPERS"]
    assert [(group["id"], bool(group["date_delete"]), group["users"]) for group in whole] == [
        ("S0SUPERS", False, ["U0ADA", "U0GRACE"]),
        ("S0NIGHT", True, ["U0HEIDI"]),
    ]
    assert (await refusal_of(client.usergroups_users_list(usergroup="S0NIGHT")))["error"] == "no_such_subteam"


async def test_in_an_organization_slack_names_the_home_workspace_in_some_places_and_not_in_others(
    slack: SimulatedSlack, client: AsyncWebClient
) -> None:
    slack.faults.switch_on("enterprise_grid", times=1)
    await slack.command("U0GRACE", "C0FLOOR", "help")
    assert slack.last_delivery is not None
    typed = slack.last_delivery.payload.body
    clicked = (await slack.shortcut("U0GRACE", "any")).payload.body
    told = (await client.users_info(user="U0GRACE"))["user"]
    slack.give_global_id("U0ADA", "W0ADA")

    assert (typed["team_id"], typed["enterprise_id"]) == ("T0SANDBOX", "E0SANDBOX")
    assert (clicked["user"]["team_id"], clicked["team"]["id"]) == ("T0EASTSIDE", "T0SANDBOX")
    assert clicked["enterprise"]["id"] == "E0SANDBOX"
    assert (told["team_id"], told["enterprise_user"]["teams"]) == ("T0EASTSIDE", ["T0EASTSIDE", "T0SANDBOX"])
    assert "enterprise_user" not in (await client.users_info(user="U0OUTSIDE"))["user"]
    assert (await client.auth_test())["enterprise_id"] == "E0SANDBOX"
    assert (await client.users_info(user="U0ADA"))["user"]["id"] == "W0ADA"
    slack.faults.switch_off("enterprise_grid")
    assert "enterprise_user" not in (await client.users_info(user="U0GRACE"))["user"]


async def test_a_channel_can_take_no_posts(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("read_only_channel")
    for refused in (
        client.chat_postMessage(channel="C0FLOOR", text="x"),
        client.chat_scheduleMessage(channel="C0FLOOR", text="x", post_at=int(time.time()) + 3600),
    ):
        assert (await refusal_of(refused))["error"] == "restricted_action_read_only_channel"
    await client.chat_postMessage(channel="C0AUDIT", text="x")
    slack.faults.switch_off("read_only_channel")
    await client.chat_postMessage(channel="C0FLOOR", text="x")


async def test_users_come_in_pages(client: AsyncWebClient) -> None:
    seen: list[str] = []
    async for page in await client.users_list(limit=4):
        seen += [user["id"] for user in page["members"]]
    assert len(seen) == len(set(seen)) == 11


async def test_posting_is_limited_to_one_a_second_a_channel_after_a_burst(
    still_slack: SimulatedSlack, still_client: AsyncWebClient, clock: Clock
) -> None:
    for number in range(5):
        await still_client.chat_postMessage(channel="C0FLOOR", text=str(number))

    answer = await refusal_of(still_client.chat_postMessage(channel="C0FLOOR", text="too soon"))

    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == "1"
    await still_client.chat_postMessage(channel="C0AUDIT", text="another channel")
    clock.now += 1
    await still_client.chat_postMessage(channel="C0FLOOR", text="5")
    assert [message.text for message in still_slack.messages("C0FLOOR")] == ["0", "1", "2", "3", "4", "5"]


async def test_group_look_ups_are_limited_to_twenty_a_minute(still_client: AsyncWebClient, clock: Clock) -> None:
    for _ in range(20):
        await still_client.usergroups_users_list(usergroup="S0SUPERS")

    answer = await refusal_of(still_client.usergroups_users_list(usergroup="S0SUPERS"))

    assert answer.headers["Retry-After"] == "3"
    clock.now += 3
    await still_client.usergroups_users_list(usergroup="S0SUPERS")


async def test_a_rate_limit_names_the_seconds_and_passes(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("rate_limited", times=1, value=1)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))

    await client.chat_postMessage(channel="C0FLOOR", text="patient")

    assert [(request.ok, request.error) for request in slack.requests] == [(False, "rate_limited"), (True, None)]


async def test_a_request_cut_before_it_is_applied_leaves_nothing(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("drop_before", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0FLOOR", text="x")
    assert slack.messages("C0FLOOR") == []


async def test_a_request_cut_after_it_is_applied_leaves_its_message(
    slack: SimulatedSlack, client: AsyncWebClient
) -> None:
    slack.faults.switch_on("drop_after", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0FLOOR", text="x")
    assert [message.text for message in slack.messages("C0FLOOR")] == ["x"]


async def test_a_request_that_hangs_until_its_caller_gives_up_is_not_applied(
    slack: SimulatedSlack, session: ClientSession
) -> None:
    slack.faults.switch_on("hang", times=1, value=0.6)
    form = {"token": "xoxb-sandbox", "channel": "C0FLOOR", "text": "x"}
    asking = asyncio.ensure_future(session.post(f"{slack.api_url}chat.postMessage", data=form))
    await slack.wait_for(lambda: [one.error for one in slack.requests] == ["hang"])
    asking.cancel()
    await slack.wait_for(lambda: slack.requests[0].ok is False)
    assert slack.messages("C0FLOOR") == []


async def test_a_request_that_hangs_is_answered_late(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.faults.switch_on("hang", times=1, value=0.1)
    await client.chat_postMessage(channel="C0FLOOR", text="late")
    assert [message.text for message in slack.messages("C0FLOOR")] == ["late"]


@pytest.mark.parametrize(("fault", "status"), [("server_error", 500), ("down", 503)])
async def test_a_broken_slack_answers_with_its_status(
    slack: SimulatedSlack, session: ClientSession, fault: str, status: int
) -> None:
    slack.faults.switch_on(fault)
    async with session.post(f"{slack.api_url}api.test") as response:
        assert response.status == status
    slack.faults.switch_all_off()
    async with session.post(f"{slack.api_url}api.test") as response:
        assert (await response.json())["ok"] is True


async def test_an_unknown_method_is_called_unknown(client: AsyncWebClient) -> None:
    assert (await refusal_of(client.api_call("chat.whisper")))["error"] == "unknown_method"


async def test_the_way_to_a_person_can_be_opened(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.scopes |= {"im:write", "im:read"}
    slack.add_person("U0GONE", "Gone Girl", "gone", deleted=True)

    opened = (await client.conversations_open(users="U0ADA", return_im=True))["channel"]

    assert (opened["id"], opened["is_im"], opened["user"]) == ("D0ADA", True, "U0ADA")
    assert (await client.conversations_open(channel="D0ADA"))["channel"] == {"id": "D0ADA"}
    assert (await refusal_of(client.conversations_open(users="U0GONE")))["error"] == "user_disabled"
    assert (await refusal_of(client.conversations_open(users="")))["error"] == "users_list_not_supplied"


async def test_small_questions_are_answered(client: AsyncWebClient) -> None:
    assert (await client.bots_info(bot="B0RECBOT"))["bot"]["user_id"] == "U0RECBOT"
    assert (await refusal_of(client.bots_info(bot="B0NONE")))["error"] == "bot_not_found"
    assert (await refusal_of(client.api_test(error="my_error")))["error"] == "my_error"
    assert (await refusal_of(client.users_list(cursor="?")))["error"] == "invalid_cursor"
    form = {"channel": "C0FLOOR", "text": "x", "blocks": "[{"}
    assert (await refusal_of(client.api_call("chat.postMessage", data=form)))["error"] == "invalid_blocks_format"
