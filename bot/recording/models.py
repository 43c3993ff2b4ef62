"""The terms of the domain, as data. ``docs/glossary.md`` explains them; states are those of the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import Evidence
from bot.recording.call import CallRecording, Participant
from bot.recording.caller import BOT

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.caller import Scope
    from bot.recording.handover import AgentLeg, Departure, FollowUp


CLOCKS_APART = timedelta(seconds=30)
"""How far the clocks of two machines that serve together may be apart."""
LATE = "took_effect_late"
"""What a recording's card says when a start that had been given up began after all, and the bot stopped it."""


class RecordingState(StrEnum):
    """The state of a recording. A state in ``-ing`` has an attempt behind it."""

    STARTING = "starting"
    ACTIVE = "active"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMING = "resuming"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    ENDED = "ended"

    @property
    def final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({RecordingState.STOPPED, RecordingState.FAILED, RecordingState.ENDED})


class Mechanism(StrEnum):
    """How a recording is controlled in Genesys, decided when it starts."""

    ADHOC = "adhoc"
    POLICY = "policy"
    SESSION = "session"


class Verb(StrEnum):
    """What a supervisor asks for."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    FOLLOW = "follow"
    """Start once more, after a transfer: on the side of the agent who took over."""

    @property
    def begins(self) -> bool:
        """Whether it creates a new recording."""
        return self in {Verb.START, Verb.FOLLOW}

    @property
    def action(self) -> str:
        """The audit trail's word for it."""
        return f"recording:{self.value}"


DURING = {
    Verb.START: RecordingState.STARTING,
    Verb.FOLLOW: RecordingState.STARTING,
    Verb.STOP: RecordingState.STOPPING,
    Verb.PAUSE: RecordingState.PAUSING,
    Verb.RESUME: RecordingState.RESUMING,
}
"""The state of a recording while a change is under way."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A voice call, as of one reading.

    ``on_hold``: the recording is paused because the call is on hold, and resumes by itself.
    ``mechanism`` is None where nothing is being recorded. ``legs`` are the parts of its agents, where that is known.
    ``recorders`` names the recorders that run and that no ad-hoc stop ends: a policy's, or a snippet's.
    """

    id: str
    connected: bool
    recording: CallRecording
    agents: tuple[Participant, ...] = ()
    mechanism: Mechanism | None = None
    secure_pause: bool = False
    on_hold: bool = False
    session_id: str | None = None
    legs: tuple[AgentLeg, ...] = ()
    recorders: frozenset[str] = frozenset()

    def leg(self, participant_id: str | None) -> AgentLeg | None:
        """Return a participant's leg: the connected one of several, else the latest."""
        legs = [leg for leg in self.legs if leg.participant.id == participant_id]
        return next((leg for leg in legs if leg.connected), legs[-1] if legs else None)

    @property
    def adhoc_agent(self) -> Participant | None:
        """Whose side is being recorded ad hoc, where Genesys tells the recorders apart."""
        running = (CallRecording.ACTIVE, CallRecording.PAUSED)
        return next((leg.participant for leg in self.legs if leg.connected and leg.adhoc in running), None)

    def recorder(self, mechanism: Mechanism | None, participant_id: str | None) -> CallRecording:
        """Return the state of one recorder: an ad-hoc one's own where Genesys tells it apart, else the call's."""
        leg = self.leg(participant_id) if mechanism is Mechanism.ADHOC else None
        if leg is None and mechanism is Mechanism.ADHOC and participant_id is not None and self.legs:
            return CallRecording.UNKNOWN  # a reading that lacks the leg says nothing about its recorder
        if leg is None:
            return self.recording
        if leg.over:
            return CallRecording.NONE
        return self.recording if leg.adhoc is None else leg.adhoc


