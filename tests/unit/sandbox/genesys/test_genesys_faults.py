"""Each fault, once, on the wire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.sandbox.genesys.web_api.directory import QUEUES_PATH
from bot.sandbox.genesys.web_api.faults import KINDS
from tests.unit.sandbox.genesys.genesys_client import GenesysClient, genesys_running


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("rate_limited", 429, "too.many.requests.retry.after"),
        ("rate_limited_bare", 429, "too.many.requests"),
        ("unauthorised", 401, "bad.credentials"),
        ("forbidden", 403, "missing.permissions"),
        ("server_error", 503, "service.unavailable"),
        ("not_a_user", 400, "not.a.user"),
        ("conflict", 409, "request.conflict"),
    ],
)
async def test_a_refusal_happens_once_and_changes_nothing(fault: str, status: int, code: str) -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        agent = call.agents[0]
        genesys.faults.switch_on(fault, times=1, only="write")
        await api.call(call.id)

        refused = await api.record(call.id, agent.id, on=True)

        assert (refused.status, refused.code) == (status, code)
        assert genesys.effective_recording(call.id) == "none"
        assert (await api.record(call.id, agent.id, on=True)).status == 202
        assert genesys.recording_starts(call.id) == 1


async def test_the_details_of_the_refusals() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("rate_limited", times=1, value=7)
        assert (await api.send("GET", "/tokens/me")).headers["Retry-After"] == "7"
        genesys.faults.switch_on("rate_limited_bare", times=1)
        assert "Retry-After" not in (await api.send("GET", "/tokens/me")).headers
        genesys.faults.switch_on("forbidden", times=1)
        refused = await api.record(call.id, call.agents[0].id, on=True)
        assert "conversation:call:record" in refused.body["message"]
        genesys.faults.switch_on("conflict", times=1)
        await api.call(call.id)  # only writes conflict, so the fault waits for one
        assert (await api.set_state(call.id, "PAUSED")).status == 409


async def test_limited_look_ups_leave_recording_alone() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("look_ups_limited", value=9)
        for path in ("/routing/queues", "/users", f"/conversations/{call.id}/recordingmetadata"):
            refused = await api.send("GET", path)
            assert (refused.status, refused.headers["Retry-After"]) == (429, "9")
            assert refused.headers["inin-ratelimit-allowed"] == "300"
        assert (await api.record(call.id, call.agents[0].id, on=True)).status == 202
        await api.call(call.id)


async def test_a_limit_of_the_organization_concerns_one_route_and_all_clients() -> None:
    async with genesys_running() as (genesys, api):
        limits = genesys.organization_limits
        limits.allowed[QUEUES_PATH] = 3
        limits.count(QUEUES_PATH, 2)  # other integrations
        assert (await api.send("GET", "/routing/queues")).status == 200
        assert (await api.send("GET", "/users")).status == 200
        refused = await api.send("GET", "/routing/queues")
        assert (refused.status, refused.code) == (429, "too.many.requests.retry.after")
        assert int(refused.headers["inin-ratelimit-count"]) < 300
        limits.token_headers = False
        assert "inin-ratelimit-count" not in (await api.send("GET", "/routing/queues")).headers


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("request_too_large", 413, "request.entity.too.large"),
        ("answer_too_large", 400, "response.entity.too.large"),
    ],
)
async def test_pages_can_be_too_large(fault: str, status: int, code: str) -> None:
    async with genesys_running() as (genesys, api):
        genesys.faults.switch_on(fault, value=25)
        refused = await api.send("GET", "/users?pageSize=26")
        assert (refused.status, refused.code) == (status, code)
        assert (await api.send("GET", "/users?pageSize=25")).status == 200


@pytest.mark.parametrize(("fault", "applied"), [("drop_before", False), ("drop_after", True)])
async def test_a_cut_connection(fault: str, *, applied: bool) -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on(fault, times=1, only="write")

        with pytest.raises(aiohttp.ClientError):
            await api.record(call.id, call.agents[0].id, on=True)

        (write,) = genesys.writes()
        assert write.status is None
        assert genesys.recording_starts(call.id) == int(applied)
        assert (await api.call(call.id))["recordingState"] == ("active" if applied else "none")


@pytest.mark.parametrize(("fault", "applied"), [("hang", False), ("hang_after", True)])
async def test_no_answer(fault: str, *, applied: bool) -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on(fault, times=1, only="write")
        asking = asyncio.create_task(_record(api, call.id, call.agents[0].id))

        await genesys.wait_until(lambda: bool(genesys.writes()))
        await genesys.wait_until(lambda: not genesys.faults.snapshot()[_place(fault)]["on"])

        assert (genesys.effective_recording(call.id) == "active") is applied
        await genesys.stop()
        with pytest.raises(aiohttp.ClientError):
            await asking
        assert (genesys.effective_recording(call.id) == "active") is applied


async def test_a_hanging_request_goes_on_afterwards() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("hang", times=1, value=0.02)
        assert (await api.record(call.id, call.agents[0].id, on=True)).status == 202
        assert genesys.effective_recording(call.id) == "active"


async def test_a_request_that_nobody_waits_for_is_not_carried_out() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("hang", times=1, value=0.1)
        asking = asyncio.create_task(_record(api, call.id, call.agents[0].id))
        await genesys.wait_until(lambda: not genesys.faults.snapshot()[_place("hang")]["on"])
        asking.cancel()
        assert len(genesys.writes()) == 1
        await genesys.wait_until(lambda: genesys.gate.in_progress == 0)
        assert genesys.recording_starts(call.id) == 0


async def test_slow_answers_arrive() -> None:
    async with genesys_running() as (genesys, api):
        genesys.faults.switch_on("slow", times=1, value=0.02)
        assert (await api.send("GET", "/tokens/me")).status == 200


async def test_a_write_can_land_late_and_without_an_answer() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("late_write", times=1, value=0.3)
        genesys.faults.switch_on("drop_after", times=1, only="write")

        with pytest.raises(aiohttp.ClientError):
            await api.record(call.id, call.agents[0].id, on=True)
        assert genesys.effects.pending == 1

        await genesys.wait_until(lambda: genesys.effective_recording(call.id) == "active")
        assert genesys.recording_starts(call.id) == 1


async def test_a_write_can_be_accepted_and_ignored() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("write_ignored", times=1)
        assert (await api.record(call.id, call.agents[0].id, on=True)).status == 202
        assert genesys.effects.pending == 0
        assert genesys.effective_recording(call.id) == "none"


async def test_junk_instead_of_json() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("junk", times=1)
        answer = await api.send("GET", f"/conversations/calls/{call.id}")
        assert answer.status == 200
        with pytest.raises(ValueError, match="Expecting value"):
            _ = answer.body


async def test_states_can_be_null_in_reads() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        genesys.faults.switch_on("null_state", times=2)
        await api.send("GET", "/tokens/me")  # shows no state, so it leaves the fault alone
        for path in (f"/conversations/calls/{call.id}", f"/conversations/{call.id}"):
            seen = (await api.send("GET", path)).body
            assert (seen["recordingState"], seen["securePause"]) == (None, None)
        assert (await api.call(call.id))["recordingState"] == "active"


async def test_every_fault_has_a_short_plain_label() -> None:
    assert len({fault.name for fault in KINDS}) == len(KINDS) == 31
    assert all(0 < len(fault.label) < 45 for fault in KINDS)
    assert all(bool(fault.value_label) == (fault.value is not None) for fault in KINDS)


def _place(fault: str) -> int:
    return [kind.name for kind in KINDS].index(fault)


async def _record(api: GenesysClient, conversation_id: str, participant_id: str) -> None:
    await api.record(conversation_id, participant_id, on=True)
