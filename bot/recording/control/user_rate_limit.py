"""Limits one person's requests a minute, so that nobody can flood Genesys, the trail, or the audit channel."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AuditUnavailable, TooManyRequests
from bot.recording.agents.next_call import NEXT_VERB
from bot.recording.caller import BOT, is_bot
from bot.recording.control.dual_control import APPROVAL_VERBS
from bot.recording.keeping.keep import KeepVerb
from bot.recording.models import Verb
from bot.recording.time_limits.limits import EXTEND_VERB
from bot.recording.time_limits.snooze import STILL_NEEDED_VERB

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from bot.recording.ports import Clock, RecordingStore, Transaction

log = structlog.get_logger(__name__)

WINDOW = timedelta(minutes=1)
REDELIVERED_WITHIN = timedelta(minutes=10)
"""Slack delivers a request again within seconds; a signed one is taken for five minutes."""
LIMITED = "limited"
"""The verb of the closed attempt that represents a person's refused requests of a minute."""
LIMITED_TOO = "limited_too"
"""That of each further one: no entry tells of it alone, but a second delivery of it has to be known.

It may reach another process, or one that was restarted, and after the minute it would be carried out, though its person
was told that it is refused. Nothing in a request says when it was first sent, so this takes a write. It costs less than
a request that is taken; and what is too old to come again goes with the person's next entry of a refusal.
"""
REFUSED_ACTION = "requests:refused"
LOOKS = frozenset({"read", "export", "listen", "report"})
ACTIONS = frozenset(
    {*(verb.value for verb in (*Verb, *KeepVerb)), *APPROVAL_VERBS.values(), EXTEND_VERB, NEXT_VERB, STILL_NEEDED_VERB}
)


def _noop() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class PersonalLimit:
    """Counts a person's requests in the database, so that replicas and restarts share one count.

    Actions and looks have a limit of their own, of the same number. ``per_minute`` 0: there is none.
    """

    per_minute: int = 0
    on_refused: Callable[[], None] = _noop
    unnoted: dict[str, int] = field(default_factory=dict)
    """By person, the refused requests that no entry tells of yet."""

    def check(self, transaction: Transaction, actor: str, verb: str, now: datetime) -> None:
        """Raise TooManyRequests if the person has reached the limit of such requests within the last minute."""
        if not self.per_minute or is_bot(actor):
            return
        alike = LOOKS if verb in LOOKS else ACTIONS
        earlier = transaction.requests_of(actor, alike, since=now - WINDOW, upto=now, limit=self.per_minute)
        if len(earlier) >= self.per_minute:
            wait = (earlier[-1] + WINDOW - now).total_seconds()
            raise TooManyRequests(limit=self.per_minute, retry_after=wait)

    def deserves_entry(self, transaction: Transaction, actor: str, now: datetime) -> bool:
        """Return whether a refused request gets its own entry: one a minute for each person does."""
        known = transaction.requests_of(actor, frozenset({LIMITED}), since=now - WINDOW, upto=now, limit=1)
        if not known:
            transaction.forget_closed_attempts(actor, LIMITED_TOO, before=now - REDELIVERED_WITHIN)
        return not known

    def count(self, actor: str, *, noted: bool) -> None:
        """Count a refused request, once its transaction is committed; ``noted``: it has its own entry."""
        self.on_refused()
        if not noted:
            self._count({actor: 1})

    async def note(self, store: RecordingStore, clock: Clock) -> None:
        """Put into the trail, in one entry a person, how many more requests were refused."""
        if not self.unnoted:
            return
        counted = dict(self.unnoted)
        self.unnoted.clear()  # at once: a second one, at the bot's end, is not to note the same
        drafts = [_draft(actor, number, clock.now(), uuid7()) for actor, number in counted.items()]

        def work(transaction: Transaction) -> None:
            for draft in drafts:
                transaction.append(draft)

        try:
            await store.write(work)
        except Exception as error:
            self._count(counted)  # the next time has them too
            if not isinstance(error, AuditUnavailable):
                raise
            log.warning("refusal_write_failed")

    def _count(self, refused: dict[str, int]) -> None:
        for actor, number in refused.items():
            self.unnoted[actor] = self.unnoted.get(actor, 0) + number


def _draft(actor: str, number: int, now: datetime, entry_id: UUID) -> Draft:
    return Draft(
        id=entry_id,
        attempt_id=entry_id,
        occurred_at=now,
        phase=Phase.OBSERVED,
        action=REFUSED_ACTION,
        actor=BOT,
        outcome={"error": TooManyRequests.kind, "refused": number, "person": actor},
    )


@dataclass(frozen=True, slots=True)
class LookupLimit:
    """Counts requests without an entry, such as look-ups during typing, for this process only.

    ``per_minute`` 0: there is no limit.
    """

    clock: Clock
    per_minute: int = 0
    _times: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, actor: str) -> bool:
        """Say whether the person may have one more, and count it if so."""
        if not self.per_minute:
            return True
        now = self.clock.monotonic()
        self._forget(now)
        times = self._times.setdefault(actor, deque())
        if len(times) >= self.per_minute:
            return False
        times.append(now)
        return True

    def _forget(self, now: float) -> None:
        for actor, times in list(self._times.items()):
            while times and now - times[0] >= WINDOW.total_seconds():
                times.popleft()
            if not times:
                del self._times[actor]
