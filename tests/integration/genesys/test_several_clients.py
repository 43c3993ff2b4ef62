"""Several OAuth clients through the real SDK: which of them finds, controls, and follows a call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import (
    CallEnded,
    CallNotFound,
    LoginRefused,
    NotAVoiceCall,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
)
from bot.genesys import GenesysAccount, GenesysClient, GenesysClients, adapters, check
from bot.genesys.clients.control import ClientsControl
from bot.genesys.clients.files import ClientsCallFiles
from bot.genesys.clients.notifications import ClientsNotifications
from bot.genesys.clients.people import ClientsPeople
from bot.recording.call import QUEUE_SOURCE, CallRecording
from bot.recording.keeping.recording_files import FilesState, MediaLink
from bot.recording.models import Mechanism, Target
from bot.recording.ports import Priority, tell_nobody
from tests.support.clocks.steady_sockets import steady_pool
from tests.support.recording.change_options import permit_anyone, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import ConfirmedChange
    from bot.sandbox.genesys import SimulatedCall, SimulatedGenesys
    from tests.support.clocks.fake_clock import FakeClock

NORTH, SOUTH = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
UNKNOWN = "33333333-3333-4333-8333-333333333333"


@dataclass
class Center:
    """Two clients of one simulated organization, and the actions of people."""

    simulator: SimulatedGenesys
    clock: FakeClock
    clients: GenesysClients
    per_minute: int = 300
    control: ClientsControl = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget which client has found which call, as a new process does."""
        self.clients = GenesysClients(self.clients.clients)
        found = adapters.control(self.clients)
        assert isinstance(found, ClientsControl)
        self.control = found

    def client(self, label: str) -> GenesysClient:
        return next(one for one in self.clients.clients if one.account.label == label)

    @property
    def deadline(self) -> float:
        return self.clock.monotonic() + 25.0

    async def start(self, call: str) -> ConfirmedChange:
        return await self.control.start(Target(call), within(self.clock), reason_code=None, permit=permit_anyone)

    async def stop(self, target: Target) -> ConfirmedChange:
        return await self.control.stop(target, within(self.clock))

    async def pause(self, call: str) -> ConfirmedChange:
        return await self.control.pause(Target(call), within(self.clock))

    async def read(self, call: str) -> CallRecording:
        found = await self.control.read_call(
            Target(call), deadline=self.deadline, progress=tell_nobody, priority=Priority.LOOP
        )
        return found.recording

    def asked(self, label: str) -> list[str]:
        """Say which requests arrived with this client's tokens, and forget none."""
        return [f"{one.method} {one.status}" for one in self.simulator.requests_of(label)]


@pytest.fixture
def per_minute() -> int:
    return 300


@pytest.fixture
def for_divisions() -> bool:
    """Whether the settings give each client the divisions that its role covers."""
    return True


@pytest.fixture
async def center(
    simulator: SimulatedGenesys, clock: FakeClock, per_minute: int, *, for_divisions: bool
) -> AsyncIterator[Center]:
    clients = []
    for label, division in (("north", NORTH), ("south", SOUTH)):
        simulator.add_client(label, f"{label}-secret", {division})
        account = GenesysAccount(
            label,
            f"{label}-secret",
            api_url=simulator.url,
            label=label,
            divisions=frozenset({division} if for_divisions else ()),
            one_of_several=True,
        )
        clients.append(
            GenesysClient(account, clock=clock, read_timeout=60.0, pool=steady_pool(), requests_per_minute=per_minute)
        )
    yield Center(simulator, clock, GenesysClients(clients))
    await asyncio.gather(*(client.close() for client in clients))


def in_south(center: Center, **described: object) -> SimulatedCall:
    return center.simulator.add_call(division=SOUTH, **described)


def adhoc(effect: ConfirmedChange, call: SimulatedCall) -> Target:
    assert effect.agent is not None
    return Target(call.conversation_id, participant_id=effect.agent.id, mechanism=Mechanism.ADHOC)


# Finding a call


@pytest.mark.parametrize("forbids", [False, True])
async def test_a_call_of_another_division_is_found_by_the_next_client(center: Center, *, forbids: bool) -> None:
    center.simulator.clients["north"].forbids = forbids
    call = in_south(center)
    await center.start(call.conversation_id)

    assert center.asked("north") == ["GET 403" if forbids else "GET 404"]
    assert center.asked("south") == ["GET 200", "PATCH 202", "GET 200"]
    assert call.recording == "active"


