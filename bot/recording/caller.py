"""The caller of a request: their roles, permissions, and the calls that they may control."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BOT = "bot"
"""The actor of what the bot does or sees on its own."""
GUARD = "bot:guard"
"""The actor of what the bot does because the time of a pause or a recording is up."""
RULE = "bot:rule:"
"""What stands before the label of a rule, as the actor of what the bot does because of it."""


class Role(StrEnum):
    """What the settings make of a person."""

    SUPERVISOR = "supervisor"
    COMPLIANCE = "compliance"
    LISTENER = "listener"


class Permission(StrEnum):
    """What can be asked for."""

    CONTROL = "control"
    READ = "read"
    EXPORT = "export"
    KEEP = "keep"
    """Protect a call's recordings from deletion."""
    RELEASE = "release"
    """End that protection."""
    LISTEN = "listen"
    """Get a link to a saved recording."""


ROLES_WITH = {
    Permission.CONTROL: frozenset({Role.SUPERVISOR}),
    Permission.READ: frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    Permission.EXPORT: frozenset({Role.COMPLIANCE}),
    Permission.KEEP: frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    Permission.RELEASE: frozenset({Role.COMPLIANCE}),
    Permission.LISTEN: frozenset({Role.LISTENER}),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The calls that a person may control: all of them, or those of some queues and agents (Genesys ids)."""

    everything: bool = True
    queues: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    def covers(self, *, agent_user_id: str | None, queue_id: str | None) -> bool:
        return self.everything or agent_user_id in self.agents or queue_id in self.queues


@dataclass(frozen=True, slots=True)
class Principal:
    """The person who asks, as the surface on which they asked has just confirmed them.

    ``denial_reason`` names what rules them out whatever their roles (``guest``, ``bot``, ``foreign_team`` …).
    """

    actor: str
    roles: frozenset[Role] = frozenset()
    denial_reason: str | None = None
    scope: Scope = Scope()
    grants: tuple[str, ...] = ()
    """The labels of the grants that the scope comes from; none if it is everything."""
    groups_known: bool = True
    """Whether Slack said who is in the user groups; otherwise there may be more roles than these."""

    def may(self, permission: Permission) -> bool:
        return self.denial_reason is None and not self.roles.isdisjoint(ROLES_WITH[permission])


def rule_actor(label: str) -> str:
    """Return the actor of what the bot does because of a rule."""
    return f"{RULE}{label}"


def rule_label(actor: str) -> str | None:
    """Return the label of the rule that an actor is; None for a person, and for the bot on its own."""
    return actor.removeprefix(RULE) if actor.startswith(RULE) else None


def is_bot(actor: str) -> bool:
    """Return whether an actor of the trail is the bot, for whatever reason it acts."""
    return actor == BOT or actor.startswith(f"{BOT}:")
