"""What the bot does by itself because of a rule of the policy file: commands like a person's, once for each call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.audit.entry import Phase
from bot.errors import (
    Conflict,
    GenesysUnavailable,
    LoginRefused,
    NoAgentConnected,
    NotInEffect,
    RateLimited,
    RecordBotError,
    RecordingNotSaid,
    TooLate,
)
from bot.recording.caller import Principal, Role
from bot.recording.control.commands import StartRecording
from bot.recording.control.keeping.commands import KeepCall
from bot.recording.control.request_log import AuditContext
from bot.recording.keeping.keep import BY_RULE_SECONDS, KeepState, KeepVerb, PendingKeep
from bot.recording.models import LATE, RecordingState, Verb
from bot.recording.policy import RuleAction
from bot.recording.requests import PendingAction, Request, RequestSource

if TYPE_CHECKING:
    from datetime import datetime

    from bot.recording.call import Participant
    from bot.recording.control.request_log import OpenRequest
    from bot.recording.keeping.keep import Keep
    from bot.recording.models import Recording
    from bot.recording.policy import Rule

RULE_SOURCE = "rule"
"""The origin of what a rule has the bot do."""
PASSING = frozenset(
    error.kind
    for error in (
        RateLimited,
        GenesysUnavailable,
        LoginRefused,
        Conflict,
        NotInEffect,
        NoAgentConnected,
        RecordingNotSaid,
        TooLate,
    )
)
"""Why a start failed without any effect, where a later one may get through while the call goes on."""
SOONEST = timedelta(seconds=10)
LONGEST = timedelta(minutes=10)
"""Between two starts of the same call by a rule. The wait doubles: it is as long as the call has been on."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A rule has nothing to do about a call: not before a while, or never again."""

    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A rule has something to do about a call, once a reading has shown that it is on."""


Answer = PendingAction | PendingKeep | Idle | Due


def by_rule(rule: Rule) -> Request:
    """Return the request of a rule: it acts for the bot, so it needs no grant."""
    return Request(Principal(rule.actor, frozenset({Role.SUPERVISOR})), RequestSource(RULE_SOURCE))


@dataclass(frozen=True, slots=True)
class ActByRule:
    """Record, or keep, a call because of a rule. What one process has asked for, no other one asks for again.

    ``connected_at`` is when the agent's side of the call connected, if that is known, ``late_seconds`` how long ago, if
    that is long. Without ``acts`` the answer is only whether something is due.

    The request has no key of its own: the command looks for one inside the transaction, because a call of which nothing
    is to be done leaves no entry.
    """

    rule: Rule
    conversation_id: str
    agent: Participant
    connected_at: datetime | None = None
    late_seconds: int | None = None
    acts: bool = True

    def context(self) -> AuditContext:
        if self.rule.action is RuleAction.KEEP:
            return AuditContext(KeepVerb.KEEP.action, KeepVerb.KEEP.value, self.conversation_id)
        return AuditContext(Verb.START.action, Verb.START.value, self.conversation_id)

    def __call__(self, opened: OpenRequest) -> Answer:
        return self._keep(opened) if self.rule.action is RuleAction.KEEP else self._start(opened)

    def _start(self, opened: OpenRequest) -> Answer:
        """Start unless the call is recorded already, or somebody stopped its recording."""
        newest = opened.transaction.newest_recording(self.conversation_id)
        own = newest if newest is not None and newest.started_by == self.rule.actor else None
        if own is not None and own.state is RecordingState.STARTING:
            return Idle(SOONEST)
        if own is not None and failed_in_passing(own):
            left = self._patience(own) - (opened.now - own.requested_at)
            if left > timedelta():
                return Idle(left)
            return self._once(opened, f"{self.rule.label}:{own.id}", blocked=False)
        began = opened.transaction.newest_recording(self.conversation_id, that_began=True)
        # one that is over although the call goes on ended with its agent: nobody stopped it
        blocked = began is not None and began.state is not RecordingState.ENDED
        return self._once(opened, f"{self.rule.label}:{self.conversation_id}", blocked=blocked)

    def _keep(self, opened: OpenRequest) -> Answer:
        """Keep unless that was asked for already, or somebody released the call's recordings."""
        newest = opened.transaction.keeps.newest(self.conversation_id)
        if newest is not None and newest.asked_by == self.rule.actor and newest.error == TooLate.kind:
            return self._once(opened, f"{self.rule.label}:{newest.id}", blocked=False)
        blocked = newest is not None and not _keep_failed(newest)
        return self._once(opened, f"{self.rule.label}:{self.conversation_id}", blocked=blocked)

    def _once(self, opened: OpenRequest, trigger: str, *, blocked: bool) -> Answer:
        origin = RequestSource(RULE_SOURCE, trigger=trigger, late_seconds=self.late_seconds)
        key = origin.dedupe_key
        if key is None:
            raise AssertionError
        if opened.transaction.attempt_with_key(key):
            return Idle()
        acting = replace(opened, request=replace(opened.request, origin=origin), context=self.context())
        if blocked:
            acting.close()
            return Idle()
        if not self.acts:
            return Due()
        try:
            return self._command()(acting)
        except RecordBotError as refusal:
            acting.append(Phase.FAILED, outcome={"error": refusal.kind})
            acting.close()
            return Idle()

    def _command(self) -> StartRecording | KeepCall:
        if self.rule.action is RuleAction.KEEP:
            wait = timedelta(seconds=BY_RULE_SECONDS)
            return KeepCall(
                KeepVerb.KEEP, typed_id=self.conversation_id, typed_reason=self.rule.reason, first_try_after=wait
            )
        return StartRecording(self.conversation_id, self.rule.reason, agent_user_id=self.agent.user_id)

    def _patience(self, failed: Recording) -> timedelta:
        """Return how long to wait after a start that failed: as long as the call had been on by then."""
        since = self.connected_at or failed.requested_at
        return min(max(SOONEST, failed.requested_at - since), LONGEST)


def failed_in_passing(recording: Recording) -> bool:
    """Say whether a rule's start had no effect and may be tried again, or landed so late that the bot stopped it."""
    if recording.state is RecordingState.FAILED:
        return recording.error in PASSING
    return recording.state is RecordingState.STOPPED and recording.error == LATE


def _keep_failed(keep: Keep) -> bool:
    return keep.verb is KeepVerb.KEEP and keep.state in {KeepState.FAILED, KeepState.UNKNOWN}
