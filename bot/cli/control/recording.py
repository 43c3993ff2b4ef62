"""Recording control from a terminal: the service's answers as text or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.audit.storable import storable
from bot.database.outbox.next_calls import SqlNextCalls
from bot.errors import AuditUnavailable, CallEnded, RecordBotError
from bot.i18n.catalog import ENGLISH, read_languages
from bot.i18n.error_messages import MessageFormatter, ends_by_itself, explain, now
from bot.recording.caller import Principal, Role
from bot.recording.control.dual_control import lapsed
from bot.recording.control.outcomes import other_recorders
from bot.recording.models import Verb
from bot.recording.requests import AwaitsConfirmation, Extended, Request, RequestSource
from bot.runtime.container import CLI_OWNER, opened_control
from bot.slack.blocks.notes import APPROVAL_TEXTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from uuid import UUID

    from bot.config.settings import ControlSettings
    from bot.genesys import RequestSeen
    from bot.recording.agents.next_call import NamedNextCall
    from bot.recording.control.service import RecordingService
    from bot.recording.models import Approval, Recording
    from bot.recording.requests import PendingAction
    from bot.runtime.container import Control


def _in_terminal(text: str) -> str:
    """Name the terminal's commands where Slack's are advised."""
    text = text.replace("[reason]", "[--reason REASON]").replace("<id> 90s", "<id> --for 90s")
    return text.replace("/record ", "record-bot recording ")


def _word(state: str) -> str:
    """Return the state as people name it, in the bot and in Genesys."""
    return {"active": "recording", "none": "not recording"}.get(state, state)


def voice() -> MessageFormatter:
    """Use English with any locale of the machine: scripts read it too."""
    return MessageFormatter(
        words=read_languages().of(ENGLISH),
        person=lambda actor: actor,
        time=lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        plain=_in_terminal,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command."""

    ok: bool
    text: str
    facts: Any

    def json(self) -> str:
        """Return the facts as JSON; an error has its sentence too."""
        facts = self.facts if self.ok else {**self.facts, "sentence": self.text}
        return json.dumps(facts, indent=2)


@dataclass(frozen=True, slots=True)
class Terminal:
    """One command of one user who is logged in on the bot's machine, and so is trusted like a supervisor."""

    settings: ControlSettings
    login: str
    on_request: Callable[[RequestSeen], None] | None = None
    """Called with each request to Genesys."""

    async def start(self, typed_id: str | None, reason: str | None) -> Result:
        async def run(service: RecordingService) -> Result:
            accepted = await service.intake.start(self.request, storable(typed_id), storable(reason))
            return await self.carry_out(service, accepted)

        return await self._with_service(run)

    async def change(self, verb: str, typed_id: str | None, length: str | None = None) -> Result:
        async def run(service: RecordingService) -> Result:
            accepted = await service.intake.change(
                Verb(verb), self.request, typed_id=storable(typed_id), typed_length=storable(length)
            )
            return await self._result(service, accepted)

        return await self._with_service(run)

    async def extend(self, typed_id: str | None) -> Result:
        async def run(service: RecordingService) -> Result:
            return await self._result(service, await service.intake.extend(self.request, typed_id=storable(typed_id)))

        return await self._with_service(run)

    async def _result(self, service: RecordingService, done: PendingAction | AwaitsConfirmation | Extended) -> Result:
        if isinstance(done, AwaitsConfirmation):
            return _awaiting(done)
        if isinstance(done, Extended):
            ends = _ends(done.recording) or voice().words("limits.endless")
            text = f"Call {done.recording.conversation_id}: {ends} (#{done.audit_seq})"
            return Result(ok=True, text=text, facts=_facts(done.recording))
        return await self.carry_out(service, done)

    async def status(self, typed_id: str) -> Result:
        async def run(service: RecordingService) -> Result:
            found = await service.status(await service.ask_status(self.request, storable(typed_id)))
            ours = "not recording this call" if found.recording is None else _word(found.recording.state.value)
            seen = found.seen
            waiting = None
            if found.recording is not None:
                waiting = (await _waiting(service, (found.recording,))).get(found.recording.id)
            facts = {
                "conversation_id": found.conversation_id,
                "recording": found.recording and _facts(found.recording),
                "approval": waiting and _approval_facts(waiting),
                "genesys": seen
                and {
                    "recording": seen.recording.value,
                    "on_hold": seen.on_hold,
                    "other_recorders": other_recorders(seen.mechanism, seen.recorders),
                },
                "error": found.error and found.error.kind,
                "audit_seq": found.audit_seq,
            }
            there = _word(seen.recording.value) if seen else explain(found.error or RecordBotError(), voice())
            lines = (f"record-bot: {ours}", f"Genesys: {there}", f"Audit entry: #{found.audit_seq}")
            text = "\n  ".join((f"Call {found.conversation_id}", *lines))
            if found.recording is not None and (ends := _ends(found.recording)):
                text += f"\n  note: {ends}"
            if seen is not None and (others := other_recorders(seen.mechanism, seen.recorders)):
                text += f"\n  also: Genesys records the call by {' and '.join(others)} as well"
            if waiting is not None:
                text += f"\n  note: {_waits(waiting)}"
            answered = found.error is None or isinstance(found.error, CallEnded)
            return Result(answered, text, facts)

        return await self._with_service(run)

    async def live(self) -> Result:
        async def run(control: Control) -> Result:
            service = control.service
            live = await service.live(self.request)
            awaited = await SqlNextCalls(control.engines).named()
            waiting = await _waiting(service, live)
            lines, facts = [], []
            for one in live:
                approval = waiting.get(one.id)
                line = f"{one.conversation_id}  {one.state.value:<9} {one.started_by}"
                ends = _ends(one).removesuffix(".")
                noted = [said for said in (ends, "" if approval is None else _waits(approval)) if said]
                lines.append(f"{line}  (note: {'; '.join(noted)})" if noted else line)
                facts.append({**_facts(one), "approval": approval and _approval_facts(approval)})
            lines = lines or ["There are no active recordings."]
            lines += [_awaited(one) for one in awaited]
            return Result(ok=True, text="\n".join(lines), facts=facts)

        return await self.with_control(run)

    @property
    def request(self) -> Request:
        """A request of this user."""
        return Request(Principal(f"cli:{self.login}", frozenset({Role.SUPERVISOR})), RequestSource("cli"))

    async def carry_out(self, service: RecordingService, accepted: PendingAction) -> Result:
        """Do what was accepted, and tell the result."""
        settled = await service.carry_out(accepted)
        if settled.error is not None:
            settled.error.audit_seq = settled.audit_seq
            facts = {"error": settled.error.kind, **_facts(settled.recording)}
            return Result(ok=False, text=explain(settled.error, voice(), settled.recording), facts=facts)
        said = f"{now(settled.recording, voice().words)} {_ends(settled.recording)}".rstrip()
        text = f"Call {settled.recording.conversation_id}: {said} (#{settled.audit_seq})"
        if accepted.longer is not None:
            text += f"\n  note: {_waits(accepted.longer)}"
        return Result(ok=True, text=text, facts=_facts(settled.recording))

    async def _with_service(self, run: Callable[[RecordingService], Awaitable[Result]]) -> Result:
        return await self.with_control(lambda control: run(control.service))

    async def with_control(self, run: Callable[[Control], Awaitable[Result]]) -> Result:
        """Run a command on recording control; an error is a result as well."""
        async with opened_control(self.settings, owner=CLI_OWNER, on_request=self.on_request) as control:
            try:
                return await run(control)
            except AuditUnavailable as error:
                return Result(ok=False, text=explain(error, voice()), facts={"error": error.kind, "cause": error.cause})
            except RecordBotError as error:
                facts = {"error": error.kind, "audit_seq": error.audit_seq}
                return Result(ok=False, text=explain(error, voice()), facts=facts)


