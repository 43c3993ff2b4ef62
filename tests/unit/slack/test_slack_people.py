from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
import structlog

from bot.errors import IdentityUnconfirmed, NotPermitted
from bot.recording.caller import Permission, Role
from bot.recording.permissions import require
from bot.recording.policy import Grant
from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import identify, web_client, web_session
from bot.slack.people.users import FRESH_SECONDS, SlackPeople
from tests.support.clocks.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEAM = "T0SANDBOX"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack()
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def people(slack: SimulatedSlack, clock: FakeClock) -> AsyncIterator[SlackPeople]:
    ids = {Role.SUPERVISOR: ("S0SUPERS", "U0MALLORY"), Role.COMPLIANCE: ("U0COMPL",)}
    async with web_session() as session:
        yield SlackPeople(web_client("xoxb-sandbox", api_url=slack.api_url, session=session), TEAM, ids, clock)


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ("U0ADA", {Permission.CONTROL, Permission.READ}),
        ("U0MALLORY", {Permission.CONTROL, Permission.READ}),
        ("U0COMPL", {Permission.READ}),
        ("U0HELPER", set()),
        ("U0NOBODY", set()),
    ],
)
async def test_rights_come_from_lists_and_groups(people: SlackPeople, user: str, may: set[Permission]) -> None:
    caller = await people.caller(user, TEAM)
    assert {one for one in (Permission.CONTROL, Permission.READ) if caller.may(one)} == may
    assert caller.actor == f"slack:{TEAM}:{user}"


@pytest.mark.parametrize("team", [None, "", "T0OTHER"])
async def test_another_team_or_none_is_foreign_without_asking_slack(
    people: SlackPeople, slack: SimulatedSlack, team: str | None
) -> None:
    assert (await people.caller("U0ADA", team)).denial_reason == "foreign_team"
    assert slack.requests == []


async def test_an_answer_counts_for_a_minute(people: SlackPeople, slack: SimulatedSlack, clock: FakeClock) -> None:
    for _ in range(5):
        assert (await people.caller("U0ADA", TEAM)).may(Permission.CONTROL)
    assert len(slack.requests) == 2

    slack.add_group("S0SUPERS", "supervisors", [])
    clock.advance(FRESH_SECONDS - 1)
    assert (await people.caller("U0ADA", TEAM)).may(Permission.CONTROL)
    clock.advance(1)
    assert not (await people.caller("U0ADA", TEAM)).may(Permission.CONTROL)


async def test_an_old_answer_is_not_used_when_slack_fails(
    people: SlackPeople, slack: SimulatedSlack, clock: FakeClock
) -> None:
    await people.caller("U0ADA", TEAM)
    clock.advance(FRESH_SECONDS)
    slack.faults.switch_on("down")
    assert (await people.caller("U0ADA", TEAM)).denial_reason == "unconfirmed"


@pytest.mark.parametrize(("fault", "only"), [("rate_limited", "usergroups.list"), ("hang", "usergroups.list")])
async def test_who_is_named_needs_no_user_group(
    people: SlackPeople, slack: SimulatedSlack, fault: str, only: str
) -> None:
    people.ids[Role.COMPLIANCE] += ("S0NIGHT",)
    people.groups.wanted |= {"S0NIGHT"}
    slack.faults.switch_on(fault, only=only)
    asked = (people.caller(one, TEAM) for one in ("U0MALLORY", "U0COMPL", "U0ADA"))
    named, clara, by_group = await asyncio.gather(*asked)

    assert named.may(Permission.CONTROL)
    assert clara.may(Permission.EXPORT)
    for caller, permission in ((named, Permission.EXPORT), (clara, Permission.CONTROL), (by_group, Permission.CONTROL)):
        with pytest.raises(NotPermitted) as refusal:
            require(caller, permission)
        assert refusal.value.cause == "unconfirmed"


