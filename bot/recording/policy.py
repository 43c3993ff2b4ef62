"""The policy file's rules: who may control which calls, and which stops need a second supervisor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.recording.call import QUEUE_SOURCE
from bot.recording.caller import Permission, Principal, Role, Scope, rule_actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.recording.models import Recording


@dataclass(frozen=True, slots=True)
class Grant:
    """Makes people (Slack ids of users and user groups) supervisors of the calls of some queues and agents."""

    label: str
    who: tuple[str, ...]
    queues: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DualControl:
    """The queues and agents whose recordings two supervisors must stop together, the second one ``within`` a time."""

    queues: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    within: timedelta = timedelta(minutes=2)
    escalate: str | None = None
    """The Slack user group that is named once nobody has confirmed a stop for a while."""
    pause_longer_than: timedelta | None = None
    """The length from which a pause needs a second supervisor too; None: one may pause for as long as they like."""

    def guards(self, recording: Recording) -> bool:
        """Say whether a stop needs a second supervisor; it does where nothing known of the call rules that out."""
        if not (self.queues or self.agents):
            return False
        unknown = recording.agent_user_id is None and recording.queue_id is None
        return unknown or recording.agent_user_id in self.agents or recording.queue_id in self.queues

    def pause_for_one(self, recording: Recording) -> timedelta | None:
        """Return how long one supervisor alone may pause a recording; None: for as long as they like."""
        return self.pause_longer_than if self.guards(recording) else None

    def with_also(self, other: DualControl) -> DualControl:
        """Return the rule that guards what either of them does, in the time of the one that guards anything."""
        mine = bool(self.queues or self.agents)
        within = self.within if mine else other.within
        escalate = self.escalate or other.escalate
        longer = min((one.pause_longer_than for one in (self, other) if one.pause_longer_than), default=None)
        return DualControl(self.queues | other.queues, self.agents | other.agents, within, escalate, longer)


@dataclass(frozen=True, slots=True)
class Route:
    """Also sends the cards of some queues to another Slack channel."""

    queues: frozenset[str]
    channel: str


class RuleAction(StrEnum):
    """What a rule has the bot do."""

    START = "start"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """Has the bot record, or keep, every call of some queues and agents by itself."""

    label: str
    action: RuleAction
    reason: str
    queues: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Return the rule as an actor of the trail."""
        return rule_actor(self.label)

    @property
    def sources(self) -> frozenset[str]:
        """Return whose events of calls the rule needs."""
        return self.agents | {f"{QUEUE_SOURCE}{queue_id}" for queue_id in self.queues}

    def covered_by(self, *, agent_user_id: str, queue_id: str | None) -> frozenset[str]:
        """Return those of its sources that an agent's side of a call belongs to; none: the call is not the rule's."""
        return self.sources & {agent_user_id, f"{QUEUE_SOURCE}{queue_id}"}


@dataclass(frozen=True, slots=True)
class Policy:
    """The content of the policy file. Without one, nobody is limited and nothing needs a second supervisor."""

    grants: tuple[Grant, ...] = ()
    dual_control: DualControl = DualControl()
    source: str | None = None
    """The file that it was read from."""
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    digest: str | None = field(default=None, compare=False)
    """The SHA-256 of the file."""

    @property
    def people(self) -> tuple[str, ...]:
        """Return the Slack ids of users and user groups that grants name, each once."""
        return tuple(dict.fromkeys(one for grant in self.grants for one in grant.who))

    @property
    def queues(self) -> frozenset[str]:
        granted = (grant.queues for grant in self.grants)
        routed = (route.queues for route in self.routes)
        return self.dual_control.queues.union(*granted, *routed, *(rule.queues for rule in self.rules))

    @property
    def agents(self) -> frozenset[str]:
        granted = (grant.agents for grant in self.grants)
        return self.dual_control.agents.union(*granted, *(rule.agents for rule in self.rules))


def channels_by_queue(routes: Iterable[Route]) -> dict[str, tuple[str, ...]]:
    """Return the channels that get the cards of each queue, each once."""
    found: dict[str, dict[str, None]] = {}
    for route in routes:
        for queue in route.queues:
            found.setdefault(queue, {})[route.channel] = None
    return {queue: tuple(channels) for queue, channels in found.items()}


def granted(actor: str, roles: frozenset[Role], grants: Iterable[Grant], denial_reason: str | None = None) -> Principal:
    """Return the caller with the union of the grants; a supervisor by the settings has all rights anyway."""
    held = tuple(grants)
    if Role.SUPERVISOR in roles or not held:
        return Principal(actor, roles, denial_reason)
    scope = Scope(
        everything=False,
        queues=frozenset[str]().union(*(grant.queues for grant in held)),
        agents=frozenset[str]().union(*(grant.agents for grant in held)),
    )
    return Principal(actor, roles | {Role.SUPERVISOR}, denial_reason, scope, tuple(grant.label for grant in held))


@dataclass(frozen=True, slots=True)
class Rights:
    """What a caller may do, as data for help and App Home.

    ``grants`` are the labels of what a limited supervisor may control; none with ``everything``.
    """

    control: bool
    read: bool
    export: bool
    everything: bool
    grants: tuple[str, ...] = ()


def describe(caller: Principal) -> Rights:
    control = caller.may(Permission.CONTROL)
    return Rights(
        control=control,
        read=caller.may(Permission.READ),
        export=caller.may(Permission.EXPORT),
        everything=control and caller.scope.everything,
        grants=caller.grants if control else (),
    )
