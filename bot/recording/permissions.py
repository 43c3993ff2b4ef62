"""Permissions: who may do what, and what is possible in which state. Pure functions without Slack or Genesys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import NotPermitted, OutOfScope, WrongState
from bot.recording.caller import Permission, Principal, Role
from bot.recording.models import Recording, RecordingState, Verb

if TYPE_CHECKING:
    from bot.recording.call import Participant
    from bot.recording.models import Conversation

ALLOWED_FROM = {
    Verb.START: frozenset[RecordingState](),
    Verb.FOLLOW: frozenset[RecordingState](),
    Verb.STOP: frozenset({RecordingState.ACTIVE, RecordingState.PAUSED}),
    Verb.PAUSE: frozenset({RecordingState.ACTIVE}),
    Verb.RESUME: frozenset({RecordingState.PAUSED}),
}
"""The states in which each change can be requested; a start makes a new recording."""


def require(caller: Principal, permission: Permission) -> None:
    """Raise NotPermitted unless the caller has the permission."""
    if not caller.may(permission):
        causes = {
            Permission.EXPORT: "not_compliance",
            Permission.RELEASE: "not_compliance_release",
            Permission.LISTEN: "not_listener",
        }
        cause = causes.get(permission, "not_listed")
        if not caller.groups_known:
            cause = "unconfirmed"
        raise NotPermitted(cause=caller.denial_reason or cause)


def require_scope(caller: Principal, *, agent_user_id: str | None, queue_id: str | None) -> None:
    """Raise NotPermitted unless the caller may control calls of this agent or queue; both None: nobody can tell."""
    if caller.scope.covers(agent_user_id=agent_user_id, queue_id=queue_id):
        return
    unknown = agent_user_id is None and queue_id is None
    raise OutOfScope(cause="scope_unknown" if unknown else "out_of_scope", grants=caller.grants)


def require_control(caller: Principal, recording: Recording) -> None:
    """Raise NotPermitted unless the recording's call is in the caller's scope."""
    require_scope(caller, agent_user_id=recording.agent_user_id, queue_id=recording.queue_id)


def require_agent(caller: Principal, agent: Participant | None) -> None:
    """Raise NotPermitted unless the caller may control this agent's side of a call; None: nobody can tell whose."""
    require_scope(
        caller,
        agent_user_id=None if agent is None else agent.user_id,
        queue_id=None if agent is None else agent.queue_id,
    )


def require_reading(caller: Principal, recording: Recording | None, seen: Conversation | None) -> None:
    """Raise NotPermitted unless the caller may see the call's state, by our newest record of it, or by its reading."""
    if caller.scope.everything or Role.COMPLIANCE in caller.roles:
        inside = True
    elif recording is not None and tells_whose(recording):
        inside = sees(caller, recording)
    elif seen is None:
        inside = recording is None
    else:
        inside = any(caller.scope.covers(agent_user_id=one.user_id, queue_id=one.queue_id) for one in seen.agents)
    if not inside:
        raise OutOfScope(grants=caller.grants)


def tells_whose(recording: Recording) -> bool:
    """Say whether the recording's agent or queue is known; of a start that was refused neither is."""
    return recording.agent_user_id is not None or recording.queue_id is not None


def sees(caller: Principal, recording: Recording) -> bool:
    """Return whether the caller may see the state of the recording's call; compliance sees every call."""
    return Role.COMPLIANCE in caller.roles or caller.scope.covers(
        agent_user_id=recording.agent_user_id, queue_id=recording.queue_id
    )


def lists(caller: Principal, recording: Recording) -> bool:
    """Say whether a list names the recording: also the caller's own start whose agent is not known yet."""
    own = recording.started_by == caller.actor and recording.state is RecordingState.STARTING
    return own or sees(caller, recording)


def require_state(recording: Recording, verb: Verb) -> None:
    """Raise WrongState if the recording's state doesn't allow the change."""
    if recording.state not in ALLOWED_FROM[verb]:
        raise WrongState(**current_state(recording))


def current_state(recording: Recording) -> dict[str, Any]:
    """Return what a refusal reports about the recording that is in the way."""
    over = recording.state.final
    return {
        "recording_id": recording.id,
        "conversation_id": recording.conversation_id,
        "state": recording.state.value,
        "actor": (recording.ended_by if over else None) or recording.started_by,
        "since": (recording.ended_at if over else recording.started_at) or recording.requested_at,
        "taken_over": recording.adopted and recording.state is RecordingState.ACTIVE,
    }