@pytest.mark.parametrize("fault", ["rate_limited", "server_error"])
async def test_who_is_named_is_refused_while_slack_does_not_say_who_they_are(
    people: SlackPeople, slack: SimulatedSlack, fault: str
) -> None:
    slack.add_person("U0MALLORY", "Mallory", "mallory", deleted=True)
    slack.faults.switch_on(fault, only="usergroups.list")
    assert (await people.caller("U0MALLORY", TEAM)).denial_reason == "deleted"
    slack.faults.switch_on(fault, only="users.info")
    people._cache.clear()
    assert (await people.caller("U0MALLORY", TEAM)).denial_reason == "unconfirmed"


@pytest.mark.parametrize("how", ["gone", "disabled"])
async def test_a_group_that_gives_nothing_takes_nothing_from_others(
    people: SlackPeople, slack: SimulatedSlack, how: str
) -> None:
    people.ids[Role.SUPERVISOR] += ("S0NIGHT",)
    people.ids[Role.COMPLIANCE] += ("S0NOBODY",)
    if how == "gone":
        del slack.workspace.groups["S0SUPERS"]
    else:
        slack.disable_group("S0SUPERS")
    people.groups.wanted |= {"S0NIGHT", "S0NOBODY"}
    ada, heidi, clara = [await people.caller(one, TEAM) for one in ("U0ADA", "U0HEIDI", "U0COMPL")]

    assert (ada.denial_reason, ada.roles) == (None, frozenset())
    assert heidi.roles == {Role.SUPERVISOR}
    assert clara.roles == {Role.COMPLIANCE}
    assert [group.id for group in people.groups.unusable] == ["S0NOBODY", "S0SUPERS"]
    assert "S0SUPERS" in people.groups.problem


async def test_groups_on_a_later_page_are_not_gone(people: SlackPeople, slack: SimulatedSlack) -> None:
    slack.workspace.groups_in_page = 1
    people.groups.wanted |= {"S0NIGHT"}
    groups = await people.groups.current()
    assert [groups[one].members for one in ("S0SUPERS", "S0NIGHT")] == [{"U0ADA", "U0GRACE"}, {"U0HEIDI"}]
    assert people.groups.unusable == ()


async def test_a_list_of_groups_that_slack_refuses_is_named_until_it_comes(
    people: SlackPeople, slack: SimulatedSlack
) -> None:
    slack.faults.switch_on("missing_scope", only="usergroups.list", times=1)
    assert (await people.caller("U0ADA", TEAM)).denial_reason == "unconfirmed"
    assert people.groups.problem.startswith("Slack doesn't list the user groups (missing_scope)")
    assert (await people.caller("U0ADA", TEAM)).may(Permission.CONTROL)
    assert people.groups.problem == ""


async def test_a_plan_without_user_groups_is_an_answer(people: SlackPeople, slack: SimulatedSlack) -> None:
    slack.workspace.no_user_groups = True
    assert (await people.caller("U0MALLORY", TEAM)).may(Permission.CONTROL)
    assert (await people.caller("U0ADA", TEAM)).denial_reason is None
    assert [group.id for group in people.groups.unusable] == ["S0SUPERS"]


async def test_all_groups_are_asked_for_at_once_and_for_everybody(slack: SimulatedSlack, clock: FakeClock) -> None:
    ids = tuple(f"S0GROUP{number}" for number in range(30))
    for one in ids:
        slack.add_group(one, one.lower(), [])
    slack.add_group(ids[-1], "last", ["U0ADA", "U0GRACE"])
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        people = SlackPeople(client, TEAM, {Role.SUPERVISOR: ids}, clock)
        for _ in range(3):
            asked = await asyncio.gather(*(people.caller(one, TEAM) for one in ("U0ADA", "U0GRACE", "U0MALLORY")))
            assert [one.may(Permission.CONTROL) for one in asked] == [True, True, False]
            clock.advance(FRESH_SECONDS)
    assert [one.method for one in slack.requests].count("usergroups.list") == 3


