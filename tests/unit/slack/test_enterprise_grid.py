"""Enterprise Grid: a person is one person in every workspace of the organization, and others stay outside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from bot.errors import SettingsError
from bot.recording.caller import Permission, Role
from bot.sandbox.slack import Enterprise, SimulatedSlack
from bot.slack.client import SlackIdentity, identify, own_workspace, web_client, web_session
from bot.slack.people.users import SlackPeople, denial_reason
from tests.support.clocks.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE, EAST, FAR = "T0SANDBOX", "T0EASTSIDE", "T0FARAWAY"
ORGANIZATION, ANOTHER = "E0SANDBOX", "E0ANOTHER"
VIA_EAST = {"enterprise_id": ORGANIZATION, "teams": [EAST, HERE]}


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack()
    simulated.seed()
    simulated.faults.switch_on("enterprise_grid")
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def people(slack: SimulatedSlack) -> AsyncIterator[SlackPeople]:
    ids = {Role.SUPERVISOR: ("S0SUPERS", "U0ELSEWHERE", "U0PARTNER", "U0OUTSIDE"), Role.COMPLIANCE: ("U0COMPL",)}
    slack.add_person("U0ELSEWHERE", "Edna", "edna", team_id=FAR, teams=[FAR])
    slack.add_person("U0PARTNER", "Pia", "pia", team_id=FAR, teams=[FAR, HERE], enterprise_id=ANOTHER)
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        identity = await identify(client)
        yield SlackPeople(client, HERE, ids, FakeClock(), enterprise_id=identity.enterprise_id)


@pytest.mark.parametrize("told", ["home", "here", "none"])
@pytest.mark.parametrize("named", [HERE, EAST])
async def test_a_member_from_another_workspace_has_all_rights_and_one_actor_id(
    people: SlackPeople, slack: SimulatedSlack, told: Literal["home", "here", "none"], named: str
) -> None:
    slack.join_enterprise(Enterprise(told=told))

    caller = await people.caller("U0GRACE", named)

    assert caller.may(Permission.CONTROL)
    assert caller.actor == f"slack:{HERE}:U0GRACE"


@pytest.mark.parametrize(
    ("user", "named", "cause"),
    [
        ("U0ELSEWHERE", FAR, "foreign_team"),
        ("U0PARTNER", FAR, "foreign_team"),
        ("U0OUTSIDE", "T0ELSEWHERE", "foreign_team"),
        ("U0OUTSIDE", HERE, "foreign_team"),
        ("U0GUEST", HERE, "guest"),
        ("U0UNKNOWN", FAR, "foreign_team"),
        ("U0GRACE", None, "foreign_team"),
    ],
)
async def test_others_stay_refused(people: SlackPeople, user: str, named: str | None, cause: str) -> None:
    caller = await people.caller(user, named)

    assert (caller.denial_reason, caller.may(Permission.CONTROL)) == (cause, False)
    assert caller.actor == f"slack:{named or '?'}:{user}"


async def test_who_was_confirmed_once_keeps_the_actor_id_while_slack_is_away(
    people: SlackPeople, slack: SimulatedSlack
) -> None:
    await people.caller("U0GRACE", EAST)
    assert isinstance(people.clock, FakeClock)
    people.clock.advance(61)
    slack.faults.switch_on("down")

    caller = await people.caller("U0GRACE", EAST)

    assert (caller.denial_reason, caller.actor) == ("unconfirmed", f"slack:{HERE}:U0GRACE")


async def test_outside_an_organization_another_team_is_foreign_whatever_slack_says(people: SlackPeople) -> None:
    alone = replace(people, enterprise_id=None)

    assert (await alone.caller("U0GRACE", EAST)).denial_reason == "foreign_team"


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ({"enterprise_user": VIA_EAST}, None),
        ({"team_id": EAST, "enterprise_user": VIA_EAST}, None),
        ({"team_id": EAST, "enterprise_user": VIA_EAST | {"teams": [EAST]}}, "foreign_team"),
        ({"enterprise_user": VIA_EAST | {"enterprise_id": ANOTHER}}, "foreign_team"),
        ({"enterprise_user": VIA_EAST, "is_stranger": True}, "stranger"),
        ({"enterprise_user": VIA_EAST, "deleted": True}, "deleted"),
        ({"enterprise_user": {"enterprise_id": ORGANIZATION}}, "foreign_team"),
        ({"team_id": HERE, "enterprise_user": {}}, None),
        ({"team_id": HERE}, None),
        ({"team_id": FAR}, "foreign_team"),
        ({}, "foreign_team"),
    ],
)
def test_who_belongs_to_the_organization(user: dict[str, object], found: str | None) -> None:
    assert denial_reason(user, HERE, ORGANIZATION) == found


async def test_a_token_of_the_whole_organization_is_refused_in_a_sentence(slack: SimulatedSlack) -> None:
    slack.join_enterprise(Enterprise(org_wide=True))
    async with web_session() as session:
        identity = await identify(web_client("xoxb-sandbox", api_url=slack.api_url, session=session))

    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is for the whole organization") as refused:
        own_workspace(identity)
    assert "single workspace" in refused.value.sentences[0]


def test_the_beginning_of_a_team_id_tells_it_too() -> None:
    with pytest.raises(SettingsError):
        own_workspace(SlackIdentity(ORGANIZATION, "U0RECBOT", "B0RECBOT"))
    assert own_workspace(SlackIdentity(HERE, "U0RECBOT", "B0RECBOT", enterprise_id=ORGANIZATION)).team_id == HERE
