"""The simulated Slack as one thing: start it, point an app at it, act as a person, look at what is shown."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from bot.sandbox.faults import FaultSwitches
from bot.sandbox.own_origin import own_origin_only
from bot.sandbox.slack.events.delivery import DeliveryResult, HttpTransport, Payload, Transport
from bot.sandbox.slack.events.dispatch import Dispatch
from bot.sandbox.slack.events.payloads import Payloads
from bot.sandbox.slack.events.socket_mode import SocketMode
from bot.sandbox.slack.events.user_actions import Persons
from bot.sandbox.slack.snapshot import picture
from bot.sandbox.slack.state.changes import Changes, nobody_watches
from bot.sandbox.slack.state.faults import FAULTS, SHARED_BY_SWITCH
from bot.sandbox.slack.state.modes import Modes
from bot.sandbox.slack.state.open_views import Views
from bot.sandbox.slack.state.people import SLACKBOT
from bot.sandbox.slack.state.seed import seed
from bot.sandbox.slack.state.setup import Premises
from bot.sandbox.slack.state.trigger_ids import TRIGGER_SECONDS, ResponseUrls, TriggerIds
from bot.sandbox.slack.state.workspace import BOT_USER, SimulatedMessage, Workspace
from bot.sandbox.slack.web_api.blocks import BlockMethods
from bot.sandbox.slack.web_api.chat import ChatMethods
from bot.sandbox.slack.web_api.endpoint import WebApi
from bot.sandbox.slack.web_api.files import FileMethods
from bot.sandbox.slack.web_api.rate_limits import RateLimits
from bot.sandbox.slack.web_api.scheduled_messages import ScheduleMethods
from bot.sandbox.slack.web_api.users import PeopleMethods
from bot.sandbox.slack.web_api.views import ViewMethods

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.slack.manifest import Shortcut
    from bot.sandbox.slack.web_api.endpoint import SlackRequest
    from bot.sandbox.slack.web_api.files import SimulatedFile

DEFAULT_SCOPES = ("commands", "chat:write", "files:write", "users:read", "usergroups:read")
ANSWERED = {"view_submission", "block_suggestion"}


class SimulatedSlack(Premises):
    """A workspace with one installed app, behind a real HTTP and WebSocket server.

    ``clock`` gives seconds since 1970; ``ack_timeout`` is how long Slack waits for an app, and
    ``trigger_seconds`` how long a trigger opens a view, both in seconds. ``signing_clock`` is for the signatures, where
    the app that checks them has another one than ``clock``.
    """

    def __init__(
        self,
        *,
        team_id: str = "T0SANDBOX",
        bot_token: str = "xoxb-sandbox",  # noqa: S107  made up
        app_token: str = "xapp-sandbox",  # noqa: S107  made up
        signing_secret: str = "sandbox-signing-secret",  # noqa: S107  made up
        clock: Callable[[], float] = time.time,
        on_change: Callable[[], None] = nobody_watches,
        enforce_rate_limits: bool = True,
        ack_timeout: float = 3.0,
        trigger_seconds: float = TRIGGER_SECONDS,
        signing_clock: Callable[[], float] | None = None,
    ) -> None:
        self.url = ""
        self.events_url: str | None = None
        self.scopes: set[str] = set(DEFAULT_SCOPES)
        self.warnings: list[str] = []
        self.faults = FaultSwitches(FAULTS, self._faults_changed)
        self.ack_timeout = ack_timeout
        self._signing_secret = signing_secret
        self._signing_clock = signing_clock or clock
        self.shortcuts: tuple[Shortcut, ...] = ()
        self.expanding: frozenset[str] = frozenset()
        """The commands in whose text the app wants names and links marked."""
        self._shared: set[str] = set()
        changes = Changes(on_change)
        super().__init__(Workspace(team_id, clock, changes), changes)
        self._modes = Modes(self)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.views = Views(self.workspace)
        self.sockets = SocketMode(self._changes, self.faults, lambda: self.url, ack_timeout)
        self._triggers = TriggerIds(clock, trigger_seconds)
        self._response_urls = ResponseUrls(clock)
        self._chat = ChatMethods(self.workspace, self.scopes, self.warnings)
        self._schedule = ScheduleMethods(self._chat)
        self._files = FileMethods(self._chat, lambda: self.url)
        limits = RateLimits(clock) if enforce_rate_limits else None
        self._api = self._web_api({"bot": bot_token, "app": app_token}, limits)
        self._dispatch = Dispatch(self._chat, self.faults, self._transport)
        payloads = Payloads(self.workspace, self._triggers, self._response_urls, lambda: self.url)
        self._persons = Persons(self.workspace, payloads, self.views, self._dispatch, self.warnings)
        self.add_person(BOT_USER, "record-bot", "record-bot", is_bot=True, role="The bot")
        # Slack really says that Slackbot isn't a bot.
        self.add_person(SLACKBOT, "Slackbot", "slackbot", role="Slack itself")

    # Running

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes any free one, and ``url`` says which."""
        self._stopping.clear()
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[own_origin_only])
        app.add_routes([*self._api.routes(), web.get("/link", self.sockets.accept)])
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        taken = self._runner.addresses[0][1]
        self.url = f"http://{host}:{taken}"

    async def stop(self) -> None:
        """Close every connection and stop listening. What people and messages there are, stays."""
        self._stopping.set()
        await self.sockets.close()
        for task in self._tasks:
            task.cancel()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def requests(self) -> list[SlackRequest]:
        return self._api.requests

    @property
    def scheduled(self) -> dict[str, dict[str, Any]]:
        """The messages that are scheduled for later, by id."""
        return self._schedule.scheduled

    @property
    def files(self) -> dict[str, SimulatedFile]:
        return self._files.files

    @property
    def last_delivery(self) -> DeliveryResult | None:
        return self._dispatch.last

    # The workspace

    def seed(self) -> None:
        """Add the people and channels of a small contact center."""
        seed(self)

    # What people do

    async def command(self, user_id: str, channel_id: str, text: str, *, command: str = "/record") -> DeliveryResult:
        """Type a slash command; the ack's words appear in the channel for that person. Raises NothingThere."""
        return await self._persons.command(user_id, channel_id, text, command, expanded=command in self.expanding)

    def post(self, user_id: str, channel_id: str, text: str, *, thread_ts: str | None = None) -> SimulatedMessage:
        """Write a plain message, as a person does; the app hears nothing of it. Raises NothingThere."""
        return self._persons.post(user_id, channel_id, text, thread_ts)

    async def click(
        self,
        user_id: str,
        channel_id: str,
        message_ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
    ) -> DeliveryResult:
        """Press a button (past its confirm dialog) or choose ``value`` in a menu. Raises NothingThere."""
        return await self._persons.click(user_id, channel_id, message_ts, action_id, block_id=block_id, value=value)

    async def shortcut(
        self, user_id: str, callback_id: str, *, channel_id: str | None = None, message_ts: str | None = None
    ) -> DeliveryResult:
        """Use a global shortcut, or a message's where a message is named."""
        return await self._persons.shortcut(user_id, callback_id, channel_id, message_ts)

    async def open_home(self, user_id: str, tab: str = "home") -> DeliveryResult:
        """Open the app's home tab (or ``messages``)."""
        return await self._persons.open_home(user_id, tab)

    async def submit_view(
        self, user_id: str, values: dict[str, Any] | None = None, *, view_id: str | None = None
    ) -> DeliveryResult | None:
        """Fill in and submit a modal, the top one by default.

        ``values`` is ``{action_id: value}`` or ``{block_id: {action_id: value}}``. None comes back where Slack's
        own client would not send it, because something required is missing.
        """
        return await self._persons.submit_view(user_id, values or {}, view_id)

    async def close_view(self, user_id: str) -> DeliveryResult | None:
        """Close the top modal; None where the app did not ask to be told."""
        return await self._persons.close_view(user_id)

    async def act_in_view(
        self,
        user_id: str,
        action_id: str,
        value: Any = None,
        *,
        view_id: str | None = None,
        block_id: str | None = None,
        values: dict[str, Any] | None = None,
    ) -> DeliveryResult:
        """Press or choose something in a modal or the home tab; ``values`` is what stands in the other inputs."""
        return await self._persons.act_in_view(user_id, action_id, value, view_id, block_id, values or {})

    async def options(
        self, user_id: str, action_id: str, typed: str = "", *, view_id: str | None = None
    ) -> DeliveryResult:
        """Type into an external select of a view; the result's body holds the app's options."""
        return await self._persons.options(user_id, action_id, typed, view_id)

    async def deliver(self, payload_type: str, payload: dict[str, Any]) -> DeliveryResult:
        """Deliver any payload: ``slash_commands``, ``interactive`` or ``events_api``. Shows nobody anything."""
        answered = payload_type == "slash_commands" or payload.get("type") in ANSWERED
        return await self._dispatch.deliver(Payload(payload_type, payload, answered))

    async def redeliver(self, result: DeliveryResult | None = None) -> DeliveryResult:
        """Deliver the same payload once more, the last one where none is named."""
        return await self._dispatch.redeliver(result)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Send ``disconnect`` to every socket: ``warning``, ``refresh_requested`` or ``link_disabled``."""
        await self.sockets.disconnect(reason)

    # What is to be seen

    def messages(
        self, channel_id: str, *, seen_by: str | None = None, with_deleted: bool = False
    ) -> list[SimulatedMessage]:
        """Return the messages of a channel, oldest first; ``seen_by`` leaves out what others alone see.

        Raises KeyError where there is no such channel; direct messages may still have to begin.
        """
        return self.workspace.messages(channel_id, seen_by=seen_by, with_deleted=with_deleted)

    def direct_messages(self, user_id: str) -> list[SimulatedMessage]:
        """Return what stands in the direct messages between the bot and this person; empty before the first."""
        channel = self.workspace.find_direct_message(user_id)
        return self.messages(channel.id) if channel else []

    async def wait_for(self, predicate: Callable[[], object], timeout: float = 60) -> None:  # noqa: ASYNC109  as in the interface
        """Return once ``predicate`` is true; it is asked again after every change. Raises TimeoutError."""
        await self._changes.wait_for(predicate, timeout)

    def snapshot(self) -> dict[str, Any]:
        """Return all of it as JSON, for a page; of each channel the newest messages."""
        last = self.last_delivery
        return picture(
            self.workspace,
            self.views,
            shortcuts=self.shortcuts,
            faults=self.faults,
            connection={
                "transport": "http" if self.events_url else "socket",
                "connected": len(self.sockets.links),
                "last_delivery": last and last.snapshot(),
            },
            requests=self.requests,
            warnings=self.warnings,
        )

    # Inside

    def _web_api(self, tokens: dict[str, str], limits: RateLimits | None) -> WebApi:
        methods = {
            **PeopleMethods(self.workspace, self.scopes).table(),
            **self._chat.table(),
            **self._schedule.table(),
            **BlockMethods().table(),
            **ViewMethods(self.views, self._triggers).table(),
            **self._files.table(),
            **self.sockets.table(),
        }
        return WebApi(
            methods=methods,
            tokens=tokens,
            scopes=self.scopes,
            faults=self.faults,
            limits=limits,
            chat=self._chat,
            response_urls=self._response_urls,
            files=self._files,
            changes=self._changes,
            clock=self.workspace.clock,
            stopping=self._stopping,
        )

    def _transport(self) -> Transport:
        if not self.events_url:
            return self.sockets
        if self._session is None:
            raise RuntimeError("the simulated Slack is not started")
        return HttpTransport(
            self.events_url, self._signing_secret, self._session, self._signing_clock, self.ack_timeout
        )

    def _faults_changed(self) -> None:
        """Let those faults happen that wait for no request."""
        on = {fault["name"]: fault for fault in self.faults.snapshot() if fault["on"]}
        self._modes.follow(frozenset(on))
        silent = on.get("socket_silent")
        self.sockets.silent = silent is not None and silent["remaining"] is None
        if silent is not None and not self.sockets.silent:
            self.sockets.silence()
            self.faults.switch_off("socket_silent")
        if "socket_refresh" in on:
            self.faults.switch_off("socket_refresh")
            if self.sockets.links:
                self._soon(self.sockets.disconnect("refresh_requested"))
        if "down" in on and on["down"]["only"] in "socket" and self.sockets.links:
            self._soon(self.sockets.close())
        for name, channel_name in SHARED_BY_SWITCH.items():
            if (name in on) != (name in self._shared):
                (self._shared.add if name in on else self._shared.discard)(name)
                for channel in self.workspace.channels.values():
                    channel.shared = name in on if channel.name == channel_name else channel.shared
        self._changes.announce()

    def _soon(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
