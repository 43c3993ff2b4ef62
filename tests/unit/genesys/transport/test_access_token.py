"""The token's answers that a well-behaved login host doesn't give."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.errors import GenesysUnavailable
from bot.genesys.transport.answer import Answer
from bot.genesys.transport.token import Token
from tests.support.clocks.fake_clock import FakeClock


class FakeLogin:
    """A login host that answers with what it was given, and counts."""

    def __init__(self, *bodies: Any) -> None:
        self._bodies = list(bodies)
        self.count = 0

    async def __call__(self) -> Answer:
        self.count += 1
        return Answer(status=200, text=json.dumps(self._bodies.pop(0)))


async def test_a_lifetime_that_is_not_said_is_a_day() -> None:
    clock = FakeClock()
    token = Token(clock)
    log_in = FakeLogin({"access_token": "one"}, {"access_token": "two", "expires_in": 100})

    assert await token.get(log_in) == "one"
    clock.advance(0.79 * 86400)
    assert await token.get(log_in) == "one"
    clock.advance(0.02 * 86400)
    assert await token.get(log_in) == "two"
    clock.advance(79)
    assert await token.get(log_in) == "two"
    assert log_in.count == 2


@pytest.mark.parametrize("body", [{}, [], {"access_token": None}, {"access_token": ""}, {"access_token": 5}])
async def test_an_answer_without_a_token_is_no_login(body: Any) -> None:
    with pytest.raises(GenesysUnavailable):
        await Token(FakeClock()).get(FakeLogin(body))


async def test_a_refused_token_is_not_used_again() -> None:
    token = Token(FakeClock())
    log_in = FakeLogin({"access_token": "one"}, {"access_token": "two"})
    refused = await token.get(log_in)

    assert await token.get(log_in, refused=refused) == "two"
    assert await token.get(log_in, refused=refused) == "two"
    assert log_in.count == 2


async def test_nobody_waits_for_the_renewal_of_a_token_that_still_holds() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    token = Token(clock)
    await token.get(FakeLogin({"access_token": "one", "expires_in": 100}))
    clock.advance(85)

    async def slow() -> Answer:
        await gate.wait()
        return Answer(status=200, text=json.dumps({"access_token": "two"}))

    assert await token.get(slow, urgent=True) == "one"
    renewal = asyncio.create_task(token.get(slow))
    await asyncio.sleep(0)
    assert await token.get(slow) == "one"
    gate.set()
    assert await renewal == "two"
    assert await token.get(slow, urgent=True) == "two"
