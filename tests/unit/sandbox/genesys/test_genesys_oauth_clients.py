"""Several OAuth clients: their divisions, their limits, and their notification channels."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import DIVISION_ID
from tests.unit.sandbox.genesys.genesys_client import GenesysClient, genesys_running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.genesys import SimulatedGenesys

NORTH, SOUTH = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ACTIVITY = {"metrics": [{"metric": "oInteracting", "details": True}], "groupBy": ["userId"]}


@asynccontextmanager
async def two_clients() -> AsyncIterator[tuple[SimulatedGenesys, GenesysClient, GenesysClient]]:
    """Run an organization with a client for each of two divisions, besides the one for all."""
    async with genesys_running() as (genesys, everywhere):
        clients = []
        for client_id, division in (("north", NORTH), ("south", SOUTH)):
            genesys.add_client(client_id, f"{client_id}-secret", {division})
            clients.append(GenesysClient(genesys.url, everywhere.session))
            assert (await clients[-1].login(client_id, f"{client_id}-secret")).status == 200
        yield genesys, clients[0], clients[1]


@pytest.mark.parametrize(
    ("forbids", "status", "code"),
    [(False, 404, "conversation.error.conversation.not.found"), (True, 403, "missing.division.permission")],
)
async def test_a_client_sees_no_call_of_another_division(*, forbids: bool, status: int, code: str) -> None:
    async with two_clients() as (genesys, north, south):
        genesys.clients["south"].forbids = forbids
        call = genesys.add_call(division=NORTH)
        path = f"/conversations/calls/{call.conversation_id}"
        seen, hidden = await north.send("GET", path), await south.send("GET", path)

        assert [one["division"]["id"] for one in seen.body["divisions"]] == [NORTH]
        assert (hidden.status, hidden.code) == (status, code)
        assert (await south.set_state(call.conversation_id, "PAUSED")).status == status
        assert genesys.add_call().divisions == [DIVISION_ID]


async def test_a_client_lists_only_calls_of_its_divisions() -> None:
    async with two_clients() as (genesys, north, south):
        genesys.add_call(agent="Priya Nair", division=NORTH)
        genesys.add_call(agent="Tom Becker", division=SOUTH)
        found = [await one.send("POST", "/analytics/conversations/activity/query", ACTIVITY) for one in (north, south)]

        assert [[len(group["entities"]) for group in one.body["results"]] for one in found] == [[1], [1]]


async def test_each_client_has_its_own_limit() -> None:
    async with two_clients() as (genesys, north, south):
        genesys.rate_limit.allowed = 2
        statuses = [(await north.send("GET", "/tokens/me")).status for _ in range(3)]

        assert statuses == [200, 200, 429]
        assert (await south.send("GET", "/tokens/me")).headers["inin-ratelimit-count"] == "1"
        assert len(genesys.requests_of("north")) == 3


async def test_each_client_is_told_of_itself() -> None:
    async with two_clients() as (_genesys, north, _south):
        about = (await north.send("GET", "/tokens/me")).body["OAuthClient"]

        assert about["id"] == "north"
        assert [pair["divisionId"] for pair in about["roleDivisions"]] == [NORTH]


async def test_a_client_may_follow_only_agents_of_its_divisions_on_its_own_channels() -> None:
    async with two_clients() as (genesys, north, south):
        priya = genesys.add_call(agent="Priya Nair", division=NORTH).agents[0].user_id
        channel = (await north.send("POST", "/notifications/channels")).body["id"]
        theirs = (await south.send("POST", "/notifications/channels")).body["id"]
        topics = [{"id": f"v2.users.{priya}.conversations.calls"}]
        path = "/notifications/channels/{}/subscriptions?ignoreErrors=true"

        assert (await north.send("PUT", path.format(channel), topics)).body["entities"][0]["state"] == "Permitted"
        assert (await south.send("PUT", path.format(theirs), topics)).body["entities"][0]["state"] == "Rejected"
        assert (await south.send("PUT", path.format(channel), topics)).status == 404
        assert [one["id"] for one in (await south.send("GET", "/notifications/channels")).body["entities"]] == [theirs]


async def test_a_revoked_client_takes_no_other_down() -> None:
    async with two_clients() as (genesys, north, south):
        genesys.logins.revoked.add("north")

        assert (await north.send("GET", "/tokens/me")).status == 401
        assert (await north.login("north", "north-secret")).status == 400
        assert (await south.send("GET", "/tokens/me")).status == 200
