from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.outbox.relay import Backoff, is_final, run_to_completion
from bot.slack.api_errors import DeliveryFailure, code, retry_after, verdict
from bot.slack.listeners.background import Work
from tests.support.clocks.fake_clock import FakeClock


def refused(data: Any, status: int = 200, **headers: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="https://slack.example/api/chat.postMessage",
        req_args={},
        data=data,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        status_code=status,
    )
    return SlackApiError("refused", response)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("error", "means", "named"),
    [
        (refused({"ok": False, "error": "ratelimited"}, 429), DeliveryFailure.LATER, "ratelimited"),
        (refused({"ok": False, "error": "missing_scope"}), DeliveryFailure.LATER, "missing_scope"),
        (refused({"ok": False, "error": "message_not_found"}), DeliveryFailure.GONE, "message_not_found"),
        (refused({"ok": False, "error": "not_in_channel"}), DeliveryFailure.UNREACHABLE, "not_in_channel"),
        (refused({"ok": False, "error": "is_archived"}), DeliveryFailure.UNREACHABLE, "is_archived"),
        (refused({"ok": False, "error": "user_disabled"}), DeliveryFailure.UNREACHABLE, "user_disabled"),
        (
            refused({"ok": False, "error": "messages_tab_disabled"}),
            DeliveryFailure.UNREACHABLE,
            "messages_tab_disabled",
        ),
        (refused({"ok": False, "error": "internal_error"}), DeliveryFailure.UNKNOWN, "internal_error"),
        (refused({"ok": False}), DeliveryFailure.LATER, "http_200"),
        (refused("", 503), DeliveryFailure.UNKNOWN, "http_503"),
        (refused("<html>bad gateway</html>", 502), DeliveryFailure.UNKNOWN, "http_502"),
        (aiohttp.ServerDisconnectedError(), DeliveryFailure.UNKNOWN, "ServerDisconnectedError"),
        (TimeoutError(), DeliveryFailure.UNKNOWN, "TimeoutError"),
    ],
)
def test_every_answer_has_a_meaning(error: Exception, means: DeliveryFailure, named: str) -> None:
    assert (verdict(error), code(error)) == (means, named)


@pytest.mark.parametrize(
    ("named", "final"),
    [
        ("invalid_blocks", True),
        ("invalid_blocks_format", True),
        ("invalid_metadata_format", True),
        ("metadata_too_large", True),
        ("msg_too_long", True),
        ("is_archived", True),
        ("message_not_found", True),
        ("invalid_auth", False),
        ("missing_scope", False),
        ("internal_error", False),
    ],
)
def test_what_trying_again_can_not_help(named: str, final: bool) -> None:  # noqa: FBT001
    assert is_final(refused({"ok": False, "error": named})) is final


def test_slacks_own_waiting_time_is_obeyed() -> None:
    assert retry_after(refused({"error": "ratelimited"}, 429, Retry_After="7")) == 7
    assert retry_after(refused({"error": "ratelimited"}, 429)) == 1
    assert retry_after(refused({"error": "ratelimited"}, 429, Retry_After="soon")) == 1
    assert retry_after(refused("", 503, Retry_After="7")) is None
    assert retry_after(TimeoutError()) is None


async def test_waits_grow_to_a_limit_and_begin_anew_after_success() -> None:
    clock = FakeClock()
    pace = Backoff(clock)
    for _ in range(8):
        await pace.wait_after(TimeoutError(), "card")
    assert clock.slept == [1, 2, 4, 8, 16, 30, 30, 30]
    shown = [pace.problem]
    pace.went_well()
    assert [*shown, pace.problem] == ["TimeoutError", None]
    await pace.wait_after(refused({"error": "ratelimited"}, 429, Retry_After="3"), "card")
    assert clock.slept[-1] == 3


async def test_work_is_kept_hold_of_and_waited_for() -> None:
    work, release, ended = Work(), asyncio.Event(), []

    async def job() -> None:
        await release.wait()
        ended.append(1)

    work.start(job())
    assert await work.drain(0) == 1
    release.set()
    assert await work.drain(10) == 0
    assert ended == [1]


async def test_work_that_breaks_takes_nothing_with_it() -> None:
    work = Work()

    async def broken() -> None:
        raise RuntimeError("broken")

    work.start(broken())
    assert await work.drain(10) == 0


async def test_work_that_work_leads_to_is_waited_for_too() -> None:
    work, ended = Work(), list[str]()

    async def answer() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        ended.append("answer")

    async def click() -> None:
        await asyncio.sleep(0)
        work.start(answer())
        ended.append("click")

    work.start(click())
    assert await work.drain(10) == 0
    assert ended == ["click", "answer"]


async def test_what_is_on_its_way_arrives_although_the_bot_stops() -> None:
    posted = asyncio.Event()
    noted: list[str] = []

    async def step() -> None:
        posted.set()
        await answered.wait()
        noted.append("delivered")

    answered = asyncio.Event()
    loop = asyncio.create_task(run_to_completion(step()))
    await posted.wait()
    loop.cancel()
    await asyncio.sleep(0)
    loop.cancel()  # the end of the loops is asked for more than once
    answered.set()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert noted == ["delivered"]


async def test_what_never_arrives_does_not_keep_the_bot_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.outbox.relay.END_SECONDS", 0.01)
    loop = asyncio.create_task(run_to_completion(asyncio.Event().wait()))
    await asyncio.sleep(0)
    loop.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await loop


async def test_what_a_step_raises_is_raised() -> None:
    async def step() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        await run_to_completion(step())