async def test_a_found_call_is_controlled_by_the_client_that_found_it(center: Center) -> None:
    call = in_south(center)
    target = adhoc(await center.start(call.conversation_id), call)
    await center.pause(call.conversation_id)
    await center.stop(target)

    assert center.asked("north") == ["GET 404"]
    assert [one for one in center.asked("south") if not one.startswith("GET")] == ["PATCH 202", "PUT 202", "PATCH 202"]


async def test_a_new_process_finds_a_call_by_reading_before_it_changes_anything(center: Center) -> None:
    call = in_south(center)
    target = adhoc(await center.start(call.conversation_id), call)
    center.restart()
    center.simulator.requests.clear()
    await center.stop(target)

    assert center.asked("north") == ["GET 404"]
    assert center.asked("south") == ["GET 200", "PATCH 202", "GET 200"]


async def test_a_call_that_no_client_sees_is_not_found(center: Center) -> None:
    with pytest.raises(CallNotFound):
        await center.start(UNKNOWN)
    with pytest.raises(CallNotFound):
        await center.read(UNKNOWN)


async def test_a_chat_is_told_from_an_id_that_does_not_exist(center: Center) -> None:
    chat = center.simulator.add_chat()
    chat.divisions = [SOUTH]

    with pytest.raises(NotAVoiceCall):
        await center.start(chat.conversation_id)
    assert center.simulator.writes() == []


async def test_a_stop_of_a_call_that_no_client_sees_any_more_finds_it_ended(center: Center) -> None:
    with pytest.raises(CallEnded):
        await center.stop(Target(UNKNOWN, participant_id=UNKNOWN, mechanism=Mechanism.ADHOC))
    assert center.simulator.writes() == []


# Divisions of the settings


async def test_the_settings_divisions_decide_even_where_a_role_covers_more(center: Center) -> None:
    center.simulator.clients["north"].divisions = None
    call = in_south(center)
    await center.start(call.conversation_id)

    assert center.asked("north") == ["GET 200"]
    assert [one.client.client_id for one in center.simulator.writes() if one.client] == ["south"]


async def test_a_call_in_a_division_that_no_client_is_for_is_refused(center: Center) -> None:
    center.simulator.clients["north"].divisions = center.simulator.clients["south"].divisions = None

    with pytest.raises(PermissionMissing, match="division"):
        await center.start(center.simulator.add_call(division=UNKNOWN).conversation_id)
    assert center.simulator.writes() == []


async def test_a_transferred_call_belongs_to_each_of_its_divisions(center: Center) -> None:
    call = in_south(center)
    call.divisions.append(NORTH)
    await center.start(call.conversation_id)

    assert center.asked("north") == ["GET 200", "PATCH 202", "GET 200"]
    assert center.asked("south") == []


# What is left


@pytest.mark.parametrize(("for_divisions", "per_minute"), [(False, 30)])
async def test_of_clients_for_the_same_calls_the_one_with_the_most_left_is_chosen(center: Center) -> None:
    for access in center.simulator.clients.values():
        access.divisions = None
    calls = [center.simulator.add_call(agent=f"Agent {number}") for number in range(6)]
    for call in calls:
        await center.start(call.conversation_id)

    assert len(center.simulator.requests_of("north")) == len(center.simulator.requests_of("south")) == 9


@pytest.mark.parametrize(("for_divisions", "per_minute"), [(False, 30)])
async def test_a_pause_goes_to_another_client_if_the_first_has_nothing_left(center: Center) -> None:
    for access in center.simulator.clients.values():
        access.divisions = None
    call = center.simulator.add_call(policy_recording="active")
    await center.start(call.conversation_id)
    used_up, other = center.clients.of_call(call.conversation_id), None
    assert used_up is not None
    other = next(one for one in center.clients.clients if one is not used_up)
    while used_up.health().requests_left > 0:
        await center.control.controls[used_up].read_call(
            Target(call.conversation_id), deadline=center.deadline, progress=tell_nobody, priority=Priority.PERSON
        )
    await center.pause(call.conversation_id)

    assert center.clients.of_call(call.conversation_id) is other
    assert [one.client.client_id for one in center.simulator.writes() if one.client] == [other.account.label]
    assert call.recording == "paused"


