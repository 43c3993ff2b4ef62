"""Pages of other sites can't make a browser talk to the simulators."""

from __future__ import annotations

import aiohttp
import pytest

from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack


@pytest.mark.parametrize(
    ("method", "headers", "refused"),
    [
        ("POST", {"Origin": "https://evil.example"}, True),
        ("POST", {"Origin": "http://127.0.0.1:1"}, True),
        ("POST", {"Origin": "null"}, True),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, True),
        ("POST", {"Sec-Fetch-Site": "same-site"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, True),
        ("GET", {"Sec-Fetch-Site": "same-site"}, False),
        ("GET", {"Sec-Fetch-Site": "none"}, False),
        ("POST", {}, False),
    ],
)
async def test_the_simulators_answer_no_other_sites_page(
    method: str, headers: dict[str, str], *, refused: bool
) -> None:
    slack, genesys = SimulatedSlack(), SimulatedGenesys()
    async with aiohttp.ClientSession() as session:
        for simulator in (slack, genesys):
            await simulator.start()
            try:
                async with session.request(method, f"{simulator.url}/api/auth.test", headers=headers) as answer:
                    assert (answer.status == 403) is refused
            finally:
                await simulator.stop()
