from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SimulatedSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from slack_bolt.request.async_request import AsyncBoltRequest


@pytest.fixture
def ack_timeout() -> float:
    """Seconds until an app that doesn't answer is given up; for tests of that to shorten."""
    return 60.0


@pytest.fixture
async def slack(ack_timeout: float) -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack(ack_timeout=ack_timeout, trigger_seconds=60)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
def client(slack: SimulatedSlack, session: ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url, session=session, retry_handlers=[])


async def _authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None,
        team_id="T0SANDBOX",
        bot_user_id="U0RECBOT",
        bot_id="B0RECBOT",
        bot_token="xoxb-sandbox",
    )


@pytest.fixture
def got() -> list[AsyncBoltRequest]:
    """Everything that the example app has received."""
    return []


@pytest.fixture
def example(client: AsyncWebClient, got: list[AsyncBoltRequest]) -> AsyncApp:
    """A real Bolt app."""
    app = AsyncApp(
        name="example",  # without one, Bolt looks through all modules for the one that makes the app
        client=client,
        authorize=_authorize,
        signing_secret="sandbox-signing-secret",
        process_before_response=True,
        ignoring_self_events_enabled=False,
    )

    @app.middleware
    async def note(req: AsyncBoltRequest, next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002  Bolt's name
        got.append(req)
        await next()

    return app


@pytest.fixture
async def over_sockets(example: AsyncApp, slack: SimulatedSlack) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app, connected through Socket Mode."""
    handler = AsyncSocketModeHandler(example, "xapp-sandbox", ping_interval=0.2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.wait_for(lambda: slack.sockets.links)
    yield handler
    await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
async def over_http(example: AsyncApp, slack: SimulatedSlack) -> AsyncIterator[AsyncApp]:
    """The app, behind a real HTTP server."""

    async def events(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await to_aiohttp_response(
            await example.async_dispatch(await to_bolt_request(request))
        )
        return answer

    server = web.Application()
    server.router.add_post("/slack/events", events)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.events_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield example
    await runner.cleanup()
