"""Handles App Home: opening it, clicks in it, and requests for an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.errors import Duplicate, RecordBotError
from bot.slack.blocks.home.today import EXPORT, PERIODS
from bot.slack.listeners.context import ListenerContext, Reply, team_of
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.slack.listeners.compliance.audit_export import AuditReports

log = structlog.get_logger(__name__)

HOME_OPENED = "app_home_opened"
HOME = "home"


class Homes(Protocol):
    """Publishes Homes; implemented by the outbox."""

    async def open(self, user_id: str, team_id: str, trigger: str | None) -> None: ...

    async def pressed(self, user_id: str, team_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class HomeEvents:
    """Handles the tab's opening, and notes every click in it; the buttons of recordings have their own listeners."""

    context: ListenerContext
    homes: Homes
    reports: AuditReports

    def register(self, app: AsyncApp) -> None:
        app.middleware(self.on_anything)
        app.event(HOME_OPENED)(self.on_opened)
        for period in PERIODS:
            app.action(f"{EXPORT}{period}")(self.on_export)

    async def on_opened(self, ack: AsyncAck, body: dict[str, Any], event: dict[str, Any]) -> None:
        await ack()
        if event.get("tab") == HOME and isinstance(user := event.get("user"), str):
            self.context.work.start(self.homes.open(user, str(team_of(body)), body.get("event_id")))

    async def on_anything(self, body: dict[str, Any], next_: Callable[[], Awaitable[None]]) -> None:
        """Publish a Home again after a click in it, whatever the click's result."""
        if body.get("type") == "block_actions" and (body.get("view") or {}).get("type") == HOME:
            self.context.work.start(self.homes.pressed(body["user"]["id"], str(team_of(body))))
        await next_()

    async def on_export(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Do what ``/record audit`` does, acknowledge, and answer as a direct message. Nothing may be raised."""
        reply = Reply(body["user"]["id"])

        async def refuse(error: RecordBotError) -> None:
            if not isinstance(error, Duplicate):  # else the first delivery counts
                self.context.work.start(self.context.refuse(reply, error, read=True))

        await answered("app_home", self._export(body, action, reply), refuse)
        await ack()

    async def _export(self, body: dict[str, Any], action: dict[str, Any], reply: Reply) -> None:
        request = await self.context.request(
            "button", user_id=reply.user_id, team_id=team_of(body), channel=None, trigger=body.get("trigger_id")
        )
        answer = await self.reports.answer(request, str(action["action_id"]).removeprefix(EXPORT), reply)
        self.context.work.start(self.context.tell(reply, answer["text"]))