# A client that is refused


async def test_a_refused_client_takes_no_call_of_another_down(center: Center) -> None:
    call = in_south(center)
    center.simulator.logins.revoked.add("north")
    await center.start(call.conversation_id)

    assert call.recording == "active"
    assert not center.clients.health().usable
    assert [one.usable for one in center.clients.healths().values()] == [False, True]


async def test_what_a_refused_client_can_not_tell_is_not_taken_for_not_found(center: Center) -> None:
    call = center.simulator.add_call(division=NORTH)
    center.simulator.logins.revoked.add("north")

    for ask in (center.start, center.read):
        with pytest.raises(LoginRefused):
            await ask(call.conversation_id)


async def test_a_refused_client_is_named_rather_than_a_division_that_another_is_not_for(center: Center) -> None:
    center.simulator.clients["north"].divisions = None
    call = in_south(center)
    center.simulator.logins.revoked.add("south")

    with pytest.raises(LoginRefused):
        await center.start(call.conversation_id)


async def test_all_clients_log_in_and_one_is_enough(center: Center) -> None:
    center.simulator.logins.revoked.add("north")
    await center.clients.login()
    center.simulator.logins.revoked.add("south")
    center.simulator.logins.expire_all()
    for client in center.clients.clients:
        client._token = type(client._token)(client.clock)

    with pytest.raises(LoginRefused):
        await center.clients.login()


@pytest.mark.parametrize("for_divisions", [False])
async def test_a_stop_goes_through_another_client_if_the_first_is_refused(center: Center) -> None:
    for access in center.simulator.clients.values():
        access.divisions = None
    call = center.simulator.add_call()
    target = adhoc(await center.start(call.conversation_id), call)
    first = center.clients.of_call(call.conversation_id)
    assert first is not None
    center.simulator.logins.revoked.add(first.account.client_id)
    await center.stop(target)

    assert call.recording == "none"
    assert center.clients.of_call(call.conversation_id) is not first


# Doubt


async def test_an_unknown_outcome_is_read_with_the_client_that_sent_the_write(center: Center) -> None:
    call = in_south(center)
    center.simulator.faults.switch_on("drop_after", only="write", times=1)
    await center.start(call.conversation_id)

    assert center.asked("north") == ["GET 404"]
    assert center.asked("south") == ["GET 200", "PATCH None", "GET 200"]


async def test_losing_sight_of_a_call_is_no_evidence_of_its_end(center: Center) -> None:
    call = in_south(center)
    target = adhoc(await center.start(call.conversation_id), call)
    call.divisions[:] = [NORTH]

    with pytest.raises(OutcomeUnknown):
        await center.stop(target)
    assert await center.read(call.conversation_id) is CallRecording.ACTIVE
    await center.stop(target)
    assert await center.read(call.conversation_id) is CallRecording.NONE


async def test_a_call_that_is_gone_for_all_clients_has_ended(center: Center) -> None:
    call = in_south(center)
    target = adhoc(await center.start(call.conversation_id), call)
    del center.simulator.floor.calls[call.conversation_id]

    with pytest.raises(CallEnded):
        await center.stop(target)


# Lists, names, notifications


async def test_a_list_has_the_calls_of_all_divisions_and_says_who_finds_them(center: Center) -> None:
    calls = {center.simulator.add_call(agent="Tom Becker", division=NORTH).id, in_south(center).id}
    directory = adapters.directory(center.clients)
    found = await directory.live_calls(deadline=center.deadline)
    told = await directory.with_recording(found, deadline=center.deadline)
    center.simulator.requests.clear()
    await center.start(in_south(center, agent="Lucia Romano").id)
    await center.start(next(call.conversation_id for call in found.calls if call.agents[0].name == "Priya Nair"))

    assert {call.conversation_id for call in found.calls} == calls
    assert found.complete
    assert {call.recording for call in told.calls} == {CallRecording.NONE}
    assert center.asked("north") == ["GET 404"]


async def test_a_list_without_a_refused_client_is_incomplete(center: Center) -> None:
    call = in_south(center)
    center.simulator.logins.revoked.add("north")
    found = await adapters.directory(center.clients).live_calls(deadline=center.deadline)

    assert [one.conversation_id for one in found.calls] == [call.conversation_id]
    assert not found.complete


