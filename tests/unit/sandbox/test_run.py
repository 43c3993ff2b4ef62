"""What the sandbox gives the bot, and what it says when it can't start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.run import bot_environment, run
from bot.sandbox.slack import SimulatedSlack


def environment(inherited: dict[str, str], *, transport: str = "socket") -> dict[str, str]:
    return bot_environment(
        inherited,
        slack=SimulatedSlack(),
        genesys=SimulatedGenesys(),
        transport=transport,
        port=4711,
        database=Path("/place/trail.db"),
    )


def test_nothing_of_the_visitors_own_settings_reaches_the_bot() -> None:
    own = {
        "SLACK_BOT_TOKEN": "xoxb-real",
        "slack_signing_secret": "real",
        "SLACK_FUTURE_SETTING": "real",
        "PURECLOUD_ENVIRONMENT": "real.example",
        "GENESYS_RECORDING_API": "real",
        "DATABASE_URL": "real",
        "http_proxy": "real",
        "PATH": "/bin",
        "LOG_LEVEL": "debug",
    }
    given = environment(own)
    assert not [name for name, value in given.items() if "real" in value]
    assert (given["PATH"], given["LOG_LEVEL"]) == ("/bin", "debug")
    assert given["DATABASE_URL"] == "sqlite+aiosqlite:////place/trail.db"


@pytest.mark.parametrize(
    ("transport", "has", "lacks"),
    [
        ("socket", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"),
        ("http", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"),
    ],
)
def test_each_transport_has_its_own_secret(transport: str, has: str, lacks: str) -> None:
    given = environment({}, transport=transport)
    assert has in given
    assert lacks not in given


async def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert await run(port=port, transport="socket", announce=said.append) == 1
    assert said == [f"Port {port} is in use. Choose another with --port (0 picks a free one)."]


async def test_a_transport_that_does_not_exist_is_refused() -> None:
    said: list[str] = []
    assert await run(port=0, transport="pigeon", announce=said.append) == 2
    assert said == ["The transport must be socket or http, not pigeon."]
