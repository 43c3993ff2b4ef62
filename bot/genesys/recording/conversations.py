"""Recording with the platform's own API: ad hoc on one agent's side, or pausing and resuming a policy's recording."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import (
    AgentLeft,
    CallEnded,
    CallNotFound,
    CallOnHold,
    GenesysError,
    NoAgentConnected,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RecordingNotSaid,
    SeveralAgents,
)
from bot.genesys.recording import call_state as calls
from bot.genesys.recording import effects
from bot.genesys.recording.confirmed_write import Changed, ConfirmedWrite, Push
from bot.genesys.transport.deadline import RequestOptions
from bot.genesys.transport.request import GenesysRequest
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import Departure
from bot.recording.models import ConfirmedChange, Mechanism
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.answer import Answer
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.models import Conversation, Target
    from bot.recording.ports import ChangeOptions, Permit, Progress

READ_AGAIN_SECONDS = (0.5, 1.0)
"""When a call that doesn't say whether it is being recorded is read again, before a start is refused."""


@dataclass(frozen=True)
class ConversationsControl:
    """RecordingControl over ``/api/v2/conversations``. There is no session id on the platform."""

    client: GenesysClient

    async def start(
        self, target: Target, how: ChangeOptions, *, reason_code: str | None, permit: Permit
    ) -> ConfirmedChange:
        """Record the call by what its reading calls for; a call that is being recorded is adopted.

        The reason stays with the bot: no write of this API takes one.
        """
        del reason_code
        options = RequestOptions.of(how)
        call = await self._clear_read(target.conversation_id, options)
        _require_one(call.agents, permit)
        there = _adopted(call, target)
        if call.recording is CallRecording.ACTIVE:
            permit(there.agent)
            return there
        if call.on_hold:
            raise CallOnHold(evidence=call.evidence)
        if call.recording is CallRecording.PAUSED:
            permit(there.agent)
            user_id = None if there.agent is None else there.agent.user_id
            changed = await self._pause_switch(call.id, user_id, effects.recording_runs, options, active=True)
            return _adopted(call, target, changed)
        agent = _agent(call, target)
        permit(agent)
        self.client.events.expect(agent.user_id)
        try:
            changed = await self._adhoc_switch(call.id, agent, partial(effects.recorded_on, agent.id), options, on=True)
        except AgentLeft as left:
            call = await self._decided(left, call.id, options)
            raise AgentLeft(agents=call.agents, evidence=left.evidence) from left
        return ConfirmedChange(
            Mechanism.ADHOC,
            agent=agent,
            created=changed.ours,
            evidence=changed.evidence,
            recorders=changed.seen.recorders,
        )

    async def stop(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Undo what the start did: end the ad-hoc recording, or put the policy's into secure pause."""
        options = RequestOptions.of(how, protects=True)
        mechanism, participant_id = target.mechanism, target.participant_id
        if mechanism is None or (mechanism is Mechanism.ADHOC and participant_id is None):
            call = await self._read_again(target.conversation_id, options)
            if call.recording is CallRecording.NONE or (
                mechanism is Mechanism.ADHOC and effects.no_adhoc_recorder(call)
            ):
                return ConfirmedChange(
                    mechanism or Mechanism.ADHOC, created=False, evidence=call.evidence, recorders=call.recorders
                )
            mechanism = mechanism or call.mechanism or Mechanism.POLICY
            participant_id = (call.adhoc_agent or _agent(call, target)).id if mechanism is Mechanism.ADHOC else None
        if mechanism is Mechanism.ADHOC and participant_id is not None:
            wanted = partial(effects.not_recorded_on, participant_id)
            try:
                agent = Participant(participant_id, target.agent_user_id or "")
                changed = await self._adhoc_switch(target.conversation_id, agent, wanted, options, on=False)
            except AgentLeft as left:
                return await self._over_with_the_agent(target.conversation_id, participant_id, left, options)
        else:
            user_id = target.agent_user_id
            changed = await self._pause_switch(target.conversation_id, user_id, effects.rests, options, active=False)
        return ConfirmedChange(
            mechanism,
            agent=_participant(changed.seen, participant_id),
            created=changed.ours,
            evidence=changed.evidence,
            recorders=changed.seen.recorders,
        )

    async def _over_with_the_agent(
        self, conversation_id: str, participant_id: str, left: AgentLeft, options: RequestOptions
    ) -> ConfirmedChange:
        """Report an ad-hoc recording that ended when its agent left. Raise CallEnded if everyone has left.

        Raise OutcomeUnknown where a reading can't tell, or shows that it still runs.
        """
        try:
            call = await self._decided(left, conversation_id, options)
        except CallEnded:
            raise
        except GenesysError as blind:
            raise OutcomeUnknown(evidence=left.evidence) from blind
        if not effects.not_recorded_on(participant_id, call):
            raise OutcomeUnknown(evidence=left.evidence) from left
        leg = call.leg(participant_id)
        return ConfirmedChange(
            Mechanism.ADHOC,
            agent=_participant(call, participant_id),
            created=False,
            evidence=left.evidence,
            recorders=call.recorders,
            departure=Departure(None if leg is None else leg.disconnect_type, call.agents),
        )

    async def pause(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Put the recording into secure pause, while card data is read out."""
        options = RequestOptions.of(how, protects=True)
        return await self._paused(target, options, effects.pauses, active=False)

    async def resume(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """End the secure pause."""
        options = RequestOptions.of(how)
        return await self._paused(target, options, effects.recording_runs, active=True)

    async def read_call(
        self, target: Target, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> Conversation:
        """Read the call as it is now, with one request. Raise CallEnded or CallNotFound."""
        return (
            await self._read_call(target.conversation_id, RequestOptions(deadline, progress, priority))
        ).conversation()

    async def _read_call(self, conversation_id: str, options: RequestOptions) -> CallReading:
        return await calls.read(self.client, conversation_id, options)

    async def _read_again(self, conversation_id: str, options: RequestOptions) -> CallReading:
        """Read a call whose recording's start was left in doubt; it was there before, so missing means ended."""
        try:
            return await self._clear_read(conversation_id, options)
        except CallNotFound as gone:
            raise CallEnded(evidence=gone.evidence) from gone

    async def _clear_read(self, conversation_id: str, options: RequestOptions) -> CallReading:
        """Read a call until it says whether it is being recorded: a guess could record it twice.

        Raise NoAgentConnected where nobody is connected yet.
        """
        call = await calls.first_read(self.client, conversation_id, options)
        for delay in READ_AGAIN_SECONDS:
            told = call.recording is not CallRecording.UNKNOWN or (call.legs and not call.connected)
            if told or not await self.client.pause(delay, options):
                break
            call = await self._read_call(conversation_id, options)
        if call.legs and not call.connected:
            raise NoAgentConnected(evidence=call.evidence)
        if call.recording is CallRecording.UNKNOWN:
            raise RecordingNotSaid(
                "Genesys does not say whether this call is being recorded, so nothing was sent.",
                evidence=call.evidence,
            )
        return call

    async def _paused(
        self, target: Target, options: RequestOptions, wanted: Callable[[CallReading], bool], *, active: bool
    ) -> ConfirmedChange:
        user_id = target.agent_user_id
        changed = await self._pause_switch(target.conversation_id, user_id, wanted, options, active=active)
        return ConfirmedChange(
            target.mechanism or changed.seen.mechanism or Mechanism.POLICY,
            agent=_participant(changed.seen, target.participant_id),
            created=changed.ours,
            evidence=changed.evidence,
            recorders=changed.seen.recorders,
        )

    async def _adhoc_switch(
        self,
        conversation_id: str,
        agent: Participant,
        wanted: Callable[[CallReading], bool],
        options: RequestOptions,
        *,
        on: bool,
    ) -> Changed[CallReading]:
        request = GenesysRequest(
            operation="start ad-hoc recording" if on else "stop ad-hoc recording",
            call="ConversationsApi.patch_conversation_participant",
            arguments={
                "conversation_id": conversation_id,
                "participant_id": agent.id,
                "body": {"recording": on},
            },
        )
        push = Push(conversation_id, agent.user_id, partial(effects.shown_on, agent.id, wanted))
        return await self._change(request, push, wanted, options)

    async def _pause_switch(
        self,
        conversation_id: str,
        user_id: str | None,
        wanted: Callable[[CallReading], bool],
        options: RequestOptions,
        *,
        active: bool,
    ) -> Changed[CallReading]:
        request = GenesysRequest(
            operation="resume recording" if active else "pause recording",
            call="ConversationsApi.put_conversations_call_recordingstate",
            arguments={
                "conversation_id": conversation_id,
                "body": {"recordingState": "ACTIVE" if active else "PAUSED"},
            },
        )
        try:
            push = Push(conversation_id, user_id, partial(effects.shown, wanted))
            return await self._change(request, push, wanted, options)
        except AgentLeft as left:  # the request names no participant, so this may be about everybody
            call = await self._decided(left, conversation_id, options)
            raise AgentLeft(agents=call.agents, evidence=left.evidence) from left

    async def _change(
        self,
        request: GenesysRequest,
        push: Push[CallReading],
        wanted: Callable[[CallReading], bool],
        options: RequestOptions,
    ) -> Changed[CallReading]:
        conversation_id = push.conversation_id

        async def read_call(_: Answer | None) -> CallReading:
            return await self._read_call(conversation_id, options.confirming())

        try:
            return await ConfirmedWrite(self.client, request, read_call, wanted, options, push).make()
        except CallNotFound as gone:
            # it was there when it was read, or when its recording began
            raise CallEnded(evidence=gone.evidence) from gone
        except NotFound as unclear:
            await self._decided(unclear, conversation_id, options)
            raise

    async def _decided(self, refusal: GenesysError, conversation_id: str, options: RequestOptions) -> CallReading:
        """Read the call after an ambiguous refusal. Raise CallEnded if everyone has left, or it is gone.

        Raise what keeps the call from being read.
        """
        try:
            return await self._read_call(conversation_id, options.confirming())
        except (CallEnded, CallNotFound) as gone:
            raise CallEnded(evidence=refusal.evidence) from gone


def _require_one(agents: tuple[Participant, ...], permit: Permit) -> None:
    """Raise what the last of the agents is refused with, unless one is permitted; so a refusal names no agents."""
    refusal: NotPermitted | None = None
    for agent in agents:
        try:
            permit(agent)
        except NotPermitted as refused:
            refusal = refused
        else:
            return
    if refusal is not None:
        raise refusal


def _adopted(call: CallReading, target: Target, changed: Changed[CallReading] | None = None) -> ConfirmedChange:
    """Report a recording that was there before, resumed (``changed``) or running."""
    agents = call.agents
    return ConfirmedChange(
        call.mechanism or Mechanism.POLICY,
        agent=call.adhoc_agent or _chosen(call, target) or (agents[0] if len(agents) == 1 else None),
        created=changed is not None and changed.ours,
        evidence=call.evidence if changed is None else changed.evidence,
        recorders=call.recorders,
    )


def _agent(call: CallReading, target: Target) -> Participant:
    """Choose whose side to record: the chosen agent's, else the only one's.

    Raise NoAgentConnected, SeveralAgents where the supervisor has to choose, AgentLeft where the chosen one has gone.
    """
    agents = call.agents
    if not agents:
        raise NoAgentConnected(evidence=call.evidence)
    if target.participant_id is not None or target.agent_user_id is not None:
        if chosen := _chosen(call, target):
            return chosen
        raise AgentLeft(agents=agents, evidence=call.evidence)
    if len(agents) > 1:
        raise SeveralAgents(agents=agents, evidence=call.evidence)
    return agents[0]


def _chosen(call: CallReading, target: Target) -> Participant | None:
    """Return the agent whom the target names, by user if the participant is gone or was not named.

    Somebody who left and joined again is another participant of the same user.
    """
    named = (agent for agent in call.agents if agent.id == target.participant_id)
    same_user = (agent for agent in call.agents if agent.user_id == target.agent_user_id)
    return next(itertools.chain(named, same_user), None)


def _participant(call: CallReading, participant_id: str | None) -> Participant | None:
    leg = call.leg(participant_id)
    return None if leg is None else leg.participant
