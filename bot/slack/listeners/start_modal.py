"""Handles the start modal: opens it at once, updates it for the chosen call, and submits it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.errors import Duplicate, GenesysUnavailable, MalformedId, PermissionMissing, RecordBotError
from bot.i18n.error_messages import what_happened
from bot.recording.caller import Permission
from bot.recording.requests import conversation_id
from bot.slack.api_errors import code
from bot.slack.blocks.call_options import agent_options, agents_of
from bot.slack.blocks.mrkdwn import escape, moment
from bot.slack.blocks.start_modal import CALL, FOUND, START_VIEW, TYPED_ID, Form, block_id, read_form, start_view
from bot.slack.listeners.context import ListenerContext, Reply, team_of
from bot.slack.listeners.error_boundary import answered
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.errors import GenesysError
    from bot.i18n.catalog import Catalog
    from bot.recording.call import LiveCall, Participant
    from bot.recording.live_calls.call_list import CallList
    from bot.recording.requests import Request
    from bot.slack.blocks.start_modal import View
    from bot.slack.listeners.agents.next_calls import NextCallCommands

log = structlog.get_logger(__name__)

LIST_SECONDS = 1.0
"""Time that a look-up waits for Genesys; the person sees the answer within Slack's three seconds in any case."""
NEWER_LIST_SECONDS = 5.0
"""How long an open modal waits for a list that says more than the one that it was opened with."""
SPENT_TRIGGER = "exchanged_trigger_id"


class Calls(Protocol):
    """The calls that agents are on now, a few seconds old at most."""

    async def current(self, *, wait: float = LIST_SECONDS) -> CallList: ...

    def search(self, calls: Iterable[LiveCall], text: str) -> Sequence[LiveCall]: ...


@dataclass(frozen=True, slots=True)
class StartModal:
    """Opens the modal, and handles its events.

    For other surfaces: ``await allowed(request)``, acknowledge, then ``context.work.start(show(…))``.
    """

    context: ListenerContext
    calls: Calls
    next_calls: NextCallCommands | None = None

    def register(self, app: AsyncApp) -> None:
        app.view(START_VIEW)(self.on_submit)
        app.action(CALL)(self.on_call_chosen)
        app.action(FOUND)(self.on_call_chosen)

    async def allowed(self, request: Request) -> None:
        """Raise the reason why this person can't start a recording now; the refusal is then in the trail."""
        intake = self.context.service.intake
        if not (request.caller.may(Permission.CONTROL) and intake.shutdown_gate.open):
            await intake.start(request, None, None)  # refused as such; there is no call to act on

    async def show(
        self, request: Request, trigger: str, reply: Reply, form: Form | None = None, notice: str = ""
    ) -> None:
        """Open the modal with what is known at this moment, then bring its remark about the list up to date.

        Call it at once: a trigger lives for three seconds.
        """
        words = self.context.words_for(request)
        form = form or Form(channel=request.origin.channel)
        known = calls_note(await self.calls.current(wait=0), request, words, opening=True)
        if request.origin.shared_channel:
            notice = "\n".join(filter(None, (notice, words("shared.modal"))))
        view = self._view(form, words, known, notice)
        try:
            answer = await self.context.client.views_open(trigger_id=trigger, view=view)
        except WEB_API_ERRORS as error:
            log.warning("modal_open_failed", error=code(error))
            if code(error) != SPENT_TRIGGER:  # spent: the same request came twice, and the modal is open
                await self.context.tell(reply, words("modal.not_opened"))
            return
        newer = calls_note(await self.calls.current(wait=NEWER_LIST_SECONDS), request, words)
        if newer != known:
            await self._update(answer["view"], self._view(form, words, newer, notice))

    async def on_call_chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Ask whose side to record where several agents are on the chosen call. Nothing may be raised from here."""
        await ack()
        if body.get("view"):
            self.context.work.start(self._ask_for_agent(body))

    async def on_submit(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Put the request into the trail, then acknowledge: closed, or with what is wrong. Nothing may be raised."""

        async def refuse(error: RecordBotError) -> dict[str, Any]:
            words = self.context.words_of(body["user"]["id"])
            notice = f":warning: {self.context.explain(error, words)}"
            return _updated(self._view(read_form(view), words, notice=notice))

        await ack(**await answered("start_modal", self._submit(body, view), refuse))

    async def _submit(self, body: dict[str, Any], view: Mapping[str, Any]) -> dict[str, Any]:
        form = read_form(view)
        request = await self.context.request(
            "modal",
            user_id=body["user"]["id"],
            team_id=team_of(body),
            channel=form.channel,
            trigger=f"{view['id']}.{form.tries}",
        )
        words = self.context.words_for(request)
        if request.caller.may(Permission.CONTROL):  # others are refused in the trail, regardless of their input
            if problems := _problems(form, words):
                return {"response_action": "errors", "errors": problems}
            if agents := await self._agents_to_ask_for(form, request):
                form = replace(form, agents=agent_options(agents, words))
                return await self._refused(form, request, words("modal.choose_agent"))
        return await self._start(form, request, words)

    async def _start(self, form: Form, request: Request, words: Catalog) -> dict[str, Any]:
        if form.next_agent is not None and self.next_calls is not None:
            reasons = self.context.service.intake.reasons
            reasons.read(form.note or None, chosen=form.reason_code)  # what is wrong stands in the modal
            self.next_calls.begin_later(
                request, form.next_agent, form.note or None, Reply(_user(request)), reason_code=form.reason_code
            )
            return {}
        try:
            accepted = await self.context.service.intake.start(
                request,
                form.chosen_call or form.typed_id or None,
                form.note or None,
                reason_code=form.reason_code,
                agent_user_id=form.chosen_agent,
            )
        except Duplicate as duplicate:
            recording = await self.context.service.store.attempt_recording(duplicate.attempt_id)
            if recording is not None:
                return {}  # the first delivery started it; its card shows how it goes
            refusal = self.context.explain(duplicate, words)
        except RecordBotError as error:
            refusal = self.context.explain(error, words)
        else:
            self.context.finish_later(accepted, Reply(_user(request)))
            return {}
        return await self._refused(replace(form, tries=form.tries + 1), request, refusal)

    async def _refused(self, form: Form, request: Request, why: str) -> dict[str, Any]:
        """Return the answer that leaves the modal open, with all that was put in."""
        words = self.context.words_for(request)
        note = ""
        if request.caller.may(Permission.CONTROL):  # don't ask Genesys anything for a person without rights
            note = calls_note(await self.calls.current(wait=0), request, words, opening=True)
        return _updated(self._view(form, words, note, notice=f":warning: {why}"))

    async def _ask_for_agent(self, body: dict[str, Any]) -> None:
        view = body["view"]
        form = read_form(view)
        request = await self.context.request(
            "modal", user_id=body["user"]["id"], team_id=team_of(body), channel=form.channel, trigger=None
        )
        if not request.caller.may(Permission.CONTROL):
            return
        words = self.context.words_for(request)
        known = await self.calls.current(wait=LIST_SECONDS)
        agents = agent_options(_several(known, form.chosen_call, request), words)
        if agents != form.agents:
            form = replace(form, agents=agents, agent=None)
            await self._update(view, self._view(form, words, calls_note(known, request, words)))

    async def _agents_to_ask_for(self, form: Form, request: Request) -> tuple[Participant, ...]:
        """Return the agents to choose from if none was chosen: the call was typed, or Slack lost the choice."""
        if form.agent is not None:
            return ()
        return _several(await self.calls.current(wait=0), form.chosen_call or _typed(form), request)

    async def _update(self, view: Mapping[str, Any], fresh: View) -> None:
        try:
            await self.context.client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)
        except WEB_API_ERRORS as error:  # closed, or changed in between: what is open there is newer
            log.info("modal_update_failed", error=code(error))

    def _view(self, form: Form, words: Catalog, calls_note: str = "", notice: str = "") -> View:
        reasons = self.context.service.intake.reasons
        at_most = self.context.service.intake.log.rules.limits.recording
        return start_view(form, words, reasons, notice=notice, calls_note=calls_note, at_most=at_most)


