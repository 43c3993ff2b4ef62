"""The tests' own time: what a machine that stands still must not change."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from bot.cli.main import main
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.clocks.steady_sockets import SteadySocket
from tests.support.clocks.steady_time import COUNTED, SLICE, SteadyLoop, SteadyTime, run, steady

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

STALL = 0.3


def stall() -> None:
    """Stand still, as the whole process does on a crowded host."""
    time.sleep(STALL)


async def test_a_stall_makes_nobody_late() -> None:
    answer = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(STALL / 2):
        asyncio.get_running_loop().call_soon(stall)
        asyncio.get_running_loop().call_soon(answer.set_result, "in time")
        assert await answer == "in time"


async def test_who_only_waits_is_late_all_the_same() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * COUNTED):
            await asyncio.Event().wait()


@pytest.fixture
async def loop_of_a_fixture() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def test_tests_and_fixtures_run_in_steady_loops(loop_of_a_fixture: asyncio.AbstractEventLoop) -> None:
    assert isinstance(asyncio.get_running_loop(), SteadyLoop)
    assert isinstance(loop_of_a_fixture, SteadyLoop)


def test_a_loop_that_is_not_asked_for_is_none_of_them() -> None:
    """Nothing is patched: what is not given a steady loop has the usual one."""
    assert asyncio.run(_kind_of_loop()) is not SteadyLoop
    assert run(_kind_of_loop()) is SteadyLoop


async def _kind_of_loop() -> type:
    return type(asyncio.get_running_loop())


def test_the_command_line_runs_in_the_loop_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    monkeypatch.setattr("sys.argv", ["record-bot", "db", "upgrade"])
    kinds = []

    def noted(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def noting() -> Any:
            kinds.append(await _kind_of_loop())
            return await coroutine

        return run(noting())

    with pytest.raises(SystemExit) as ended:
        main(noted)
    assert (ended.value.code, kinds) == (0, [SteadyLoop])
    assert "newest schema" in capsys.readouterr().out


def test_of_a_stall_little_counts() -> None:
    mine = SteadyTime()
    began = mine()
    stall()
    assert 0 < mine() - began < STALL / 2


async def test_the_hurried_clock_walks_on_from_where_it_was() -> None:
    clock = AcceleratedClock()
    await asyncio.sleep(2 * COUNTED)
    clock.jump(100)
    was = clock.monotonic()
    clock.real_time()
    assert was <= clock.monotonic() < was + STALL
    stood, began = clock.monotonic(), steady()
    await asyncio.sleep(COUNTED)
    assert clock.monotonic() - stood == pytest.approx(steady() - began, abs=COUNTED)


async def test_the_hurried_clock_stands_still_with_the_machine() -> None:
    clock = AcceleratedClock()
    began = clock.monotonic()
    stall()
    assert clock.monotonic() - began < STALL / 2 * clock.speed


async def test_a_steady_socket_waits_on_from_slice_to_slice_and_gives_up_in_the_end() -> None:
    asker, answerer = socket.socketpair()
    with SteadySocket(fileno=asker.detach()) as waiting, answerer:
        waiting.settimeout(60.0)
        answer = asyncio.ensure_future(asyncio.to_thread(waiting.recv_into, bytearray(1)))
        await asyncio.sleep(5 * SLICE)
        answerer.sendall(b"x")
        assert await answer == 1
        waiting.settimeout(2 * SLICE)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(waiting.recv_into, bytearray(1))
        assert waiting.gettimeout() == 2 * SLICE
