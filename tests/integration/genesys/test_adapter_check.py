"""The check says what is wrong and what to do, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.genesys import GenesysAccount, GenesysClient, check

if TYPE_CHECKING:
    from tests.integration.genesys.desk import Desk
    from tests.support.clock import FakeClock


@pytest.mark.parametrize(("api", "lines"), [("conversations", 11), ("sessions", 4)])
async def test_all_is_well(desk: Desk, api: str, lines: int) -> None:
    desk.simulator.seed()
    before = desk.simulator.snapshot()["calls"]

    findings = await check(desk.client, recording_api=api)

    assert len(findings) == lines
    assert all(finding.ok for finding in findings)
    assert desk.simulator.snapshot()["calls"] == before


async def test_a_missing_permission_is_named_with_where_to_grant_it(desk: Desk) -> None:
    desk.simulator.faults.switch_on("forbidden", only="PATCH")

    wrong = [finding for finding in await check(desk.client) if not finding.ok]

    assert [finding.what for finding in wrong] == ["Genesys permission: start and stop recordings"]
    assert "conversation:call:record" in wrong[0].sentence
    assert "Roles" in wrong[0].sentence


async def test_refused_notifications_are_a_note(desk: Desk) -> None:
    desk.simulator.faults.switch_on("forbidden", only="notification")

    findings = await check(desk.client)

    assert all(finding.ok for finding in findings)
    assert [(finding.what, finding.note) for finding in findings if finding.note] == [("Genesys notifications", True)]
    assert "slow look" in findings[-1].sentence


@pytest.mark.parametrize(
    ("only", "what", "permission", "without"),
    [
        ("details", "recording of live calls", "analytics:conversationDetail:view", "bot's own recordings"),
        ("GET users", "names of agents", "directory:user:view", "by their ids"),
        ("GET queues", "names of queues", "routing:queue:view", "by their ids"),
        ("recording metadata", "saved recordings", "recording:recording:view", "can't say"),
    ],
)
async def test_what_the_bot_can_do_without_is_a_note(
    desk: Desk, only: str, what: str, permission: str, without: str
) -> None:
    desk.simulator.faults.switch_on("forbidden", only=only)

    (note,) = [finding for finding in await check(desk.client) if finding.note]

    assert (note.what, note.ok) == (f"Genesys {what}", True)
    assert permission in note.sentence
    assert without in note.sentence


async def test_the_second_choice_for_live_calls_is_enough(desk: Desk) -> None:
    desk.simulator.faults.switch_on("forbidden", only="activity")

    (note,) = [finding for finding in await check(desk.client) if finding.note]

    assert (note.what, note.ok) == ("Genesys live calls", True)
    assert "details query instead" in note.sentence


async def test_without_either_query_there_is_no_list(desk: Desk) -> None:
    desk.simulator.faults.switch_on("forbidden", only="POST conversation ")

    first, second = [finding for finding in await check(desk.client) if finding.note]

    assert (first.what, second.what) == ("Genesys live calls", "Genesys recording of live calls")
    assert "analytics:queueObservation:view" in first.sentence
    assert "started by their ids" in first.sentence
    assert "analytics:conversationDetail:view" in second.sentence


@pytest.mark.parametrize(("only", "count"), [("write", 2), ("read", 1)])
async def test_no_answer_is_no_permission(desk: Desk, only: str, count: int) -> None:
    desk.simulator.faults.switch_on("server_error", only=only)
    assert [finding.ok for finding in await check(desk.client)].count(False) == count


async def test_a_refused_login_ends_the_check(desk: Desk) -> None:
    desk.simulator.faults.switch_on("login_refused")
    last = (await check(desk.client))[-1]
    assert (last.what, last.ok) == ("Genesys login", False)
    assert "PURECLOUD_CLIENT_SECRET" in last.sentence


async def test_an_unknown_region_is_said(desk: Desk, clock: FakeClock) -> None:
    await desk.simulator.stop()
    assert [finding.ok for finding in await check(desk.client)] == [True, False]

    account = GenesysAccount(client_id="id", client_secret="ü", environment="mypurecloud.test")
    client = GenesysClient(account, clock=clock)
    region, login = await check(client)
    await client.close()
    assert (region.ok, login.ok) == (False, False)
    assert "PURECLOUD_ENVIRONMENT" in region.sentence
