"""Before each write, the adapters ask whether the attempt is still this process's, and send nothing if it isn't."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.recording.ports import TakenOver

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Api, Bench


async def taken_over() -> None:
    raise TakenOver


@pytest.mark.parametrize("api", ["conversations", "clients"])
async def test_a_start_is_not_sent_though_the_call_was_read(bench: Bench, api: Api) -> None:
    bench.api = api
    call = bench.simulator.add_call()
    bench.still_ours = taken_over

    with pytest.raises(TakenOver):
        await bench.start(call.id)

    assert bench.asked() == ["GET 200"]
    assert bench.client.health().usable, "says nothing of Genesys"


async def test_a_session_is_neither_started_nor_stopped(bench: Bench) -> None:
    bench = bench.on_sessions()
    running, call = bench.simulator.add_call(), bench.simulator.add_call()
    target = await bench.started(running.id)
    bench.still_ours = taken_over

    with pytest.raises(TakenOver):
        await bench.start(call.id)
    with pytest.raises(TakenOver):
        await bench.stop(target)

    assert bench.writes() == 0


@pytest.mark.parametrize("api", ["conversations", "clients"])
@pytest.mark.parametrize("verb", ["stop", "pause", "resume"])
@pytest.mark.parametrize("policy", [None, "active"], ids=["ad hoc", "policy"])
async def test_what_runs_is_not_changed(bench: Bench, policy: str | None, verb: str, api: Api) -> None:
    bench.api = api
    call = bench.simulator.add_call(policy_recording=policy)
    target = await bench.started(call.id)
    if verb == "resume":
        await bench.pause(target)
    before, sent = bench.simulator.effective_recording(call.id), bench.writes()
    bench.still_ours = taken_over

    with pytest.raises(TakenOver):
        await getattr(bench, verb)(target)

    assert bench.simulator.effective_recording(call.id) == before
    assert bench.writes() == sent


async def test_it_is_asked_again_when_a_refused_write_is_sent_again(bench: Bench) -> None:
    """A write may wait for a limit for so long that another process takes the attempt over meanwhile."""
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", only="write")
    asked = 0

    async def ours_before_the_wait() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise TakenOver

    bench.still_ours = ours_before_the_wait
    with pytest.raises(TakenOver):
        await bench.start(call.id)

    assert bench.asked() == ["GET 200", "PATCH 429"]
    assert bench.simulator.recording_starts(call.id) == 0


async def test_it_is_asked_once_a_thread_is_free(bench: Bench) -> None:
    """Another process may take the attempt over while all threads wait for Genesys."""
    call = bench.simulator.add_call(policy_recording="active")
    target = await bench.started(call.id)
    await bench.pause(target)
    bench.simulator.requests.clear()
    bench.simulator.faults.switch_on("hang", times=4, value=60, only="read")
    looks = [asyncio.ensure_future(bench.look(call.id)) for _ in range(4)]
    await bench.simulator.wait_until(lambda: len(bench.simulator.requests) == len(looks))
    let_go = bench.simulator.gate.closing
    asked: list[bool] = []

    async def noted() -> None:
        asked.append(let_go.is_set())
        raise TakenOver

    bench.still_ours = noted
    asyncio.get_running_loop().call_later(0.1, let_go.set)  # lets go of what hangs
    with pytest.raises(TakenOver):
        await bench.resume(target)

    assert asked == [True]
    await asyncio.gather(*looks, return_exceptions=True)
