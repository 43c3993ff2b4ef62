"""The simulated Genesys Cloud: one HTTP server for login, API and notification sockets."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.faults import FaultSwitches
from bot.sandbox.genesys.events.notifications import Notifications
from bot.sandbox.genesys.events.topics import Topics
from bot.sandbox.genesys.middleware.authorization import Access, AccessRoutes
from bot.sandbox.genesys.middleware.oauth import Logins
from bot.sandbox.genesys.middleware.pipeline import Gate
from bot.sandbox.genesys.middleware.rate_limit import OrganizationLimits, RateLimit
from bot.sandbox.genesys.state.contact_center import Floor
from bot.sandbox.genesys.state.seed import seed
from bot.sandbox.genesys.state.transfers import Transfers
from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.analytics import Analytics
from bot.sandbox.genesys.web_api.answers import Answer, Route, SimulatedRequest
from bot.sandbox.genesys.web_api.conversations import Conversations
from bot.sandbox.genesys.web_api.directory import DirectoryApi
from bot.sandbox.genesys.web_api.faults import KINDS, Effects
from bot.sandbox.genesys.web_api.files import MediaFiles
from bot.sandbox.genesys.web_api.organization import OrganizationRecording
from bot.sandbox.genesys.web_api.recordings import Recordings
from bot.sandbox.genesys.web_api.sessions import Sessions
from bot.sandbox.own_origin import own_origin_only

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bot.sandbox.genesys.middleware.pipeline import Observer
    from bot.sandbox.genesys.state.calls import RecordingState, SimulatedCall, SimulatedParticipant


class SimulatedGenesys:
    """An organization with calls on its floor, and the API that the bot uses to see and change them.

    ``effect_delay`` and ``token_lifetime`` are in seconds. ``on_change`` is called, on the event loop, whenever a
    snapshot would differ. Use it from one event loop only; clients may be anywhere.
    """

    def __init__(
        self,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107  it guards nothing but this simulator
        effect_delay: float = 0.3,
        token_lifetime: float = 86400,
        clock: Callable[[], float] = time.time,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.clock = clock
        self.on_change = on_change
        self.url = ""
        self.faults = FaultSwitches(KINDS, self._changed)
        self.floor = Floor(clock)
        self.transfers = Transfers(self.floor)
        self.effects = Effects(effect_delay, self.faults, self._changed)
        self.logins = Logins({client_id: client_secret}, token_lifetime, clock, self.faults)
        self.rate_limit = RateLimit(clock)
        self.access = Access(client_id)
        self.clients = {client_id: self.access}
        self.organization_limits = OrganizationLimits(clock)
        self.gate = Gate(
            clock, self.logins, self.rate_limit, self.organization_limits, self.clients, self.faults, self._changed
        )
        topics = Topics(self.floor.directory, self.faults)
        self.notifications = Notifications(topics, clock, lambda: self.url.replace("http", "ws", 1), self.faults)
        self._sessions = Sessions(self.floor, self.effects, clock)
        self.media = MediaFiles(clock, lambda: self.url)
        self.recordings = Recordings(self.floor, self.effects, self.faults, self.media, clock)
        self.floor.listeners += [self._sessions.settle, self.notifications.publish, lambda _: self._changed()]
        self._runner: web.AppRunner | None = None
        self._something_changed = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; with port 0 the system chooses, and ``url`` says which. May be called again after ``stop``."""
        self.gate.closing.clear()
        app = web.Application(middlewares=[own_origin_only])
        app.router.add_post("/oauth/token", self.logins.answer)
        app.router.add_get("/channels/{channel}", self.notifications.serve_socket)
        app.router.add_get("/media/{tail:.*}", self.media.serve)
        for route in self.routes():
            app.router.add_route(route.method, route.path, self.gate.open(route))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        address = runner.addresses[0]
        self.url = f"http://{address[0]}:{address[1]}"

    async def stop(self) -> None:
        """Stop listening, let go of what hangs, and forget the changes that have not taken effect."""
        if self._runner is None:
            return
        self.gate.closing.set()
        self.effects.forget()
        await self.notifications.stop()
        await self._runner.cleanup()
        self._runner = None

    @property
    def calls(self) -> dict[str, SimulatedCall]:
        return self.floor.calls

    @property
    def requests(self) -> list[SimulatedRequest]:
        return self.gate.requests

    def writes(self, conversation_id: str | None = None) -> list[SimulatedRequest]:
        """Return the write requests that arrived, in order; those about one conversation, if it is given."""
        return [
            request
            for request in self.requests
            if request.is_write and conversation_id in {None, request.conversation_id}
        ]

    def on_write(self, callback: Observer) -> None:
        """Have ``callback`` called, and awaited, when a write request arrives, before anything is done about it."""
        self.gate.observers.append(callback)

    def add_client(self, client_id: str, client_secret: str, divisions: Collection[str] | None = None) -> Access:
        """Add an OAuth client whose roles are granted in these divisions, None: in all. It has a limit of its own."""
        self.logins.secrets[client_id] = client_secret
        granted = None if divisions is None else frozenset(divisions)
        self.clients[client_id] = Access(client_id, divisions=granted)
        return self.clients[client_id]

    def requests_of(self, client_id: str) -> list[SimulatedRequest]:
        """Return the requests that arrived with a token of this client."""
        return [one for one in self.requests if one.client is not None and one.client.client_id == client_id]

    def seed(self) -> None:
        """Fill the floor with the calls that the documents name; once more does no harm."""
        seed(self.floor)

    def add_call(self, **described: Any) -> SimulatedCall:
        """Put a call on the floor; see ``Floor.add_call`` for what can be said about it."""
        return self.floor.add_call(**described)

    def add_chat(self, **described: Any) -> SimulatedCall:
        return self.floor.add_chat(**described)

    def hang_up(self, conversation_id: str) -> None:
        call = self._find(conversation_id)
        self.floor.change(call, lambda: call.end(self.clock()))

    def hold(self, conversation_id: str, on: bool = True) -> None:  # noqa: FBT001, FBT002  reads well: hold(id, False)
        call = self.calls[conversation_id]
        self.floor.change(call, lambda: call.hold(self.clock(), on=on))

    def agent_joins(
        self, conversation_id: str, agent: str = "Tom Becker", *, role: str = "agent"
    ) -> SimulatedParticipant:
        """Let somebody join; ``role`` is agent, or monitor, coach or barge of the first agent."""
        return self.floor.agent_joins(self.calls[conversation_id], agent, role=role)

    def agent_leaves(self, conversation_id: str, agent: str | None = None, *, how: str = "endpoint") -> None:
        """Let an agent leave, by name or participant id, else the first; the last one's leaving ends the call.

        ``how`` is a disconnect type of the OpenAPI description.
        """
        call = self.calls[conversation_id]
        leaving = next(p for p in call.agents if agent in {None, p.name, p.id})
        self.floor.change(call, lambda: call.leave(leaving, self.clock(), how))

    def agent_wraps_up(self, conversation_id: str) -> None:
        """Let the first agent leave into after-call work while the caller stays."""
        call = self.calls[conversation_id]
        self.floor.change(call, lambda: call.wrap_up(call.agents[0], self.clock()))

    def snippet(self, conversation_id: str, on: bool = True) -> None:  # noqa: FBT001, FBT002
        """Have the first agent record a snippet, or end it, in Genesys's own client: the bot can do neither."""
        call = self.calls[conversation_id]

        def switch() -> None:
            call.agents[0].snippet = on

        self.floor.change(call, switch)

    def policy_takes_hold(self, conversation_id: str) -> None:
        """Let a recording policy of the organization take hold of a call that goes on."""
        call = self.calls[conversation_id]

        def take_hold() -> None:
            call.policy = not call.over

        self.floor.change(call, take_hold)

    def secure_pause(self, conversation_id: str, on: bool = True) -> None:  # noqa: FBT001, FBT002
        """Pause or resume, as if somebody did it outside the bot."""
        call = self.calls[conversation_id]
        self.floor.change(call, lambda: call.pause(on=on))

    def set_recording(self, conversation_id: str, on: bool = True) -> None:  # noqa: FBT001, FBT002
        """Start the ad-hoc recorder on the first agent, or stop it everywhere, as if from outside the bot."""
        call = self.calls[conversation_id]

        def switch() -> None:
            for agent in call.agents[:1] if on else call.participants:
                call.record_adhoc(agent, on=on)

        self.floor.change(call, switch)

    def effective_recording(self, conversation_id: str) -> RecordingState:
        return self._find(conversation_id).recording

    def recording_starts(self, conversation_id: str) -> int:
        return self._find(conversation_id).starts

    async def wait_until(self, predicate: Callable[[], bool], *, within: float = 60.0) -> None:
        """Wait for something to be true of this simulator; raises TimeoutError after ``within`` seconds."""
        async with asyncio.timeout(within):
            while not predicate():
                self._something_changed.clear()
                await self._something_changed.wait()

    def snapshot(self) -> dict[str, Any]:
        """Describe everything that a page shows, as JSON."""
        floor = self.floor.snapshot()
        for call in floor["calls"]:
            call["protected"] = call["conversation_id"] in self.recordings.protected
        return {
            "url": self.url,
            **floor,
            "requests": self.gate.snapshot(),
            "logins": self.logins.count,
            "pending_effects": self.effects.pending,
            "faults": self.faults.snapshot(),
            "rate_limit": self.rate_limit.snapshot(),
        }

    def _find(self, conversation_id: str) -> SimulatedCall:
        found = self.floor.find(conversation_id)
        if found is None:
            raise KeyError(conversation_id)
        return found

    def _changed(self) -> None:
        self._something_changed.set()
        self.on_change()

    def routes(self) -> list[Route]:
        """Return every operation that is simulated."""
        return [
            *Conversations(self.floor, self.effects).routes(),
            *self.recordings.routes(),
            *self._sessions.routes(),
            *Analytics(self.floor, self.clock).routes(),
            *DirectoryApi(self.floor).routes(),
            *AccessRoutes(self.clients).routes(),
            *OrganizationRecording(self.faults).routes(),
            *self.notifications.routes(),
            Route("*", "/api/v2/{tail:.*}", "unknown operation", _unknown),
        ]


def _unknown(_request: SimulatedRequest) -> Answer:
    raise answers.not_found()
