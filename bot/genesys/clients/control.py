"""Controls each recording through the OAuth client that has found its call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.errors import (
    CallEnded,
    CallNotFound,
    GenesysError,
    GenesysUnavailable,
    LoginRefused,
    NotAVoiceCall,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
)
from bot.genesys.recording.call_state import first_read, is_other_conversation
from bot.genesys.transport.deadline import RequestOptions
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from bot.genesys.clients.pool import GenesysClients
    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.call import Participant
    from bot.recording.models import ConfirmedChange, Conversation, Target
    from bot.recording.ports import ChangeOptions, Permit, Progress, RecordingControl

NOT_FOUND = 404
NOT_SEEN = (NotFound, PermissionMissing, LoginRefused, RateLimited)
"""The answers of a client that does not see a call, or can't tell whether it does."""
UNCERTAIN = (RateLimited, LoginRefused, PermissionMissing)
"""Those that leave open whether there is such a call; the first of them is told."""

Result = TypeVar("Result")
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Seen:
    """Whether a client has read the call: what it says afterwards is about the call, not about what it sees."""

    call: bool = False


Attempt = Callable[["GenesysClient", _Seen], Awaitable[Result]]


@dataclass(frozen=True)
class ClientsControl:
    """RecordingControl over several clients.

    An unknown call is looked for with one client after the other. The result is "not found" only if each of them says
    so: a client that can't log in, or may not see the call, is no evidence. No change is sent twice: an action moves on
    to another client only if the first one has not read the call, or Genesys has refused its login.
    """

    clients: GenesysClients
    controls: Mapping[GenesysClient, RecordingControl]

    async def start(
        self, target: Target, how: ChangeOptions, *, reason_code: str | None, permit: Permit
    ) -> ConfirmedChange:
        """Start with the first client that reads the call; the start's own reading finds it."""
        conversation_id, options = target.conversation_id, RequestOptions.of(how)

        async def attempt(client: GenesysClient, seen: _Seen) -> ConfirmedChange:
            def permit_seen(agent: Participant | None) -> None:
                seen.call = True
                permit(agent)

            return await self.controls[client].start(target, how, reason_code=reason_code, permit=permit_seen)

        home = self.clients.of_call(conversation_id)
        among = [*(self.clients.relieving(home) if home else ()), *self.clients.candidates(conversation_id)]
        try:
            return self._changed(conversation_id, await self._find(conversation_id, attempt, among))
        except CallEnded as ended:
            raise await self._confirmed_end(conversation_id, ended, options) from ended
        except CallNotFound as missing:
            for client in self.clients.clients:
                if await is_other_conversation(client, conversation_id, options):
                    raise NotAVoiceCall(evidence=missing.evidence) from missing
            raise

    async def stop(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Stop through the client that has found the call."""
        return await self._change(target, how, lambda control: control.stop(target, how))

    async def pause(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Pause through the client that has found the call."""
        return await self._change(target, how, lambda control: control.pause(target, how))

    async def resume(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Resume through the client that has found the call."""
        return await self._change(target, how, lambda control: control.resume(target, how))

    async def read_call(
        self, target: Target, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> Conversation:
        """Read with the client that has found the call; with the others only if it doesn't see the call any more."""
        conversation_id, options = target.conversation_id, RequestOptions(deadline, progress, priority)
        home, refusals = self.clients.of_call(conversation_id), list[GenesysError]()
        if home is not None:
            try:
                return await self.controls[home].read_call(
                    target, deadline=deadline, progress=progress, priority=priority
                )
            except (NotFound, PermissionMissing, LoginRefused) as refusal:
                refusals.append(refusal)
        return (await self._locate(conversation_id, options, self._others(home), refusals)).conversation()

    async def _change(
        self, target: Target, how: ChangeOptions, act: Callable[[RecordingControl], Awaitable[ConfirmedChange]]
    ) -> ConfirmedChange:
        conversation_id, options = target.conversation_id, RequestOptions.of(how)
        client = await self._responsible(conversation_id, options)
        try:
            try:
                changed = await act(self.controls[client])
            except LoginRefused as refusal:  # so nothing was changed
                changed = await act(self.controls[await self._instead_of(client, refusal, conversation_id, options)])
        except CallEnded as ended:
            raise await self._confirmed_end(conversation_id, ended, options) from ended
        return self._changed(conversation_id, changed)

    def _changed(self, conversation_id: str, changed: ConfirmedChange) -> ConfirmedChange:
        client = self.clients.of_call(conversation_id)
        if client is not None and changed.agent is not None and changed.agent.user_id:
            self.clients.found_agent(changed.agent.user_id, client)
        return changed

    async def _responsible(self, conversation_id: str, options: RequestOptions) -> GenesysClient:
        """Return the client that has found the call; look for it if none has, or if that one has no requests left.

        Raise CallEnded where none sees it: it was there when its recording began.
        """
        home = self.clients.of_call(conversation_id)
        if home is None:
            try:
                return await self._found_by(conversation_id, options, self.clients.candidates())
            except CallNotFound as gone:
                raise CallEnded(evidence=gone.evidence) from gone
        if relief := self.clients.relieving(home):
            try:
                return await self._found_by(conversation_id, options, relief)
            except NOT_SEEN:
                return home
        return home

    async def _instead_of(
        self, client: GenesysClient, refusal: LoginRefused, conversation_id: str, options: RequestOptions
    ) -> GenesysClient:
        """Return another client that sees the call. Raise ``refusal`` if none does."""
        try:
            return await self._found_by(conversation_id, options, self._others(client))
        except NOT_SEEN:
            raise refusal from None

    async def _found_by(
        self, conversation_id: str, options: RequestOptions, among: list[GenesysClient]
    ) -> GenesysClient:
        await self._locate(conversation_id, options, among)
        return self.clients.of_call(conversation_id) or self.clients.first

    async def _locate(
        self,
        conversation_id: str,
        options: RequestOptions,
        among: list[GenesysClient],
        refusals: list[GenesysError] | None = None,
    ) -> CallReading:
        """Read a call with one client after the other, and remember which one sees it."""

        async def attempt(client: GenesysClient, _: _Seen) -> CallReading:
            return await first_read(client, conversation_id, options)

        return await self._find(conversation_id, attempt, among, refusals)

    async def _find(
        self,
        conversation_id: str,
        attempt: Attempt[Result],
        among: list[GenesysClient],
        refusals: list[GenesysError] | None = None,
    ) -> Result:
        """Attempt it with each client until one sees the call. Raise CallNotFound if all say that there is none."""
        refusals = [] if refusals is None else refusals
        for client in dict.fromkeys(among):
            seen = _Seen()
            try:
                result = await attempt(client, seen)
            except NOT_SEEN as refusal:
                if seen.call:
                    raise
                log.info("call_not_found", client=client.account.label, error=refusal.kind)
                refusals.append(refusal)
            except GenesysError as error:
                seen.call = seen.call or not isinstance(error, GenesysUnavailable)
                raise
            else:
                seen.call = True
                return result
            finally:
                if seen.call:
                    self.clients.found(conversation_id, client)
        raise _verdict(refusals)

    async def _confirmed_end(self, conversation_id: str, ended: CallEnded, options: RequestOptions) -> GenesysError:
        """Return ``ended`` if it is certain, else OutcomeUnknown.

        A client that saw the call, and gets 404 now, may have lost sight of it: a transfer can change its division.
        """
        if ended.evidence.http_status != NOT_FOUND:
            return ended
        others = self._others(self.clients.of_call(conversation_id))
        try:
            await self._locate(conversation_id, options.confirming(), others)
        except (CallEnded, CallNotFound):
            return ended
        except GenesysError:
            log.info("call_end_not_confirmed", conversation_id=conversation_id)
        return OutcomeUnknown(evidence=ended.evidence)

    def _others(self, client: GenesysClient | None) -> list[GenesysClient]:
        return [one for one in self.clients.candidates() if one is not client]


def _verdict(refusals: list[GenesysError]) -> GenesysError:
    """Return what to tell after no client has seen the call: what leaves it open, else that there is none."""
    for kind in UNCERTAIN:
        for refusal in refusals:
            if isinstance(refusal, kind):
                return refusal
    return next((one for one in refusals if not isinstance(one, CallNotFound)), refusals[0])
