"""Sends what a person did to the app, lets deliveries go wrong, and shows the person what came back."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.events.delivery import DeliveryResult, NotDelivered, Payload, Transport
from bot.sandbox.slack.state.people import SLACKBOT
from bot.sandbox.slack.web_api.chat import POST_CHARACTERS
from bot.sandbox.slack.web_api.method import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.slack.web_api.chat import ChatMethods

REPEATED = {"slash_commands", "block_actions"}
EVENT_REASONS = {"operation_timeout": "http_timeout", "dispatch_failed": "connection_failed"}


@dataclass
class Dispatch:
    """The way of every payload to the app. ``transport`` says which way is in use now."""

    chat: ChatMethods
    faults: FaultSwitches
    transport: Callable[[], Transport]
    last: DeliveryResult | None = field(init=False, default=None)

    async def deliver(self, payload: Payload) -> DeliveryResult:
        """Deliver once, or twice at the same time where ``duplicate_delivery`` is on. An event is repeated once."""
        kind = payload.body.get("type", payload.kind)
        operation = str(payload.body.get("command") or kind)
        if kind == "block_actions" and self.faults.take("lost_click", operation):
            result = DeliveryResult(payload, error="lost")
            return self._remember(result)
        if kind in REPEATED and self.faults.take("duplicate_delivery", operation):
            result, result.again = await asyncio.gather(self._once(payload), self._once(payload))
            return self._remember(result)
        result = await self._once(payload)
        if payload.kind == "events_api" and not result.acked:
            reason = EVENT_REASONS.get(result.error or "", "http_error")
            result.again = await self._once(replace(payload, retry=1, retry_reason=reason))
        return self._remember(result)

    async def redeliver(self, result: DeliveryResult | None = None) -> DeliveryResult:
        """Deliver the same payload once more, the last one where none is named."""
        result = result or self.last
        if result is None:
            raise LookupError("nothing was delivered yet")
        return self._remember(await self._once(result.payload))

    async def _once(self, payload: Payload) -> DeliveryResult:
        result = DeliveryResult(payload)
        if self.faults.take("down", "delivery"):
            result.error = "service_unavailable"
            return result
        operation = str(payload.body.get("command") or payload.body.get("type", payload.kind))
        if late := self.faults.take("late_delivery", operation):
            # Slack has told the person that it failed, and takes no answer any more; the app reads it all the same.
            with suppress(NotDelivered):
                await self.transport().send(payload.waiting(late.value or 0.0))
            result.error = "operation_timeout"
            return result
        started = time.perf_counter()
        try:
            ack = await self.transport().send(payload)
        except NotDelivered as error:
            result.error, result.status = error.code, error.status
            return result
        result.acked, result.seconds = True, time.perf_counter() - started
        result.body, result.status = ack.body, ack.status
        if ack.body and not payload.answered:
            self.chat.warnings.append(f"the ack of {payload.body.get('type')} has a body, which Slack ignores")
        return result

    def _remember(self, result: DeliveryResult) -> DeliveryResult:
        self.last = result
        self.chat.workspace.changes.announce()
        return result

    def show_command(self, result: DeliveryResult) -> DeliveryResult:
        """Show the person what the ack of a command said, or Slack's own words where there was none."""
        body = result.payload.body
        channel, user, command = body["channel_id"], body["user_id"], body["command"]
        if result.error == "dispatch_failed":
            self._slackbot(result, channel, user, f"{command} failed because the app did not respond")
        elif result.error == "service_unavailable":
            self._slackbot(result, channel, user, f"{command} was not sent: Slack is down")
        elif result.error:
            self._slackbot(result, channel, user, f'{command} failed with the error "{result.error}"')
        elif result.body:
            self._show_ack(result, channel, user, command)
        if result.again:
            self.show_command(result.again)
        return result

    def show_click(self, result: DeliveryResult, channel: str, user: str) -> DeliveryResult:
        """Show the person that a click came to nothing; what an app does about it, it says by itself."""
        if result.error and result.error != "lost":
            self._slackbot(result, channel, user, f":warning: The app did not respond ({result.error})")
        return result

    def _show_ack(self, result: DeliveryResult, channel: str, user: str, command: str) -> None:
        body: Any = result.body if isinstance(result.body, dict) else {"text": str(result.body)}
        try:
            content = self.chat.content(Arguments(body), POST_CHARACTERS, f"the ack of {command}")
        except SlackError as error:
            self.chat.warnings.append(f"the ack of {command}: {error.code} {error.more.get('errors', '')}")
            result.error = "invalid_command_response"
            self._slackbot(result, channel, user, f'{command} failed with the error "{result.error}"')
            return
        seen_by = None if body.get("response_type") == "in_channel" else user
        where = self.chat.workspace.channels[channel]
        result.shown.append(self.chat.put(where, content | {"ephemeral_to": seen_by}))

    def _slackbot(self, result: DeliveryResult, channel: str, user: str, text: str) -> None:
        said = self.chat.workspace.say(channel, text, user=SLACKBOT, ephemeral_to=user)
        result.shown.append(said)
