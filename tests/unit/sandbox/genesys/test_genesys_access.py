"""Logging in, the rate limit, and what every answer carries."""

from __future__ import annotations

from uuid import UUID

import aiohttp
import pytest

from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state import seed
from tests.unit.sandbox.genesys.genesys_client import genesys_running


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_token_expires_by_the_clock() -> None:
    clock = FakeClock()
    async with genesys_running(clock=clock, token_lifetime=600) as (genesys, api):
        call = genesys.add_call()
        assert (await api.login()).body["expires_in"] == 600
        clock.now += 599
        await api.call(call.id)
        clock.now += 1
        expired = await api.send("GET", f"/conversations/calls/{call.id}")
        assert (expired.status, expired.code) == (401, "bad.credentials")
        await api.login()
        await api.call(call.id)
        assert genesys.logins.count == 3


async def test_without_a_token_or_with_a_revoked_one() -> None:
    async with genesys_running() as (genesys, api):
        genesys.logins.expire_all()
        assert (await api.send("GET", "/tokens/me")).code == "bad.credentials"
        api.token = ""
        answer = await api.send("GET", "/tokens/me")
        assert (answer.status, answer.code) == (401, "authentication.required")


async def test_a_wrong_secret_is_refused_as_genesys_does() -> None:
    async with genesys_running() as (genesys, api):
        refused = await api.login(secret="wrong")
        assert (refused.status, refused.body["error"]) == (400, "invalid_client")
        genesys.faults.switch_on("login_refused", times=1)
        assert (await api.login()).status == 400
        assert (await api.login()).status == 200
        assert genesys.requests == []
        assert api.token not in repr(genesys.logins)
        assert "sandbox-secret" not in repr(genesys.logins)


async def test_the_rate_limit_is_a_minute_and_a_token() -> None:
    clock = FakeClock()
    async with genesys_running(clock=clock) as (genesys, api):
        genesys.rate_limit.allowed = 2
        clock.now += 0.5
        answers = [await api.send("GET", "/tokens/me") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert [answer.headers["inin-ratelimit-count"] for answer in answers] == ["1", "2", "3"]
        assert answers[2].headers["Retry-After"] == "60"
        assert answers[2].code == "too.many.requests.retry.after"
        assert genesys.snapshot()["rate_limit"]["limited"] is True

        await api.login()
        assert (await api.send("GET", "/tokens/me")).status == 200
        clock.now += 60
        assert (await api.send("GET", "/tokens/me")).headers["inin-ratelimit-count"] == "1"


async def test_every_answer_carries_the_headers() -> None:
    async with genesys_running() as (genesys, api):
        answer = await api.send("GET", "/tokens/me")
        assert UUID(answer.headers["ININ-Correlation-Id"]).version == 4
        assert genesys.requests[0].correlation_id == answer.headers["ININ-Correlation-Id"]
        assert answer.headers["inin-ratelimit-allowed"] == "300"
        assert answer.headers["inin-ratelimit-reset"] == "60"


async def test_names_for_ids() -> None:
    async with genesys_running() as (genesys, api):
        agent = genesys.add_call(agent="Nina Newcomer", queue="Returns").agents[0]
        assert (await api.send("GET", f"/users/{agent.user_id}")).body["name"] == "Nina Newcomer"
        assert (await api.send("GET", f"/routing/queues/{agent.queue_id}")).body["name"] == "Returns"
        queues = (await api.send("GET", "/routing/queues?pageSize=2&pageNumber=2")).body
        assert ([queue["name"] for queue in queues["entities"]], queues["total"]) == (["Returns", "Sales"], 5)
        assert (await api.send("GET", "/routing/queues?pageSize=0")).code == "invalid.query.param.value"
        assert (await api.send("GET", "/users/nobody")).status == 404
        assert (await api.send("GET", "/routing/queues/none")).status == 404
        assert (await api.send("GET", "/users/me")).code == "not.a.user"


async def test_the_seeded_floor_has_one_of_everything() -> None:
    async with genesys_running() as (genesys, api):
        genesys.seed()
        genesys.seed()
        shown = {call["conversation_id"]: call for call in genesys.snapshot()["calls"]}
        assert len(shown) == 8
        kinds = {
            seed.INBOUND: ("connected", "none", 1),
            seed.OUTBOUND: ("connected", "none", 1),
            seed.POLICY_RECORDED: ("connected", "active", 1),
            seed.SECURE_PAUSE: ("connected", "paused", 1),
            seed.TWO_AGENTS: ("connected", "none", 2),
            seed.ON_HOLD: ("held", "paused", 1),
            seed.WAITING: ("connected", "none", 0),
            seed.ENDED: ("ended", "none", 0),
        }
        for conversation_id, expected in kinds.items():
            call = shown[conversation_id]
            assert (call["state"], call["recording"], len(call["agents"])) == expected
            assert str(UUID(conversation_id)) == conversation_id
            assert UUID(conversation_id).version == 4
            await api.call(conversation_id)


async def test_the_server_comes_back_on_the_same_port() -> None:
    async with genesys_running() as (genesys, api):
        port = int(genesys.url.rsplit(":", 1)[1])
        await genesys.stop()
        with pytest.raises(aiohttp.ClientError):
            await api.send("GET", "/tokens/me")
        await genesys.start(port=port)
        assert (await api.send("GET", "/tokens/me")).status == 200


async def test_a_taken_port_is_an_error() -> None:
    async with genesys_running() as (genesys, _):
        second = SimulatedGenesys()
        with pytest.raises(OSError, match="in use"):
            await second.start(port=int(genesys.url.rsplit(":", 1)[1]))
        await second.stop()


async def test_changes_are_announced() -> None:
    heard: list[int] = []
    async with genesys_running(on_change=lambda: heard.append(1)) as (genesys, api):
        genesys.add_call()
        after_the_call = len(heard)
        genesys.faults.switch_on("slow", times=1, value=0)
        after_the_fault = len(heard)
        await api.send("GET", "/tokens/me")
        assert 0 < after_the_call < after_the_fault < len(heard)