def calls_note(known: CallList, request: Request, words: Catalog, *, opening: bool = False) -> str:
    """Say what the person should know about the list before choosing; empty if there is nothing to say.

    ``opening``: the list may be on its way, which is nothing to worry anybody with.
    """
    if known.problem is not None:
        since = known.problem.since if isinstance(known.problem, GenesysUnavailable) else None
        if opening and known.as_of is None and since is None:
            return ""
        why = _why(known.problem, since, words)
        if known.as_of is None:
            return words("modal.calls_away", why=why)
        return words("modal.calls_old", why=why, at=moment(known.as_of))
    if not known.within(request.caller.scope).calls:
        return words("modal.no_calls")
    return "" if known.complete else words("modal.calls_incomplete")


def _why(problem: GenesysError, since: datetime | None, words: Catalog) -> str:
    if since is not None:
        return words("modal.away_since", at=moment(since))
    if isinstance(problem, PermissionMissing) and problem.permission:
        return words("details.permission", permission=escape(problem.permission))
    return escape(what_happened(problem.kind, words))


def _problems(form: Form, words: Catalog) -> dict[str, str]:
    """Return what is wrong at which field, before anything is asked for."""
    field = FOUND if form.found else CALL
    if form.call is not None and form.typed_id:
        return {block_id(TYPED_ID): words("modal.both")}
    if form.call is None and not form.typed_id:
        return {block_id(field): words("modal.neither")}
    return {}


def _typed(form: Form) -> str | None:
    try:
        return conversation_id(form.typed_id)
    except MalformedId:
        return None


def _several(known: CallList, call_id: str | None, request: Request) -> tuple[Participant, ...]:
    call = next((one for one in known.calls if one.conversation_id == call_id), None)
    if call is None or len({one.user_id for one in call.agents}) < 2:  # noqa: PLR2004  several
        return ()
    return agents_of(call, request.caller.scope)


def _updated(view: View) -> dict[str, Any]:
    return {"response_action": "update", "view": view}


def _user(request: Request) -> str:
    return request.caller.actor.rpartition(":")[2]
