"""``record-bot serve``: connects everything, runs until SIGTERM, and shuts down in order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog
from slack_sdk.errors import SlackApiError

from bot.database.identity.file_lock import serving_alone
from bot.errors import AuditUnavailable, GenesysUnavailable, LoginRefused, SettingsError
from bot.recording.clock import SystemClock
from bot.runtime.container import (
    GENESYS_READ_SECONDS,
    SERVE_OWNER,
    Control,
    opened_control,
)
from bot.runtime.health import Readiness
from bot.runtime.http_server import listen
from bot.runtime.lifecycle_entries import record_start, record_stop
from bot.runtime.serving_container import Bot, serving
from bot.runtime.workers import Supervisor, Worker
from bot.slack.api_errors import code
from bot.slack.client import SlackIdentity, identify, own_workspace, web_client, web_session
from bot.slack.people.users import WEB_API_ERRORS
from bot.slack.shared_channels import refuse_shared
from bot.slack.slack_clock import SlackClock
from bot.slack.socket_mode import PING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from slack_sdk.web.async_client import AsyncWebClient
    from urllib3 import PoolManager

    from bot.config.settings import ServeSettings
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

FINISH_SECONDS = 20.0
FLUSH_SECONDS = 5.0
ONE_CLIENT = "PURECLOUD_CLIENT_ID, PURECLOUD_CLIENT_SECRET"
FATAL_SLACK_ERRORS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


@dataclass
class Serving:
    """One run of the bot.

    In seconds: ``genesys_patience`` is how long an answer of Genesys may take, ``socket_ping`` how often the socket is
    tried out. ``genesys_pool`` makes the connections to Genesys; without one, the bot makes its own.
    """

    settings: ServeSettings
    clock: Clock = field(default_factory=SystemClock)
    genesys_patience: float = GENESYS_READ_SECONDS
    genesys_pool: PoolManager | None = None
    socket_ping: float = PING_SECONDS
    without_policy: bool = False
    """Whether to serve without a policy file although the last process had one."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    readiness: Readiness = field(default_factory=Readiness)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything runs; ``port`` then says where its HTTP server listens."""
    port: int | None = None
    on_up: Callable[[], None] | None = None
    """Called once, when everything runs."""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raise SettingsError, DatabaseUnusable, OSError at the start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        async with AsyncExitStack() as stack:
            stack.enter_context(serving_alone(self.settings.database_url))
            control = await stack.enter_async_context(
                opened_control(
                    self.settings,
                    owner=SERVE_OWNER,
                    clock=self.clock,
                    patience=self.genesys_patience,
                    genesys_pool=self.genesys_pool,
                    without_policy=self.without_policy,
                )
            )
            slack_clock = SlackClock()
            session = await stack.enter_async_context(web_session(slack_clock))
            client = web_client(
                self.settings.slack_bot_token.get_secret_value(), api_url=self.settings.slack_api_url, session=session
            )
            identity = await self._until_told_to_stop(self._identify(client))
            if identity is None:
                return
            await refuse_shared(client, self.settings.slack_audit_channel, identity.scopes)
            await self._log_in(control)
            bot = serving(self.settings, control, client, session, identity, slack_clock, socket_ping=self.socket_ping)
            self.readiness = bot.readiness
            await self._serve(control, bot, identity.team)

    async def _serve(self, control: Control, bot: Bot, team: str) -> None:
        settings = self.settings
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(bot.replicas.joined())
            if bot.socket is not None:
                opened.push_async_callback(bot.socket.close)
            server = await listen(bot.pages, host=settings.http_host, port=settings.http_port, routes=bot.routes)
            opened.push_async_callback(server.cleanup)
            self.port = server.port
            supervisor = Supervisor(control.clock, control.metrics.on_loop_broken)
            opened.push_async_callback(supervisor.stop)
            await bot.settle_interrupted()
            await record_start(control, without_policy=self.without_policy)
            for worker in bot.first:
                await supervisor.once(worker)
            led = supervisor.loops(worker for worker in bot.workers if worker.leader_only)
            supervisor.start(worker for worker in bot.workers if not worker.leader_only)
            supervisor.start([Worker("leader", partial(bot.replicas.lead, led), leader_only=False)])
            bot.readiness.started = True
            self.up.set()
            if self.on_up is not None:
                self.on_up()
            log.info("serve_started", transport="socket" if bot.socket else "http", team=team, port=self.port)
            await self.stopping.wait()
            await self._drain(control, bot, supervisor)

    async def _drain(self, control: Control, bot: Bot, supervisor: Supervisor) -> None:
        """Finish what was accepted, write the last entry, end the workers, and deliver what they left."""
        log.info("shutdown_started")
        bot.readiness.started = False
        control.shutdown_gate.open = False
        if left := await bot.work.drain(FINISH_SECONDS):
            log.warning("work_abandoned", left=left)  # its attempts are settled at the next start
        await control.requests.limit.note(control.store, control.clock)
        try:
            await record_stop(control)
        except AuditUnavailable:
            log.warning("stop_entry_write_failed")  # the next start shows that the bot was away
        await supervisor.stop()
        if bot.replicas.leading:
            await self._flush(bot)
        log.info("shutdown_completed")

    @staticmethod
    async def _flush(bot: Bot) -> None:
        """Deliver what the workers left, as far as Slack takes it in time."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await bot.cards.publish_all()
                while await bot.audit.publish_next():
                    pass
        except TimeoutError:
            log.warning("outbox_flush_timed_out")  # the next start delivers it
        except Exception:
            log.exception("outbox_flush_failed")  # likewise

    async def _identify(self, client: AsyncWebClient) -> SlackIdentity:
        wait = 1.0
        while True:
            try:
                return own_workspace(await identify(client))
            except WEB_API_ERRORS as error:
                if isinstance(error, SlackApiError) and code(error) in FATAL_SLACK_ERRORS:
                    sentence = f"Slack rejected SLACK_BOT_TOKEN ({code(error)}). Copy the bot token again."
                    raise SettingsError((sentence,)) from None
                log.warning("slack_connection_failed", error=code(error), wait=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 30)

    async def _until_told_to_stop(self, asking: Coroutine[None, None, SlackIdentity]) -> SlackIdentity | None:
        task, stop = asyncio.ensure_future(asking), asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            return await task
        task.cancel()
        return None

    @staticmethod
    async def _log_in(control: Control) -> None:
        try:
            await control.genesys.login()
        except LoginRefused as error:
            what = "the file in PURECLOUD_CLIENTS" if control.genesys.first.account.label else ONE_CLIENT
            check = f"Check {what} and PURECLOUD_ENVIRONMENT"
            raise SettingsError((f"{str(error).removesuffix('.')}. {check}.",)) from None
        except GenesysUnavailable:
            log.warning("genesys_login_failed")  # the bot serves, says so in /readyz, and logs in with the next request
