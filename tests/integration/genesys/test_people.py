"""Finding agents, their calls, and how many calls there are, by the real SDK over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import GenesysUnavailable, NotFound, PermissionMissing
from bot.genesys import GenesysDirectory, GenesysPeople, call_volume
from bot.genesys.transport.deadline import unattended
from tests.integration.genesys.transport.test_adapter_odd_answers import gateway

if TYPE_CHECKING:
    from bot.recording.agents.people import CallVolume, PeopleFound
    from tests.integration.genesys.bench import Bench

NIL = "00000000-0000-0000-0000-000000000000"
SEARCH = "POST /api/v2/users/search"
DETAILS = "POST /api/v2/analytics/conversations/details/query"


async def find(bench: Bench, words: str) -> PeopleFound:
    return await GenesysPeople(bench.client).find(words, deadline=bench.deadline)


async def names(bench: Bench, words: str) -> list[str]:
    return [person.name for person in (await find(bench, words)).people]


async def test_people_are_found_by_name_and_by_address(bench: Bench) -> None:
    directory = bench.simulator.floor.directory
    tom = directory.user_id("Tom Becker")
    directory.user_id("Tom Beckerman")
    directory.inactive.add(directory.user_id("Tom Beckett"))
    assert await names(bench, "  beck  tom ") == ["Tom Becker", "Tom Beckerman"]
    assert await names(bench, "TOM BECKER") == ["Tom Becker"]  # the whole name is somebody's
    assert await names(bench, "beckett") == []
    (found,) = (await find(bench, "Tom.Becker@example.com")).people
    assert (found.user_id, found.email) == (tom, "tom.becker@example.com")
    assert await names(bench, "becker@example.com") == []
    bench.simulator.requests.clear()
    assert await names(bench, "   ") == []
    assert bench.simulator.requests == []


async def test_all_pages_are_read_up_to_as_many_as_a_menu_offers(bench: Bench) -> None:
    directory = bench.simulator.floor.directory
    for number in range(60):
        directory.user_id(f"Sam Page {number:03}")
    bench.simulator.faults.switch_on("request_too_large", value=25)
    sams = await find(bench, "sam")
    assert (len(sams.people), sams.complete) == (60, True)
    assert [request.status for request in bench.simulator.requests] == [413, 413, 200, 200, 200]
    for number in range(60, 150):
        directory.user_id(f"Sam Page {number:03}")
    many = await find(bench, "sam")
    assert (len(many.people), many.complete) == (100, False)
    assert (await find(bench, "Sam Page 007")).complete


async def test_whether_an_agent_is_at_work(bench: Bench) -> None:
    people, directory = GenesysPeople(bench.client), bench.simulator.floor.directory
    user = directory.user_id("Priya Nair")
    idle = await people.status(user, deadline=bench.deadline)
    assert (idle.routing, idle.presence, idle.offline) == ("idle", "on queue", False)
    directory.offline.add(user)
    away = await people.status(user, deadline=bench.deadline)
    assert (away.routing, away.offline) == ("off_queue", True)
    with pytest.raises(NotFound):
        await people.status(NIL, deadline=bench.deadline)


@pytest.mark.parametrize("refused", ["", "activity"])
async def test_the_calls_of_one_agent_by_either_query(bench: Bench, refused: str) -> None:
    priya = bench.simulator.floor.directory.user_id("Priya Nair")
    own = bench.simulator.add_call(agents=2)
    bench.simulator.add_call(agent="Tom Becker")
    left = bench.simulator.add_call(agents=2)
    bench.simulator.agent_leaves(left.id, "Priya Nair")
    if refused:
        bench.simulator.faults.switch_on("forbidden", only=refused)
    directory = GenesysDirectory(bench.client)
    listed = await directory.live_calls_of(priya, deadline=bench.deadline)
    assert [call.conversation_id for call in listed.calls] == [own.id]
    assert (await directory.live_calls_of(NIL, deadline=bench.deadline)).calls == ()


async def volume(bench: Bench, **whose: Any) -> CallVolume:
    return await call_volume(bench.client, unattended(bench.deadline), **whose)


async def test_the_calls_of_the_last_day_are_counted(bench: Bench) -> None:
    directory = bench.simulator.floor.directory
    midnight = bench.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since_midnight = (bench.clock.now() - midnight) / timedelta(seconds=1)
    for number in range(3):
        bench.simulator.add_call(started_ago=since_midnight + 3600 * (1 + number))
    bench.simulator.add_call(agent="Tom Becker", queue="Sales", started_ago=since_midnight + 60)
    bench.simulator.add_call(agents=0, started_ago=since_midnight + 60)  # nobody has answered
    bench.simulator.add_call(started_ago=since_midnight / 2)
    bench.simulator.add_call(started_ago=since_midnight + 25 * 3600)
    billing, sales = (directory.queue_id(name) for name in ("Billing", "Sales"))
    tom = directory.user_id("Tom Becker")
    counted = await volume(bench, queue_ids=[billing])
    assert (counted.calls, counted.per_hour) == (3, 0.125)
    assert (await volume(bench, queue_ids=[billing, sales], user_ids=[tom])).calls == 4
    assert (await volume(bench, user_ids=[tom])).calls == 1
    assert (await volume(bench)).calls == 4
    ringing = bench.simulator.add_call(started_ago=since_midnight + 60)
    bench.simulator.transfers.blind(ringing, "Hanna Virtanen", answered=False)
    assert (await volume(bench, user_ids=[directory.user_id("Hanna Virtanen")])).calls == 0


@pytest.mark.parametrize(
    ("act", "permission"),
    [(find, "directory:user:view"), (lambda bench, _: volume(bench), "analytics:conversationDetail:view")],
)
async def test_a_missing_permission_is_named(bench: Bench, act: Any, permission: str) -> None:
    bench.simulator.access.granted -= {permission, "analytics:agentConversationDetail:view"}
    with pytest.raises(PermissionMissing) as missing:
        await act(bench, "tom")
    assert missing.value.permission == permission


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "junk"])
async def test_a_search_that_fails_says_that_genesys_is_unavailable(bench: Bench, fault: str) -> None:
    bench.simulator.faults.switch_on(fault, times=1)
    assert await names(bench, "becker") == ["Tom Becker"]  # a read is repeated
    bench.simulator.faults.switch_on(fault)
    with pytest.raises(GenesysUnavailable):
        await find(bench, "becker")


async def calls_of_priya(bench: Bench, _: str) -> object:
    user = bench.simulator.floor.directory.user_id("Priya Nair")
    return await GenesysDirectory(bench.client).live_calls_of(user, deadline=bench.deadline)


async def status_of_priya(bench: Bench, _: str) -> object:
    user = bench.simulator.floor.directory.user_id("Priya Nair")
    return await GenesysPeople(bench.client).status(user, deadline=bench.deadline)


@pytest.mark.parametrize("act", [find, calls_of_priya, status_of_priya, lambda bench, _: volume(bench)])
async def test_a_limit_is_waited_for(bench: Bench, act: Any) -> None:
    bench.simulator.faults.switch_on("look_ups_limited", times=1, value=5)
    assert await act(bench, "becker")
    assert 5 in bench.clock.slept
    assert [request.status for request in bench.simulator.requests] == [429, 200]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"total": 0}, []),
        ({"results": [None, {"id": "u1"}, {"name": "Nobody"}, {"id": "u2", "name": "Ann", "state": "deleted"}]}, []),
        ({"results": [{"id": "u1", "name": "Ann", "email": 5}], "total": "one"}, ["Ann"]),
    ],
)
async def test_odd_results_are_read_as_far_as_they_go(body: dict[str, Any], found: list[str]) -> None:
    async with gateway({SEARCH: [(200, body)]}) as (_, client, options):
        people = await GenesysPeople(client).find("ann", deadline=options["deadline"])
    assert [person.name for person in people.people] == found


@pytest.mark.parametrize("body", [{}, {"results": None, "total": 7}, {"results": {}}, []])
async def test_an_answer_without_a_list_does_not_say_that_nobody_is_there(body: Any) -> None:
    async with gateway({SEARCH: [(200, body)]}) as (_, client, options):
        with pytest.raises(GenesysUnavailable, match="no list"):
            await GenesysPeople(client).find("ann", deadline=options["deadline"])


async def test_somebody_with_another_address_is_not_found() -> None:
    body = {"results": [{"id": "u1", "name": "Ann", "email": "joann@example.com"}], "total": 1}
    async with gateway({SEARCH: [(200, body)]}) as (_, client, options):
        people = await GenesysPeople(client).find("ann@example.com", deadline=options["deadline"])
    assert people.people == ()


@pytest.mark.parametrize("body", [{}, {"totalHits": None}, {"totalHits": "7"}, {"totalHits": -1}])
async def test_an_answer_without_a_count_is_no_count(body: dict[str, Any]) -> None:
    async with gateway({DETAILS: [(200, body)]}) as (_, client, options):
        with pytest.raises(GenesysUnavailable, match="how many"):
            await call_volume(client, unattended(options["deadline"]))
