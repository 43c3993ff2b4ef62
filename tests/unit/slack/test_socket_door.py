"""The watch over Socket Mode's connections, when the SDK behind it does what nobody expected."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from bot.runtime.workers import Supervisor, Worker
from bot.slack.socket_mode import Socket, SocketModeConnections
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler


@dataclass
class FakeHandler:
    """Slack's handler and its client in one, which answers the first question with an error."""

    connects: int = 0
    asked: int = 0
    closed: int = 0
    wss_uri: str | None = None
    used_again: bool = False
    again: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def client(self) -> FakeHandler:
        return self

    async def is_connected(self) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("the client is out of its mind")
        return True

    async def connect_async(self) -> None:
        self.connects += 1
        self.used_again |= self.wss_uri is not None
        self.wss_uri = "wss://slack/ticket"  # good for one connection
        if self.connects == 2:
            self.again.set()

    async def close_async(self) -> None:
        self.closed += 1


async def test_a_broken_watch_connects_again_and_closes_nothing_before_the_end() -> None:
    clock, handler, broken = SteppedClock(), FakeHandler(), Counter[str]()
    socket = Socket(cast("AsyncSocketModeHandler", handler), clock, 0)
    with capture_logs():
        task = asyncio.ensure_future(
            Supervisor(clock, lambda name, times: broken.update({name: times})).run(
                Worker("socket_mode", SocketModeConnections((socket,)).run)
            )
        )
        await clock.until_asleep(0.5)
        clock.advance(0.5)
        await clock.until_asleep(1)  # before the loop starts again
        clock.advance(1)
        async with asyncio.timeout(20):
            await handler.again.wait()
    assert (broken, handler.closed) == ({"socket_mode": 1}, 0)
    assert not handler.used_again

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.closed == 1
