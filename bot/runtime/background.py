"""All background work of the bot, and what each part of it waits for.

Nothing polls the database: a worker waits for a change (``SqlStore.changes``), for a notification, or until the next
deadline that its step has read from the data. Most changes concern few workers: the others take no step (``only_if``).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.recording.monitoring.reconciler import RECONCILE_SECONDS
from bot.runtime.workers import Worker

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from bot.database.maintenance.retention import Retention
    from bot.database.queries.pending_work import PendingWork, SqlPendingWork
    from bot.genesys import ClientsNotifications, Notifications
    from bot.outbox.app_home import HomePublisher
    from bot.outbox.audit_channel import AuditPublisher
    from bot.outbox.cards import CardPublisher
    from bot.outbox.digests import Digester
    from bot.outbox.keep_answers import KeepAnswers
    from bot.outbox.next_calls import NextCallNotifier
    from bot.outbox.notices import Notifier
    from bot.outbox.relay import Backoff
    from bot.recording.control.dual_control import Approvals
    from bot.recording.group_members import GroupMonitor
    from bot.recording.live_calls.names import UnnamedRecordings
    from bot.recording.models import Conversation
    from bot.recording.monitoring.call_monitor import Follower, NoCallEvents
    from bot.recording.monitoring.late_effects import LaterLooks
    from bot.recording.monitoring.next_calls import NextCallMonitor
    from bot.recording.monitoring.reconciler import Reconciler
    from bot.recording.monitoring.recording_files import SavedLooks
    from bot.recording.monitoring.rules import RuleMonitor
    from bot.recording.monitoring.time_limits import TimeLimitGuard
    from bot.recording.monitoring.transfers import TransferMonitor

IDLE_SECONDS = 30.0
"""How long a worker waits at most, in case a change was not announced: a notification of PostgreSQL may be lost."""
HOMES_SECONDS = 15.0
"""How often open Homes are compared with what is not in the database: the health of Genesys and of Slack."""
LONGEST_BACKOFF_SECONDS = 5.0
FOREIGN_SECONDS = 1.0
"""How often to see whether another process, such as a terminal's, has written to the SQLite file: one ``stat``."""


def only_if(
    pending: SqlPendingWork, concerns: Callable[[PendingWork], bool], step: Callable[[], Awaitable[float | None]]
) -> Callable[[], Awaitable[float | None]]:
    """Return a step that is taken only if something in the database concerns it; else the next change decides."""

    async def checked() -> float | None:
        return await step() if concerns(await pending.read()) else None

    return checked


def reconciler_worker(reconciler: Reconciler, changes: asyncio.Event, pending: SqlPendingWork) -> Worker:
    return Worker(
        "reconciler",
        only_if(pending, lambda found: found.attempts_since is not None, reconciler.settle_all),
        every=IDLE_SECONDS,
        wakes_on=changes,
        at_least=RECONCILE_SECONDS,
        leader_only=False,
        longest_wait=RECONCILE_SECONDS,
    )


def approvals_worker(approvals: Approvals, changes: asyncio.Event, pending: SqlPendingWork) -> Worker:
    return _monitor("dual_control", only_if(pending, lambda found: found.approvals, approvals.close_lapsed), changes)


def keeps_worker(
    step: Callable[[], Awaitable[float | None]], changes: asyncio.Event, pending: SqlPendingWork
) -> Worker:
    return _monitor("keeps", only_if(pending, lambda found: found.keeps, step), changes)


def foreign_writes_worker(check: Callable[[], Awaitable[None]]) -> Worker:
    return Worker(
        "foreign_writes", check, every=FOREIGN_SECONDS, leader_only=False, longest_wait=LONGEST_BACKOFF_SECONDS
    )


def health_worker(check: Callable[[], Awaitable[None]], every: float) -> Worker:
    return Worker("genesys_health", check, every=every, waits_first=True, leader_only=False)


def refusals_worker(note: Callable[[], Awaitable[None]]) -> Worker:
    """Once a minute, note the requests that were refused without an entry of their own."""
    return Worker("user_rate_limit", note, every=60.0, waits_first=True, leader_only=False)