async def test_a_dead_group_is_logged_once_and_again_when_it_gives_rights(
    people: SlackPeople, slack: SimulatedSlack, clock: FakeClock
) -> None:
    slack.disable_group("S0SUPERS")
    with structlog.testing.capture_logs() as logged:
        for on in (True, True, False):
            slack.disable_group("S0SUPERS", on=on)
            await people.groups.current()
            clock.advance(FRESH_SECONDS)
    assert [one["event"] for one in logged] == ["user_group_lost", "user_group_restored"]
    assert people.groups.problem == ""


async def test_the_bot_knows_itself_and_its_scopes(people: SlackPeople) -> None:
    identity = await identify(people.client)
    assert (identity.team_id, identity.bot_user_id) == (TEAM, "U0RECBOT")
    assert identity.scopes == {"commands", "chat:write", "files:write", "users:read", "usergroups:read"}


async def test_the_locale_is_known_once_slack_was_asked_anyway(people: SlackPeople) -> None:
    assert people.locale("U0HEIDI") is None
    await people.caller("U0HEIDI", TEAM)
    assert people.locale("U0HEIDI") == "de-DE"
    assert people.locale("U0GRACE") is None


async def test_a_locale_outlives_the_time_that_rights_count(
    people: SlackPeople, slack: SimulatedSlack, clock: FakeClock
) -> None:
    await people.caller("U0HEIDI", TEAM)
    clock.advance(FRESH_SECONDS + 1)
    slack.faults.switch_on("down")
    assert (await people.caller("U0HEIDI", TEAM)).denial_reason == "unconfirmed"
    assert people.locale("U0HEIDI") == "de-DE"


async def test_all_that_is_to_be_known_is_asked_at_once(
    people: SlackPeople, slack: SimulatedSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another, the answers of a slow Slack would take longer than the person's command may."""
    monkeypatch.setattr("bot.slack.people.users.ANSWER_SECONDS", 60)
    slack.faults.switch_on("hang", value=60, only="usergroups")
    asking = asyncio.create_task(people.caller("U0ADA", TEAM))
    await slack.wait_for(lambda: "users.info" in [one.method for one in slack.requests], timeout=10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await slack.stop()
    with pytest.raises(IdentityUnconfirmed):
        await people.groups.current()  # the same request: it goes on without the one who asked


async def test_a_person_has_the_grants_that_name_them_or_a_group_of_theirs(slack: SimulatedSlack) -> None:
    """The index over the grants finds what a look at each of them finds."""
    chance = random.Random(7)  # noqa: S311  repeatable, and no secret
    users, groups = [f"U0P{number}" for number in range(6)], [f"S0G{number}" for number in range(5)]
    for user in users:
        slack.add_person(user, user, user.lower())
    for group in groups:
        slack.add_group(group, group.lower(), chance.sample(users, 3))
    slack.disable_group(groups[0])
    grants = tuple(
        Grant(f"Grant {number}", tuple(chance.sample([*users, *groups], 2)), frozenset({f"queue-{number}"}))
        for number in range(12)
    )
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        people = SlackPeople(client, TEAM, {Role.SUPERVISOR: ("U0NOBODY",)}, FakeClock(), grants)
        for user in users:
            each = [grant.label for grant in grants if await people.groups.among(user, grant.who)]
            assert list((await people.caller(user, TEAM)).grants) == each


async def test_a_person_named_in_each_grant_needs_no_groups(slack: SimulatedSlack) -> None:
    slack.faults.switch_on("down", only="usergroups.list")
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        grants = (Grant("Sales", ("U0HELPER", "S0SUPERS"), frozenset({"queue"})),)
        people = SlackPeople(client, TEAM, {Role.SUPERVISOR: ("U0NOBODY",)}, FakeClock(), grants)

        assert (await people.caller("U0HELPER", TEAM)).grants == ("Sales",)
        assert (await people.caller("U0ADA", TEAM)).denial_reason == "unconfirmed"
