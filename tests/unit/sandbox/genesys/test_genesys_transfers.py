"""What agents do with their calls, and what the recorders make of it: as documented, or as assumed and said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.genesys.genesys_client import genesys_running

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.unit.sandbox.genesys.genesys_client import GenesysClient


async def agents(api: GenesysClient, conversation_id: str) -> list[tuple[Any, ...]]:
    """Return what the API shows of the agents: state, how they left, and their recorders."""
    return [
        (
            leg["state"],
            leg.get("disconnectType"),
            leg["recordersState"]["adhocState"],
            leg["recordersState"]["customerExperienceState"],
        )
        for leg in (await api.call(conversation_id))["participants"]
        if leg["purpose"] == "agent"
    ]


@pytest.mark.parametrize(("policy", "on_the_new"), [(None, "NONE"), ("active", "ACTIVE")])
async def test_a_blind_transfer_ends_an_ad_hoc_recording_and_no_policys(policy: str | None, on_the_new: str) -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording=policy, recording=policy is None)
        genesys.transfers.blind(call, "Tom Becker", answered=False)
        assert [leg[:3] for leg in await agents(api, call.id)] == [
            ("disconnected", "transfer", "NONE"),
            ("alerting", None, "NONE"),
        ]
        genesys.transfers.answer(call)
        assert (await agents(api, call.id))[-1] == ("connected", None, "NONE", on_the_new)
        assert genesys.effective_recording(call.id) == on_the_new.lower()


async def test_in_a_consult_both_are_connected_until_it_is_completed_or_ended() -> None:
    async with genesys_running() as (genesys, api):
        for how, ends in (
            ("complete", [("disconnected", "transfer.consult"), ("connected", None)]),
            ("cancel", [("connected", None), ("disconnected", "peer")]),
        ):
            call = genesys.add_call()
            other = genesys.transfers.consult(call, "Tom Becker")
            seen = await api.call(call.id)
            asking = next(leg for leg in seen["participants"] if leg["consultParticipantId"])
            assert asking["consultParticipantId"] == other.id
            assert [leg[0] for leg in await agents(api, call.id)] == ["connected", "connected"]
            assert seen["participants"][0]["held"] is True

            getattr(genesys.transfers, how)(call)
            assert [leg[:2] for leg in await agents(api, call.id)] == ends
            assert (await api.call(call.id))["participants"][0]["held"] is False
            with pytest.raises(ValueError, match="nobody on this call consults"):
                genesys.transfers.complete(call)


async def test_who_leaves_a_conference_leaves_the_others_in_it() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(recording=True)
        genesys.transfers.conference(call, "Tom Becker")
        genesys.agent_leaves(call.id, "Priya Nair", how="transfer.conference")
        assert [leg[:3] for leg in await agents(api, call.id)] == [
            ("disconnected", "transfer.conference", "NONE"),
            ("connected", None, "NONE"),
        ]


async def test_an_agent_who_dials_again_is_one_participant_with_two_legs() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(direction="outbound", recording=True)
        first = call.agents[0]
        again = genesys.transfers.redial(call)
        assert (again.id, again.communication_id == first.communication_id) == (first.id, False)
        assert [leg[:3] for leg in await agents(api, call.id)] == [
            ("disconnected", "endpoint", "NONE"),
            ("connected", None, "NONE"),
        ]
        (agent,) = (
            one for one in (await api.send("GET", f"/conversations/{call.id}")).body["participants"] if one["userId"]
        )
        assert [one["id"] for one in agent["calls"]] == [first.communication_id, again.communication_id]

        await api.record(call.id, first.id, on=True)
        assert (first.adhoc, again.adhoc) == (False, True)


@pytest.mark.parametrize("on_hold", [False, True])
async def test_each_recorder_has_a_state_of_its_own(on_hold: bool) -> None:  # noqa: FBT001  a parameter of the test
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(recording=True)
        genesys.policy_takes_hold(call.id)
        genesys.snippet(call.id)
        genesys.hold(call.id, on=on_hold)
        assert recorders(await api.call(call.id)) == ("ACTIVE", "PAUSED" if on_hold else "ACTIVE", "ACTIVE", "active")

        await api.record(call.id, call.agents[0].id, on=False)
        await api.set_state(call.id, "PAUSED")
        assert recorders(await api.call(call.id)) == ("NONE", "PAUSED", "ACTIVE", "active")
        genesys.snippet(call.id, on=False)
        assert recorders(await api.call(call.id)) == ("NONE", "PAUSED", "NONE", "paused")


def recorders(body: Any) -> tuple[str, ...]:
    leg = next(one for one in body["participants"] if one["purpose"] == "agent")
    states = leg["recordersState"]
    return states["adhocState"], states["customerExperienceState"], states["snippetState"], leg["recordingState"]


async def test_a_client_that_may_act_for_nobody_else_is_refused_by_each_operations_own_code() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        genesys.faults.switch_on("not_on_the_call", only="write")
        refused = await api.record(call.id, call.agents[0].id, on=True)
        assert (refused.status, refused.code) == (404, "conversation.error.not.conversation.participant")
        refused = await api.set_state(call.id, "PAUSED")
        assert (refused.status, refused.code) == (403, "conversation.error.forbidden.not.active.participant")
        assert untouched(genesys, call.id)


def untouched(genesys: SimulatedGenesys, conversation_id: str) -> bool:
    return genesys.effective_recording(conversation_id) == "none" and not genesys.calls[conversation_id].secure_pause
