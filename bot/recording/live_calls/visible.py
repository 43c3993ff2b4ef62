"""The open App Homes, and which recordings each shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.recording.caller import Permission
from bot.recording.permissions import lists, sees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.recording.caller import Principal
    from bot.recording.card import Card
    from bot.recording.models import Recording


@dataclass(frozen=True, slots=True)
class OpenHome:
    """A person's Home as last opened, and as Slack shows it to our knowledge."""

    user_id: str
    team_id: str
    opened_at: datetime
    audit_seq: int | None = None
    """The entry of this person's read; None while nothing of any recording may be shown."""
    view_hash: str | None = None
    """Slack's mark of the view that it was given last."""
    digest: str | None = None
    """The digest of what was shown last; None if it has to be published again in any case."""


def live_in_scope(caller: Principal, live: Iterable[Card]) -> tuple[Card, ...]:
    """Return the live recordings that the caller may see, their own first, else in the order that they have."""
    if not caller.may(Permission.READ):
        return ()
    seen = [one for one in live if lists(caller, one.recording)]
    return tuple(sorted(seen, key=lambda one: one.recording.started_by != caller.actor))


def recent_in_scope(caller: Principal, recent: Iterable[Card]) -> tuple[Card, ...]:
    """Return the caller's recordings that are over, without those of calls that are not in their scope any more."""
    return tuple(one for one in recent if sees(caller, one.recording)) if caller.may(Permission.CONTROL) else ()


def controls(caller: Principal, recording: Recording) -> bool:
    """Say whether the caller may control the recording; seeing it is not enough."""
    return caller.may(Permission.CONTROL) and caller.scope.covers(
        agent_user_id=recording.agent_user_id, queue_id=recording.queue_id
    )