async def test_names_and_files_come_from_the_client_that_has_them(center: Center) -> None:
    call = in_south(center, policy_recording="active")
    agent, other = call.agents[0].user_id or "", UNKNOWN
    center.simulator.hang_up(call.conversation_id)
    center.simulator.clients["north"].granted.clear()
    files = adapters.saved_recordings(center.clients)
    names = await adapters.directory(center.clients).names("user", frozenset({agent, other}), deadline=center.deadline)
    saved = await files.saved(call.conversation_id, deadline=center.deadline)
    center.simulator.requests.clear()
    again = await files.saved(call.conversation_id, deadline=center.deadline)

    assert names == {agent: "Priya Nair"}
    assert len(saved) == 1
    assert again == saved
    assert center.asked("north") == []


async def test_recordings_are_kept_and_played_through_the_client_that_sees_the_call(center: Center) -> None:
    call = in_south(center, policy_recording="active", started_ago=60)
    center.simulator.hang_up(call.conversation_id)
    center.simulator.clients["north"].granted.clear()
    files = adapters.call_files(center.clients)
    assert isinstance(files, ClientsCallFiles)
    limits: dict[str, Any] = {"deadline": center.deadline, "progress": tell_nobody}

    kept = await files.protect(call.conversation_id, **limits)
    assert (kept.protected, center.simulator.recordings.protected) == (True, {call.conversation_id})
    center.simulator.requests.clear()
    found = await files.files(call.conversation_id, ended_at=None, deadline=center.deadline)
    (file,) = found.ready
    await files.annotate(call.conversation_id, file.id, "third complaint", **limits)
    link = await files.media_link(call.conversation_id, file.id, **limits)
    released = await files.release(call.conversation_id, **limits)

    assert isinstance(link, MediaLink)
    assert (released.protected, center.simulator.recordings.protected) == (False, set())
    assert center.asked("north") == []  # the call's client is known by now


async def test_a_client_that_can_not_tell_leaves_open_whether_there_are_recordings(center: Center) -> None:
    call = in_south(center, started_ago=7200)
    center.simulator.hang_up(call.conversation_id)
    files = adapters.call_files(center.clients)
    long_ago = center.clock.now() - timedelta(hours=2)
    found = await files.files(call.conversation_id, ended_at=long_ago, deadline=center.deadline)
    assert found.state is FilesState.NONE  # both clients say so

    center.simulator.clients["south"].granted.clear()
    with pytest.raises(PermissionMissing):
        await files.files(call.conversation_id, ended_at=long_ago, deadline=center.deadline)


async def test_agents_are_searched_with_all_clients(center: Center) -> None:
    directory = center.simulator.floor.directory
    tom = directory.user_id("Tom Becker")
    directory.user_id("Tom Beckerman")
    people = adapters.people(center.clients)
    assert isinstance(people, ClientsPeople)

    found = await people.find("beck", deadline=center.deadline)
    assert ([one.name for one in found.people], found.complete) == (["Tom Becker", "Tom Beckerman"], True)
    assert [one.user_id for one in (await people.find("tom  BECKER", deadline=center.deadline)).people] == [tom]
    assert center.asked("north") == center.asked("south") == ["POST 200"] * 2

    with pytest.raises(NotFound):
        await people.status(UNKNOWN, deadline=center.deadline)

    center.simulator.clients["north"].granted.clear()
    partly = await people.find("tom becker", deadline=center.deadline)
    assert ([one.user_id for one in partly.people], partly.complete) == ([tom], False)
    assert not (await people.status(tom, deadline=center.deadline)).offline

    center.simulator.clients["south"].granted.clear()
    with pytest.raises(PermissionMissing):
        await people.find("tom becker", deadline=center.deadline)


async def test_an_agents_calls_are_listed_in_all_divisions(center: Center) -> None:
    agent = center.simulator.floor.directory.user_id("Tom Becker")
    calls = {center.simulator.add_call(agent="Tom Becker", division=NORTH).id, in_south(center, agent="Tom Becker").id}
    in_south(center, agent="Lucia Romano")
    found = await adapters.directory(center.clients).live_calls_of(agent, deadline=center.deadline)

    assert ({call.conversation_id for call in found.calls}, found.complete) == (calls, True)