@dataclass(frozen=True, slots=True)
class Target:
    """The subject of an action: everything learned about the call when its recording started.

    Before a start, ``participant_id`` or ``agent_user_id`` is whose side the supervisor has chosen, if anybody's.
    """

    conversation_id: str
    participant_id: str | None = None
    mechanism: Mechanism | None = None
    session_id: str | None = None
    agent_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A change in Genesys, confirmed by a reading.

    ``created`` is False where the call was already as wanted (adopted, or stopped by somebody else).
    """

    mechanism: Mechanism
    agent: Participant | None = None
    session_id: str | None = None
    created: bool = True
    evidence: Evidence = field(default_factory=Evidence)
    recorders: frozenset[str] | None = None
    """The other recorders seen running on the call (see ``Conversation``); None if unknown."""
    departure: Departure | None = None
    """Set if the recorded agent had left, which ended the recording."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a supervisor asks: a code from the settings, typed text, or both."""

    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """Our record of one recording, from one start to one stop."""

    id: UUID
    conversation_id: str
    state: RecordingState
    version: int
    started_by: str
    requested_at: datetime
    mechanism: Mechanism | None = None
    participant_id: str | None = None
    session_id: str | None = None
    agent_user_id: str | None = None
    queue_id: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    paused_seconds: int = 0
    """How long it rested in pauses that are over."""
    paused_by: str | None = None  # who asked the bot for the pause that is on, or is being made
    pause_seconds: int | None = None
    """How long that pause was to last at first; None: until somebody ends it."""
    pause_until: datetime | None = None
    resumed_at: datetime | None = None
    pause_used: int = 0
    """For how many seconds it was paused shortly before the pause that is on, or before ``resumed_at``."""
    run_seconds: int | None = None  # how long it may run at first before the bot stops it
    run_until: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    adopted: bool = False
    recorders: str | None = None
    """Other recorders that were last seen to run on the call (see ``Conversation``), with blanks between them."""
    seen_at: datetime | None = None
    """After a doubt: when the bot first saw it run. It began between ``started_at`` and then."""
    disconnect_type: str | None = None
    """Genesys's word for how the recorded agent left the call, if that was seen."""
    follow_up: FollowUp | None = None
    successors: str | None = None
    """The ids of the users who were on the call after that, with blanks between them."""
    in_doubt: bool = False
    error: str | None = None
    audit_seq: int = 0
    """The number of the newest audit entry about it."""
    requested_seq: int = 0
    """The number of the entry that asked for it: what orders recordings, since clocks can be set back."""

    # The state machine. Each step returns the recording as it is afterward; ``Transaction.save`` stores it.

    def requested(self, verb: Verb, seq: int) -> Recording:
        """Begin a change; ``seq`` is the number of the entry that asks for it."""
        return replace(self, state=DURING[verb], error=None, audit_seq=seq)

    def started(self, at: datetime, *, seen_at: datetime | None = None) -> Recording:
        """Begin to run; with ``seen_at``, it began between ``at`` and then."""
        return replace(self._settled(at), state=RecordingState.ACTIVE, started_at=at, seen_at=seen_at)

    def paused(self, at: datetime) -> Recording:
        until = None if self.pause_seconds is None else at + timedelta(seconds=self.pause_seconds)
        rests = replace(self._settled(at), paused_by=self.paused_by, pause_seconds=self.pause_seconds)
        return replace(rests, state=RecordingState.PAUSED, paused_at=at, pause_until=until)

    def resumed(self, at: datetime) -> Recording:
        used = self.pause_used + self.rested(at) - self.paused_seconds
        return replace(self._settled(at), state=RecordingState.ACTIVE, resumed_at=at, pause_used=used)

    def stopped(self, at: datetime, by: str) -> Recording:
        return replace(self._settled(at), state=RecordingState.STOPPED, ended_at=at, ended_by=by)

    def call_ended(self, at: datetime) -> Recording:
        return replace(self._settled(at), state=RecordingState.ENDED, ended_at=at, ended_by=BOT)

    def failed(self, kind: str, at: datetime) -> Recording:
        """End a start that did not take effect."""
        return replace(self, state=RecordingState.FAILED, in_doubt=False, error=kind, ended_at=at, ended_by=BOT)

    def unchanged(self, kind: str, before: RecordingState) -> Recording:
        """Take back a change that did not take effect; ``before`` is the state in which it was requested."""
        kept = self if before is RecordingState.PAUSED else self._without_pause()
        return replace(kept, state=before, in_doubt=False, error=kind)

    def doubted(self) -> Recording:
        """Note that nobody knows yet whether the change took effect."""
        return replace(self, in_doubt=True)

    def landed_late(self) -> Recording:
        """Go back to life: a write that had been given up took effect, and the bot stops it."""
        return replace(self, state=RecordingState.STOPPING, error=LATE)

    def _settled(self, at: datetime) -> Recording:
        settled = replace(self._without_pause(), in_doubt=False, error=None)
        return replace(settled, paused_at=None, paused_seconds=self.rested(at))

    def _without_pause(self) -> Recording:
        return replace(self, paused_by=None, pause_seconds=None, pause_until=None)

    def rested(self, until: datetime) -> int:
        """Return for how many seconds it has been paused in all, a pause that still runs counted up to a moment."""
        running = 0 if self.paused_at is None else max(0, round((until - self.paused_at).total_seconds()))
        return self.paused_seconds + running

    @property
    def target(self) -> Target:
        return Target(
            conversation_id=self.conversation_id,
            participant_id=self.participant_id,
            mechanism=self.mechanism,
            session_id=self.session_id,
            agent_user_id=self.agent_user_id,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of one person, from its ``requested`` entry to its outcome."""

    id: UUID
    verb: Verb
    actor: str
    recording_id: UUID
    requested_at: datetime
    deadline_at: datetime
    before: RecordingState | None
    """The recording's state before the request; None for a start."""
    owner: str = ""
    """The process that works on it; only that one may write its outcome."""
    settled_at: datetime | None = None
    looks_left: int = 0
    """How often the call is still to be checked, because a write that timed out may land late."""
    scope: Scope | None = None
    """Of a start: the calls that the person might have recorded then; None: every call."""


class ApprovalOutcome(StrEnum):
    """How the wait for a second supervisor ended."""

    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OVER = "over"
    """The recording ended without it."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A stop, or a longer pause, that one supervisor asked for; a second one has to confirm before ``expires_at``."""

    id: UUID
    recording_id: UUID
    verb: Verb
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: ApprovalOutcome | None = None
    pause_seconds: int | None = None  # of a longer pause: how long it is to last in all; None: without an end

    def waits(self, now: datetime) -> bool:
        """Say whether it may still be confirmed; one that was asked for in the future (a clock set back) may not.

        Another process, whose clock is a little ahead, may have written it just now.
        """
        return self.outcome is None and self.asked_at - CLOCKS_APART <= now < self.expires_at