def relay_workers(
    cards: CardPublisher,
    audit: AuditPublisher,
    notices: Notifier,
    homes: HomePublisher,
    digests: Digester | None,
    pending: SqlPendingWork,
) -> tuple[Worker, ...]:
    show_homes = only_if(pending, lambda found: found.homes, homes.step)
    relays = [
        cards_worker(cards),
        _relay("audit", audit.step, audit.pace, wakes_on=audit.changes),
        # Slack takes few messages and views a minute, however much is written
        _relay("notices", notices.step, notices.pace, wakes_on=notices.changes, at_least=1.0),
        _relay("app_home", show_homes, homes.pace, wakes_on=homes.changes, at_least=1.0, every=HOMES_SECONDS),
    ]
    if digests is not None:
        relays.append(digests_worker(digests))
    return tuple(relays)


def cards_worker(cards: CardPublisher) -> Worker:
    return _relay("cards", cards.step, cards.pace, wakes_on=cards.changes)


def keep_answers_worker(answers: KeepAnswers, pending: SqlPendingWork) -> Worker:
    step = only_if(pending, lambda found: found.keep_answers, answers.step)
    return _relay("keep_answers", step, answers.pace, wakes_on=answers.changes, at_least=1.0)


def next_calls_worker(notifier: NextCallNotifier, pending: SqlPendingWork) -> Worker:
    step = only_if(pending, lambda found: found.next_call_notices, notifier.step)
    return _relay("next_call_notices", step, notifier.pace, wakes_on=notifier.changes)


def digests_worker(digests: Digester) -> Worker:
    return _relay("digests", digests.step, digests.pace, every=60.0)


def monitor_workers(
    follower: Follower,
    next_calls: NextCallMonitor,
    rules: RuleMonitor,
    news: Notifications | ClientsNotifications | NoCallEvents,
    late_effects: LaterLooks,
    transfers: TransferMonitor,
    limits: TimeLimitGuard,
    files: SavedLooks | None,
    names: UnnamedRecordings,
    groups: GroupMonitor | None,
    changes: Callable[[], asyncio.Event],
    pending: SqlPendingWork,
) -> tuple[Worker, ...]:

    async def on_news(conversation_id: str, seen: Conversation | None) -> None:
        await next_calls.on_news(conversation_id, seen)  # first: somebody waits for it
        await rules.on_news(conversation_id, seen)
        await follower.on_news(conversation_id, seen)

    def missed_news(user_ids: frozenset[str]) -> None:
        next_calls.missed_news(user_ids)
        rules.missed_news(user_ids)
        follower.missed_news(user_ids)

    if_any = partial(only_if, pending)
    monitors = [
        _monitor("call_monitor", follower.poll, follower.changes),
        _monitor("next_calls", next_calls.poll, next_calls.changes, at_least=0.5),
        *((_monitor("rules", rules.poll, rules.changes),) if rules.rules else ()),
        Worker("notifications", partial(news.run, on_news, missed_news)),
        _monitor("late_effects", if_any(lambda found: found.late_effects, late_effects.poll), changes(), at_least=0.5),
        _monitor("transfers", if_any(lambda found: found.transfers, transfers.check_all), changes()),
        _monitor("time_limits", if_any(lambda found: found.time_limits, limits.check_all), changes()),
        _monitor("names", names.poll, changes(), at_least=3.0),
    ]
    if files is not None:
        look_for_files = if_any(lambda found: found.recording_files, files.step)
        monitors.append(_monitor("recording_files", look_for_files, changes(), at_least=5.0))
    if groups is not None:
        monitors.append(Worker("group_members", groups.compare, every=60.0))
    return tuple(monitors)


def retention_worker(retention: Retention) -> Worker:
    return Worker("retention", retention.step, every=24 * 3600.0)


def _relay(
    name: str,
    step: Callable[[], Awaitable[float | None]],
    pace: Backoff,
    *,
    every: float = IDLE_SECONDS,
    wakes_on: asyncio.Event | None = None,
    at_least: float = 0.0,
) -> Worker:
    """Make a worker whose errors are shown by /readyz, as Slack's are."""
    on_error = partial(pace.seconds_after, doing=name)
    return Worker(name, step, every=every, wakes_on=wakes_on, at_least=at_least, on_error=on_error)


def _monitor(
    name: str, step: Callable[[], Awaitable[float | None]], changes: asyncio.Event, *, at_least: float = 1.0
) -> Worker:
    return Worker(
        name, step, every=IDLE_SECONDS, wakes_on=changes, at_least=at_least, longest_wait=LONGEST_BACKOFF_SECONDS
    )
