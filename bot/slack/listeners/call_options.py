"""The options of the start modal: live calls that match the typed text, within Slack's three seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import NotPermitted
from bot.recording.caller import Permission
from bot.recording.permissions import require
from bot.slack.blocks.call_options import call_options
from bot.slack.blocks.start_modal import CALL
from bot.slack.listeners.context import ListenerContext, team_of
from bot.slack.listeners.error_boundary import answered
from bot.slack.listeners.start_modal import LIST_SECONDS, Calls

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.errors import RecordBotError
    from bot.recording.control.user_rate_limit import LookupLimit
    from bot.recording.requests import Request
    from bot.slack.listeners.agents.people_options import PeopleOptions

NOTHING: dict[str, Any] = {"options": []}


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Answers typing in the list of live calls. A person without the right to start sees none."""

    context: ListenerContext
    calls: Calls
    denials: LookupLimit
    """Admits the look-ups of each person without the right that get an entry."""
    people: PeopleOptions | None = None

    def register(self, app: AsyncApp) -> None:
        app.options(CALL)(self.on_typed)

    async def on_typed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answer with the calls; with none where something goes wrong. Nothing may be raised from here."""

        async def refuse(_: RecordBotError) -> dict[str, Any]:
            return NOTHING

        await ack(**await answered("call_options", self._found(body), refuse))

    async def _found(self, body: dict[str, Any]) -> dict[str, Any]:
        request = await self.context.request(
            "modal", user_id=body["user"]["id"], team_id=team_of(body), channel=None, trigger=None
        )
        if not request.caller.may(Permission.CONTROL):
            await self._deny(request)
            return NOTHING
        if not self.context.look_ups.admit(request.caller.actor):
            return NOTHING
        everything, typed = await self.calls.current(wait=LIST_SECONDS), str(body.get("value") or "")
        scope, words = request.caller.scope, self.context.words_for(request)
        calls = self.calls.search(everything.within(scope).calls, typed)
        shown = call_options(calls, words, self.context.service.clock.now())
        if self.people is None:
            return shown
        return await self.people.beside(shown, typed, everything.calls, scope, words)

    async def _deny(self, request: Request) -> None:
        """Put the denial into the trail, once a minute for each person: Slack asks again at each letter."""
        if not self.denials.admit(request.caller.actor):
            return
        try:
            require(request.caller, Permission.CONTROL)
        except NotPermitted as refusal:
            await self.context.service.intake.refuse_reading(request, "", refusal)
