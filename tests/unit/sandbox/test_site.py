"""The page's server, with the real simulators behind it and no bot."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox import sample_calls as busy
from bot.sandbox.feed import ChangeFeed
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.process import BotProcess
from bot.sandbox.site import PAGE, Site
from bot.sandbox.slack import SimulatedSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"


@dataclass(frozen=True)
class Visit:
    """A browser's side of the site."""

    site: Site
    address: str
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.address + path, json={} if body is None else body, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    feed = ChangeFeed()
    slack, genesys = SimulatedSlack(on_change=feed.changed), SimulatedGenesys(on_change=feed.changed)
    bot = BotProcess(
        environment={}, directory=tmp_path, port=1, transport="socket", log=lambda _: None, on_change=feed.changed
    )
    for simulator in (slack, genesys):
        await simulator.start()
        simulator.seed()
    site = Site(slack, genesys, bot, feed)
    runner = web.AppRunner(site.app(), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Visit(site, f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    await runner.cleanup()
    await slack.stop()
    await genesys.stop()


async def test_every_file_of_the_page_is_served_with_its_policy(visit: Visit) -> None:
    for path in PAGE.iterdir():
        name = "" if path.name == "index.html" else path.name
        async with visit.session.get(f"{visit.address}/{name}") as answer:
            assert answer.status == 200, path.name
            assert await answer.read() == path.read_bytes()
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nothing.js", "/../site.py", "/%2e%2e/site.py", "/page.css.map"])
async def test_nothing_else_is_served(visit: Visit, path: str) -> None:
    async with visit.session.get(visit.address + path) as answer:
        assert answer.status == 404


async def test_the_state_holds_both_simulators_and_the_bot(visit: Visit) -> None:
    async with visit.session.get(visit.address + "/api/state") as answer:
        state = await answer.json()
    assert {channel["id"] for channel in state["slack"]["channels"]} >= {"C0FLOOR", "C0AUDIT"}
    assert CALL in {call["conversation_id"] for call in state["genesys"]["calls"]}
    assert state["bot"]["state"] == "stopped"
    assert state["bot"]["pid"] is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:80"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_another_site_is_refused(visit: Visit, headers: dict[str, str]) -> None:
    status, _ = await visit.post(f"/api/calls/{CALL}/hang_up", **headers)
    assert status == 403
    assert visit.site.genesys.calls[CALL].ended_at is None
    async with visit.session.get(visit.address + "/api/state", headers=headers) as answer:
        assert answer.status == 403


async def test_its_own_page_is_not_refused(visit: Visit) -> None:
    status, _ = await visit.post(f"/api/calls/{CALL}/hang_up", Origin=visit.address)
    assert status == 200
    assert visit.site.genesys.calls[CALL].ended_at is not None


async def test_calls_change_as_if_from_outside_the_bot(visit: Visit) -> None:
    genesys = visit.site.genesys
    _, added = await visit.post("/api/calls", {"agent": "Ada Agent", "queue": "Claims", "direction": "outbound"})
    call = added["conversation_id"]
    assert genesys.calls[call].direction == "outbound"
    for change, body, expected in (
        ("recording", {"on": True}, "active"),
        ("secure_pause", {}, "paused"),
        ("resume", {}, "active"),
        ("recording", {"on": False}, "none"),
    ):
        status, _ = await visit.post(f"/api/calls/{call}/{change}", body)
        assert (status, genesys.effective_recording(call)) == (200, expected)
    await visit.post(f"/api/calls/{call}/hold")
    assert genesys.calls[call].held
    await visit.post(f"/api/calls/{call}/unhold")
    assert not genesys.calls[call].held


async def test_faults_are_thrown_with_what_the_visitor_chose(visit: Visit) -> None:
    await visit.post("/api/faults/genesys/rate_limited", {"on": True, "times": 1, "value": 7, "only": "write"})
    fault = next(f for f in visit.site.genesys.faults.snapshot() if f["name"] == "rate_limited")
    assert (fault["remaining"], fault["value"], fault["only"]) == (1, 7, "write")
    await visit.post("/api/faults/genesys/rate_limited", {"on": False})
    assert not any(f["on"] for f in visit.site.genesys.faults.snapshot())
    await visit.post("/api/faults/slack/server_error", {"on": True, "times": None})
    assert next(f for f in visit.site.slack.faults.snapshot() if f["name"] == "server_error")["remaining"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/calls/no-such-call/hang_up", {}, 400),
        (f"/api/calls/{CALL}/explode", {}, 404),
        ("/api/calls", {"agent": 7}, 400),
        ("/api/calls", {"direction": "sideways"}, 400),
        ("/api/faults/slack/no_such_fault", {"on": True}, 400),
        ("/api/faults/telegram/hang", {"on": True}, 404),
        ("/api/faults/slack/hang", {"on": True, "value": "long"}, 400),
        ("/api/faults/slack/hang", {"on": True, "times": -1}, 400),
        ("/api/command", {"user": "U0ADA"}, 400),
        ("/api/command", {"user": "U0ADA", "channel": "C0NOWHERE", "text": "help"}, 404),
        ("/api/click", {"user": "U0ADA", "channel": "C0FLOOR", "ts": "1.0", "action_id": "x"}, 404),
        ("/api/command", ["not", "an", "object"], 400),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(visit: Visit, path: str, body: Any, status: int) -> None:
    async with visit.session.post(visit.address + path, json=body) as answer:
        assert answer.status == status
        if answer.content_type == "application/json":
            assert (await answer.json())["error"].endswith(".")


async def test_a_command_without_a_bot_is_not_acknowledged(visit: Visit) -> None:
    status, result = await visit.post("/api/command", {"user": "U0ADA", "channel": "C0FLOOR", "text": "help"})
    assert status == 200
    assert result["acked"] is False
    assert visit.site.slack.messages("C0FLOOR", seen_by="U0ADA")[-1].ephemeral_to == "U0ADA"


async def _next_state(stream: aiohttp.StreamReader) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not (line := await stream.readline()).startswith(b"data: "):
            assert line
    state: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return state


async def test_the_feed_sends_the_state_at_once_and_changes_together(visit: Visit) -> None:
    async with visit.session.get(visit.address + "/api/events") as feed:
        assert feed.content_type == "text/event-stream"
        before = len((await _next_state(feed.content))["genesys"]["calls"])
        for _ in range(20):
            visit.site.genesys.add_call()
        seen = [await _next_state(feed.content)]
        while len(seen[-1]["genesys"]["calls"]) < before + 20:
            seen.append(await _next_state(feed.content))
        assert len(seen) <= 2


async def test_a_server_that_stops_lets_go_of_its_feeds(visit: Visit) -> None:
    async with visit.session.get(visit.address + "/api/events") as feed:
        await _next_state(feed.content)
        visit.site.feed.close()
        async with asyncio.timeout(60):
            await feed.content.read()


async def test_a_person_writes_a_message_and_changes_the_language(visit: Visit) -> None:
    slack = visit.site.slack
    status, said = await visit.post("/api/message", {"user": "U0ADA", "channel": "C0FLOOR", "text": "Good morning"})
    assert status == 200
    assert slack.messages("C0FLOOR")[-1].ts == said["ts"]
    status, _ = await visit.post("/api/locale", {"user": "U0ADA", "locale": "de-DE"})
    assert (status, slack.workspace.people["U0ADA"].locale) == (200, "de-DE")
    status, refusal = await visit.post("/api/message", {"user": "U0GUEST", "channel": "C0AUDIT", "text": "Hello"})
    assert status == 404
    assert "may not write" in refusal["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/home", {}),
        ("/api/shortcut", {"callback_id": "start"}),
        ("/api/command", {"channel": "C0FLOOR", "text": ""}),
    ],
)
async def test_what_nobody_hears_is_not_acknowledged(visit: Visit, path: str, body: dict[str, Any]) -> None:
    status, result = await visit.post(path, {"user": "U0ADA"} | body)
    assert (status, result["sent"], result["acked"]) == (200, True, False)


async def test_calls_are_joined_and_taken_by_a_policy(visit: Visit) -> None:
    call = visit.site.genesys.calls[CALL]
    assert (await visit.post(f"/api/calls/{CALL}/join"))[0] == 200
    assert (await visit.post(f"/api/calls/{CALL}/join", {"agent": "Kwame Mensah"}))[0] == 200
    names = [agent.name for agent in call.agents]
    assert (len(set(names)), names[-1]) == (3, "Kwame Mensah")
    assert (await visit.post(f"/api/calls/{CALL}/policy"))[0] == 200
    assert (call.recording, call.mechanism) == ("active", "policy")


async def test_a_busy_hour_gives_something_to_search_through(visit: Visit) -> None:
    busy.fill(visit.site.genesys)
    live = [call for call in visit.site.genesys.calls.values() if call.agents and not call.over]
    assert len(live) >= 8
    assert len({call.queue for call in live}) >= 5
    assert {call.direction for call in live} == {"inbound", "outbound"}