async def test_each_agent_is_followed_by_the_client_that_may(center: Center) -> None:
    calls = [center.simulator.add_call(agent="Tom Becker", division=NORTH)]
    calls += [in_south(center, agent=name) for name in ("Priya Nair", "Lucia Romano", "Kwame Mensah")]
    agents = frozenset(call.agents[0].user_id or "" for call in calls)
    news, arrived = list[str](), asyncio.Event()

    async def on_news(conversation_id: str, _seen: object) -> None:
        news.append(conversation_id)
        arrived.set()

    notifications = adapters.notifications(center.clients)
    running = asyncio.ensure_future(notifications.run(on_news, lambda _: None))
    try:
        async with asyncio.timeout(60):
            while notifications.flowing != agents:
                assert notifications.flowing is notifications.flowing  # it is not put together for each recording
                await notifications.follow(agents)  # as the call monitor does again and again
                await asyncio.sleep(0.01)  # nothing tells a follower that an agent was refused: it asks again
            for call in center.simulator.calls.values():
                center.simulator.set_recording(call.conversation_id)
            while set(news) != set(center.simulator.calls):
                arrived.clear()
                await arrived.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert notifications.problem is None
    assert {one.client_id for one in center.simulator.notifications.channels.values()} == {"north", "south"}


async def test_a_queue_is_followed_by_the_client_that_may(center: Center) -> None:
    directory = center.simulator.floor.directory
    queues = [directory.queue_id("Claims"), directory.queue_id("Sales")]
    directory.divisions |= dict(zip(queues, (NORTH, SOUTH), strict=True))
    sources = frozenset(f"{QUEUE_SOURCE}{queue}" for queue in queues)
    notifications = adapters.notifications(center.clients)

    async def on_news(_conversation_id: str, _seen: object) -> None:
        """Take no news."""

    running = asyncio.ensure_future(notifications.run(on_news, lambda _: None))
    try:
        async with asyncio.timeout(60):
            while notifications.flowing != sources:
                await notifications.follow(sources)
                await asyncio.sleep(0.01)  # nothing tells a follower that a queue was refused: it asks again
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert isinstance(notifications, ClientsNotifications)
    followed = [notifications.followed_by(f"{QUEUE_SOURCE}{queue}") for queue in queues]
    assert followed == [center.client("north"), center.client("south")]


async def test_an_agent_is_followed_by_the_client_that_has_recorded_the_agents_call(center: Center) -> None:
    call = in_south(center)
    await center.start(call.conversation_id)
    notifications = adapters.notifications(center.clients)
    assert isinstance(notifications, ClientsNotifications)
    agent = call.agents[0].user_id or ""
    await notifications.follow(frozenset({agent}))

    assert notifications.followed_by(agent) is center.client("south")


async def test_requests_at_once_carry_their_own_clients_tokens(center: Center) -> None:
    calls = [center.simulator.add_call(agent=f"N {number}", division=NORTH) for number in range(5)]
    calls += [in_south(center, agent=f"S {number}") for number in range(5)]
    owners = {call.id: center.client("north" if call.divisions == [NORTH] else "south") for call in calls}
    for conversation_id, client in owners.items():
        center.clients.found(conversation_id, client)
    await asyncio.gather(*(center.start(call.id) for call in calls))

    assert all(one.status != 404 for one in center.simulator.requests)
    assert all(call.recording == "active" for call in calls)


# The check


async def test_the_check_compares_the_divisions_with_those_of_the_roles(center: Center) -> None:
    good = await check(center.client("north"))
    center.simulator.clients["south"].divisions = frozenset({NORTH})
    wrong = await check(center.client("south"))

    assert [one.ok for one in good if one.what == "Genesys divisions"] == [True]
    (found,) = [one for one in wrong if one.what == "Genesys divisions"]
    assert not found.ok
    assert SOUTH in found.sentence


async def test_the_check_names_the_client_that_can_not_log_in(center: Center) -> None:
    center.simulator.logins.revoked.add("south")
    (_, login) = await check(center.client("south"))

    assert not login.ok
    assert "Check the client south in the file of PURECLOUD_CLIENTS" in login.sentence
