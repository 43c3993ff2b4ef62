"""All background work of the bot, and how often each part of it looks for something to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bot.runtime.workers import Worker

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from bot.database.maintenance.retention import Retention
    from bot.genesys import ClientsNotifications, Notifications
    from bot.outbox.app_home import HomePublisher
    from bot.outbox.audit_channel import AuditPublisher
    from bot.outbox.cards import CardPublisher
    from bot.outbox.digests import Digester
    from bot.outbox.notices import Notifier
    from bot.outbox.relay import Backoff
    from bot.recording.control.dual_control import Approvals
    from bot.recording.group_members import GroupMonitor
    from bot.recording.live_calls.names import UnnamedRecordings
    from bot.recording.monitoring.call_monitor import Follower, NoCallEvents
    from bot.recording.monitoring.late_effects import LaterLooks
    from bot.recording.monitoring.reconciler import Reconciler
    from bot.recording.monitoring.recording_files import SavedLooks
    from bot.recording.monitoring.transfers import TransferMonitor

RECONCILE_SECONDS = 2.0
POLL_SECONDS = 5.0
"""How often a relay looks for work of which no write of this process tells."""


def reconciler_worker(reconciler: Reconciler) -> Worker:
    return Worker(
        "reconciler",
        reconciler.settle_all,
        every=RECONCILE_SECONDS,
        waits_first=True,
        leader_only=False,
        longest_wait=RECONCILE_SECONDS,
    )


def approvals_worker(approvals: Approvals) -> Worker:
    return _monitor("dual_control", approvals.close_lapsed, every=1.0)


def health_worker(check: Callable[[], Awaitable[None]], every: float) -> Worker:
    return Worker("genesys_health", check, every=every, waits_first=True, leader_only=False)


def refusals_worker(note: Callable[[], Awaitable[None]]) -> Worker:
    """Once a minute, note the requests that were refused without an entry of their own."""
    return Worker("user_rate_limit", note, every=60.0, waits_first=True, leader_only=False)


def relay_workers(
    cards: CardPublisher, audit: AuditPublisher, notices: Notifier, homes: HomePublisher, digests: Digester | None
) -> tuple[Worker, ...]:
    relays = [
        cards_worker(cards),
        _relay("audit", audit.step, audit.pace, wakes_on=audit.changes),
        # each check takes about ten queries, and Slack takes few views a minute, however much is written
        _relay("notices", notices.step, notices.pace, wakes_on=notices.changes, at_least=1.0),
        _relay("app_home", homes.step, homes.pace, wakes_on=homes.changes, at_least=1.0),
    ]
    if digests is not None:
        relays.append(digests_worker(digests))
    return tuple(relays)


def cards_worker(cards: CardPublisher) -> Worker:
    return _relay("cards", cards.step, cards.pace, wakes_on=cards.changes)


def digests_worker(digests: Digester) -> Worker:
    return _relay("digests", digests.step, digests.pace, every=60.0)


def monitor_workers(
    follower: Follower,
    news: Notifications | ClientsNotifications | NoCallEvents,
    late_effects: LaterLooks,
    transfers: TransferMonitor,
    files: SavedLooks | None,
    names: UnnamedRecordings,
    groups: GroupMonitor | None,
) -> tuple[Worker, ...]:
    monitors = [
        _monitor("call_monitor", follower.poll, every=1.0),
        Worker("notifications", partial(news.run, follower.on_news, follower.missed_news)),
        _monitor("late_effects", late_effects.poll, every=0.5),
        _monitor("transfers", transfers.check_all, every=1.0),
        _monitor("names", names.poll, every=3.0),
    ]
    if files is not None:
        monitors.append(_monitor("recording_files", files.step, every=5.0))
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
    every: float = POLL_SECONDS,
    wakes_on: asyncio.Event | None = None,
    at_least: float = 0.0,
) -> Worker:
    """Make a worker whose errors are shown by /readyz, as Slack's are."""
    on_error = partial(pace.seconds_after, doing=name)
    return Worker(name, step, every=every, wakes_on=wakes_on, at_least=at_least, on_error=on_error)


def _monitor(name: str, step: Callable[[], Awaitable[Any]], *, every: float) -> Worker:
    return Worker(name, step, every=every, waits_first=True, longest_wait=max(every, POLL_SECONDS))