def _awaiting(answer: AwaitsConfirmation) -> Result:
    approval, told = answer.approval, voice()
    which = APPROVAL_TEXTS[approval.verb]
    text = told.words(
        f"approval.{which}again" if answer.again else f"approval.{which}asked",
        call=answer.recording.conversation_id,
        id=answer.recording.conversation_id,
        until=told.time(approval.expires_at),
        now=now(answer.recording, told.words),
        seq=answer.audit_seq,
    )
    facts = {
        **_facts(answer.recording),
        "approval": _approval_facts(approval),
        "audit_seq": answer.audit_seq,
    }
    return Result(ok=True, text=told.plain(text), facts=facts)


async def _waiting(service: RecordingService, recordings: Iterable[Recording]) -> dict[UUID, Approval]:
    """Return, by recording, the stops that wait for a second supervisor; one whose time is up waits no more."""
    known, now_ = {one.id: one for one in recordings}, service.clock.now()
    found = [one for one in await service.store.open_approvals() if one.recording_id in known]
    return {one.recording_id: one for one in found if lapsed(one, known[one.recording_id], now_) is None}


def _awaited(one: NamedNextCall) -> str:
    waiting = one.next_call
    until = voice().time(waiting.expires_at)
    return f"next call of {one.agent_name or waiting.agent_user_id}  {waiting.asked_by}  until {until}"


def _waits(approval: Approval) -> str:
    until = voice().time(approval.expires_at)
    what = "stop" if approval.verb is Verb.STOP else "pause for longer"
    return f"{approval.asked_by} asked to {what}; a second supervisor must confirm by {until}"


def _approval_facts(approval: Approval) -> dict[str, Any]:
    return {
        "id": str(approval.id),
        "asked_by": approval.asked_by,
        "expires_at": approval.expires_at.isoformat(),
    }


def _ends(recording: Recording) -> str:
    """Say until when a pause or a recording lasts that ends by itself; empty if it doesn't."""
    return ends_by_itself(recording, voice().words, voice().time)


def _facts(recording: Recording) -> dict[str, Any]:
    return {
        "id": str(recording.id),
        "conversation_id": recording.conversation_id,
        "state": recording.state.value,
        "in_doubt": recording.in_doubt,
        "mechanism": recording.mechanism and recording.mechanism.value,
        "started_by": recording.started_by,
        "adopted": recording.adopted,
        "started_at": recording.started_at and recording.started_at.isoformat(),
        "ended_at": recording.ended_at and recording.ended_at.isoformat(),
        "pause_until": recording.pause_until and recording.pause_until.isoformat(),
        "run_until": recording.run_until and recording.run_until.isoformat(),
        "audit_seq": recording.audit_seq,
    }
