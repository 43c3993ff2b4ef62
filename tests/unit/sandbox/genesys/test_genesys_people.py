"""The simulated directory: searching for users, and whether they are at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.genesys.genesys_client import genesys_running

if TYPE_CHECKING:
    from tests.unit.sandbox.genesys.genesys_client import GenesysClient


def criterion(kind: str, name: str, value: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "fields": [name], "value": value} | more


async def searched(api: GenesysClient, *criteria: dict[str, Any], **more: Any) -> list[str]:
    answer = await api.send("POST", "/users/search", {"query": list(criteria)} | more)
    assert answer.status == 200, answer.text
    return [user["name"] for user in answer.body["results"]]


async def test_people_are_found_by_name_and_by_address() -> None:
    async with genesys_running() as (genesys, api):
        priya = genesys.floor.directory.user_id("Priya Nair")
        genesys.floor.directory.emails[priya] = "p.nair@example.org"
        assert await searched(api, criterion("CONTAINS", "name", "NAIR")) == ["Priya Nair"]
        assert await searched(api, criterion("EXACT", "email", "P.Nair@example.org")) == ["Priya Nair"]
        assert await searched(api, criterion("EXACT", "email", "nair@example.org")) == []
        assert await searched(api, criterion("STARTS_WITH", "name", "tom")) == ["Tom Becker"]
        assert await searched(api, criterion("TERM", "name", "hanna")) == ["Hanna Virtanen"]
        both = criterion("EXACT", "name", "Tom Becker"), criterion("EXACT", "name", "Priya Nair", operator="OR")
        assert await searched(api, *both) == ["Priya Nair", "Tom Becker"]


async def test_a_search_has_pages_and_says_who_is_inactive() -> None:
    async with genesys_running() as (genesys, api):
        genesys.floor.directory.inactive.add(genesys.floor.directory.user_id("Tom Becker"))
        active = criterion("EXACT", "state", "active")
        first = await searched(api, active, pageSize=4)
        second = await searched(api, active, pageSize=4, pageNumber=2)
        assert (len(first), len(second)) == (4, 2)
        assert "Tom Becker" not in first + second


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": [{"type": "TELEPATHY", "fields": ["name"], "value": "x"}]}, "invalid.value"),
        ({"query": [{"type": "EXACT", "fields": ["shoe"], "value": "x"}]}, "constraint.validation"),
        ({"query": [{"type": "EXACT", "fields": ["name"]}]}, "constraint.validation"),
        ({"pageSize": 101}, "too.many.requested.results"),
        ({"query": [{}] * 11}, "too.many.search.criteria"),
        (["name"], "bad.request"),
    ],
)
async def test_a_search_that_is_refused(body: Any, code: str) -> None:
    async with genesys_running() as (_, api):
        refused = await api.send("POST", "/users/search", body)
        assert (refused.status, refused.code) == (400, code)


async def test_whether_somebody_is_at_work() -> None:
    async with genesys_running() as (genesys, api):
        directory = genesys.floor.directory
        user = directory.user_id("Priya Nair")

        async def shown() -> tuple[str, str]:
            body = (await api.send("GET", f"/users/{user}?expand=routingStatus,presence")).body
            return body["routingStatus"]["status"], body["presence"]["presenceDefinition"]["systemPresence"]

        assert await shown() == ("IDLE", "On Queue")
        genesys.add_call()
        assert await shown() == ("INTERACTING", "On Queue")
        directory.off_queue.add(user)
        assert await shown() == ("OFF_QUEUE", "Available")
        directory.offline.add(user)
        assert await shown() == ("OFF_QUEUE", "Offline")
        assert (await api.send("GET", f"/users/{user}?expand=shoes")).code == "general.bad.request"
