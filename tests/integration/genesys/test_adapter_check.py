"""The check says what is wrong and what to do, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.genesys import Finding, GenesysAccount, GenesysClient, check

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench
    from tests.support.clocks.fake_clock import FakeClock


ALWAYS = {
    "Genesys roles",
    "Genesys permission: start and stop recordings",
    "Genesys trunk recording",
    "Genesys retention policies",
    "Genesys recording settings",
}
"""What has a sentence although all is well."""


def notes(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.note and finding.what not in ALWAYS]


async def found(bench: Bench, what: str) -> Finding:
    return next(finding for finding in await check(bench.client) if finding.what == f"Genesys {what}")


@pytest.mark.parametrize(("api", "lines"), [("conversations", 15), ("sessions", 4)])
async def test_all_is_well(bench: Bench, api: str, lines: int) -> None:
    bench.simulator.seed()
    before = bench.simulator.snapshot()["calls"]

    findings = await check(bench.client, recording_api=api)

    assert len(findings) == lines
    assert all(finding.ok for finding in findings)
    assert bench.simulator.snapshot()["calls"] == before


async def test_a_missing_permission_is_named_with_where_to_grant_it(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden", only="PATCH")

    wrong = [finding for finding in await check(bench.client) if not finding.ok]

    assert [finding.what for finding in wrong] == ["Genesys permission: start and stop recordings"]
    assert "conversation:call:record" in wrong[0].sentence
    assert "Roles" in wrong[0].sentence


async def test_refused_notifications_are_a_note(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden", only="notification")

    findings = await check(bench.client)

    assert all(finding.ok for finding in findings)
    (note,) = notes(findings)
    assert note.what == "Genesys notifications"
    assert "reading each call" in note.sentence


@pytest.mark.parametrize(
    ("only", "what", "permission", "without"),
    [
        (
            "details",
            "Genesys: which calls are recorded",
            "analytics:conversationDetail:view",
            "record-bot's own recordings",
        ),
        ("GET users", "Genesys: agent names", "directory:user:view", "shown as ids"),
        ("GET queues", "Genesys: queue names", "routing:queue:view", "shown as ids"),
        ("recording metadata", "Genesys saved recordings", "recording:recording:view", "can't say"),
    ],
)
async def test_what_the_bot_can_do_without_is_a_note(
    bench: Bench, only: str, what: str, permission: str, without: str
) -> None:
    bench.simulator.faults.switch_on("forbidden", only=only)

    (note,) = notes(await check(bench.client))

    assert (note.what, note.ok) == (what, True)
    assert permission in note.sentence
    assert without in note.sentence


KEEPING = {
    "recording:deletionProtection:apply": ("Genesys: keeping recordings", "nobody can keep a recording"),
    "recording:deletionProtection:revoke": ("Genesys: releasing recordings", "released in Genesys only"),
    "recording:annotation:add": ("Genesys: reasons on recordings", "no reason in Genesys"),
    "recording:annotation:view": ("Genesys: reading reasons on recordings", "can't see whether"),
}


async def test_all_is_well_with_keeping(bench: Bench) -> None:
    findings = await check(bench.client, keeps=True)
    assert len(findings) == 15 + len(KEEPING)
    assert notes(findings) == []
    assert bench.simulator.recordings.protected == set()


@pytest.mark.parametrize("permission", KEEPING)
async def test_a_missing_permission_for_keeping_is_a_note(bench: Bench, permission: str) -> None:
    bench.simulator.access.granted.discard(permission)

    (note,) = notes(await check(bench.client, keeps=True))

    what, without = KEEPING[permission]
    assert (note.what, note.ok, note.unknown) == (what, True, False)
    assert permission in note.sentence
    assert without in note.sentence


async def test_what_is_not_known_of_keeping_is_said_to_be_unknown(bench: Bench) -> None:
    bench.simulator.access.tells = False
    unknown = [finding.what for finding in await check(bench.client, keeps=True) if finding.unknown]
    assert {"Genesys: reasons on recordings", "Genesys: reading reasons on recordings"} <= set(unknown)


async def test_a_lost_answer_says_nothing_of_keeping(bench: Bench) -> None:
    bench.simulator.faults.switch_on("server_error", only="protection")
    (first, second) = notes(await check(bench.client, keeps=True))
    assert first.sentence.startswith("Couldn't be checked")
    assert (first.ok, second.ok) == (True, True)


async def test_the_second_choice_for_live_calls_is_enough(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden", only="activity")

    (note,) = notes(await check(bench.client))

    assert (note.what, note.ok) == ("Genesys: list of live calls", True)
    assert "new calls appear in the list later" in note.sentence


async def test_without_either_query_there_is_no_list(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden", only="POST conversation ")

    first, second = notes(await check(bench.client))

    assert (first.what, second.what) == ("Genesys: list of live calls", "Genesys: which calls are recorded")
    assert "analytics:queueObservation:view" in first.sentence
    assert "recordings are started by id" in first.sentence
    assert "analytics:conversationDetail:view" in second.sentence


@pytest.mark.parametrize(("only", "count"), [("write", 2), ("read", 1)])
async def test_no_answer_is_no_permission(bench: Bench, only: str, count: int) -> None:
    bench.simulator.faults.switch_on("server_error", only=only)
    assert [finding.ok for finding in await check(bench.client)].count(False) == count


async def test_a_refused_login_ends_the_check(bench: Bench) -> None:
    bench.simulator.faults.switch_on("login_refused")
    last = (await check(bench.client))[-1]
    assert (last.what, last.ok) == ("Genesys login", False)
    assert "PURECLOUD_CLIENT_SECRET" in last.sentence


async def test_an_unknown_region_is_said(bench: Bench, clock: FakeClock) -> None:
    await bench.simulator.stop()
    assert [finding.ok for finding in await check(bench.client)] == [True, False]

    account = GenesysAccount(client_id="id", client_secret="ü", environment="mypurecloud.test")
    client = GenesysClient(account, clock=clock)
    region, login = await check(client)
    await client.close()
    assert (region.ok, login.ok) == (False, False)
    assert "PURECLOUD_ENVIRONMENT" in region.sentence


# --- what no read tells -----------------------------------------------------------------------------------------------

RECORD = "permission: start and stop recordings"
MEANT = "conversation:call:record"


async def test_that_a_start_works_is_never_promised(bench: Bench) -> None:
    start = await found(bench, RECORD)

    assert (start.ok, start.unknown) == (True, True)
    assert f"{MEANT} was granted" in start.sentence
    assert "check --call ID" in start.sentence


@pytest.mark.parametrize("other", ["conversation:participant:wrapup", "conversation:communication:disconnect"])
async def test_another_permission_that_lets_the_request_pass_is_not_enough(bench: Bench, other: str) -> None:
    bench.simulator.access.granted -= {MEANT}
    bench.simulator.access.granted |= {other}

    start = await found(bench, RECORD)

    assert (start.ok, start.unknown) == (False, False)
    assert MEANT in start.sentence


async def test_without_any_of_the_three_the_one_that_is_meant_is_named(bench: Bench) -> None:
    bench.simulator.access.granted -= {MEANT}

    start = await found(bench, RECORD)

    assert start.ok is False
    assert f"lacks the permission {MEANT}" in start.sentence


async def test_without_grant_view_it_is_unknown_what_was_granted(bench: Bench) -> None:
    bench.simulator.access.granted -= {"authorization:grant:view"}

    roles, start, news = [await found(bench, what) for what in ("roles", RECORD, "notifications")]

    assert (roles.ok, start.ok, news.ok) == (roles.unknown, start.unknown, news.unknown) == (True, True, True)
    assert "authorization:grant:view" in roles.sentence
    assert f"Whether {MEANT} was granted is not known" in start.sentence
    assert "conversation:communication:view" in news.sentence


async def test_an_organization_that_shows_no_grants_of_clients(bench: Bench) -> None:
    bench.simulator.access.tells = False
    assert (await found(bench, "roles")).unknown


async def test_wildcards_are_grants(bench: Bench) -> None:
    bench.simulator.access.granted -= {MEANT}
    bench.simulator.access.granted |= {"conversation:call:*", "conversation:participant:wrapup"}
    assert "was granted" in (await found(bench, RECORD)).sentence


async def test_a_client_without_a_role_is_a_problem(bench: Bench) -> None:
    bench.simulator.access.granted.clear()
    roles = await found(bench, "roles")
    assert (roles.ok, "Add one: " in roles.sentence) == (False, True)


async def test_a_topic_that_no_role_permits_is_named(bench: Bench) -> None:
    bench.simulator.access.granted -= {"conversation:communication:view"}
    news = await found(bench, "notifications")
    assert (news.ok, news.note) == (True, True)
    assert "needs conversation:communication:view" in news.sentence


# --- what the organization records ------------------------------------------------------------------------------------


async def test_trunks_that_record_are_counted(bench: Bench) -> None:
    assert "2 of 2 external trunks record calls" in (await found(bench, "trunk recording")).sentence
    bench.simulator.faults.switch_on("no_trunk_recording")
    none = await found(bench, "trunk recording")
    assert (none.ok, none.unknown) == (True, False)
    assert "None of the 2 external trunks" in none.sentence
    assert "user's inbox" in none.sentence


async def test_retention_policies_and_settings_are_told(bench: Bench) -> None:
    assert "enabled: 1." in (await found(bench, "retention policies")).sentence
    assert "60 minutes" in (await found(bench, "recording settings")).sentence


@pytest.mark.parametrize("what", ["trunk recording", "retention policies"])
async def test_without_its_permission_it_is_unknown_and_named(bench: Bench, what: str) -> None:
    bench.simulator.access.granted -= {"recording:retentionPolicy:view"}

    unknown = await found(bench, what)

    assert (unknown.ok, unknown.unknown) == (True, True)
    assert "recording:retentionPolicy:view" in unknown.sentence
    assert "Admin, " in unknown.sentence


async def test_the_reads_create_no_settings(bench: Bench) -> None:
    await check(bench.client)
    (asked,) = [one for one in bench.simulator.requests if one.path == "/api/v2/recording/settings"]
    assert (asked.method, asked.query["createDefault"]) == ("GET", "false")
