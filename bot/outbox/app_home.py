"""Keeps App Home up to date: publishes it when a person opens it, and when its content changes.

The database holds who has it open and what Slack shows there, so that a restart changes nothing. Each rendering
replaces the previous one by Slack's view hash; a view that turns out to be outdated is built again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from bot.audit.reports.period import days
from bot.errors import Duplicate, IdentityUnconfirmed, RecordBotError
from bot.recording.caller import Permission
from bot.recording.live_calls.visible import live_in_scope, recent_in_scope
from bot.recording.requests import Request, RequestSource
from bot.slack.api_errors import code
from bot.slack.blocks.agents.next_calls import may_see
from bot.slack.blocks.home.today import Today
from bot.slack.blocks.home.view import RECENT_SHOWN, HomeFacts, home_view, plain_view, stranger_text
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bot.database.queries.app_homes import SqlHomes
    from bot.database.queries.cards import SqlOverview
    from bot.database.queries.summaries import SqlSummaries
    from bot.i18n.catalog import Catalog
    from bot.outbox.relay import Backoff
    from bot.recording.agents.next_call import NamedNextCall, NextCallStore
    from bot.recording.caller import Principal
    from bot.recording.card import Card
    from bot.recording.live_calls.visible import OpenHome
    from bot.recording.ports import Clock
    from bot.slack.blocks.home.view import ComponentHealth, View
    from bot.slack.listeners.context import ListenerContext

FRESH_SECONDS = 3.0
"""How old the day's figures may be: counting a busy day takes a while."""


@dataclass(slots=True)
class Counted:
    """The day's figures, and until when they count, on the clock's ``monotonic``."""

    today: Today | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class HomeSources:
    """``parts`` says how each part of the bot stands; ``gaps``, what the audit channel lacks or shows differently."""

    overview: SqlOverview
    parts: Callable[[], Awaitable[Sequence[ComponentHealth]]]
    gaps: Callable[[], Awaitable[tuple[int, int]]]
    summaries: SqlSummaries
    zone: ZoneInfo
    clock: Clock
    next_calls: NextCallStore | None = None
    _counted: Counted = field(default_factory=Counted)

    async def sight(self) -> HomeSnapshot:
        """Read the live recordings and the bot's state, for all Homes."""
        now = self.clock.now()
        waiting = () if self.next_calls is None else await self.next_calls.named()
        return HomeSnapshot(self, now, await self.overview.live(), await self.parts(), waiting)

    async def today(self, now: datetime) -> Today:
        counted, clock = self._counted, self.clock.monotonic()
        if counted.today is None or clock >= counted.until:
            day = now.astimezone(self.zone).date()
            missing, altered = await self.gaps()
            summary = await self.summaries.summary(
                days(day, day, self.zone), self.zone, missing_lines=missing, altered=altered
            )
            counted.today, counted.until = Today(summary, self.zone.key), clock + FRESH_SECONDS
        return counted.today


@dataclass(frozen=True, slots=True)
class HomeSnapshot:
    """What was the case at one moment."""

    sources: HomeSources
    at: datetime
    live: tuple[Card, ...]
    parts: Sequence[ComponentHealth]
    waiting: Sequence[NamedNextCall] = ()

    async def of(self, caller: Principal) -> HomeFacts:
        """Return what this person may see of it."""
        sources = self.sources
        controls, exports = caller.may(Permission.CONTROL), caller.may(Permission.EXPORT)
        recent = await sources.overview.recent(caller.actor, limit=RECENT_SHOWN) if controls else ()
        return HomeFacts(
            caller,
            live=live_in_scope(caller, self.live),
            recent=recent_in_scope(caller, recent),
            parts=self.parts,
            today=await sources.today(self.at) if exports else None,
            waiting=[one for one in self.waiting if controls and may_see(caller, one.next_call)],
        )


log = structlog.get_logger(__name__)

KEPT_UP = timedelta(hours=8)
"""How long after it was opened a Home is kept up to date."""
HOMES = 50
"""How many are kept up to date, those opened last: each asks Slack once a minute who the person is."""
PERSON_SECONDS = 3.0
REST_SECONDS = 15.0
"""After a read that could not be recorded; a refused one may also be an entry."""
MINUTE = 60.0
A_MINUTE = 50
"""Views in a minute; Slack takes about 100, and some of them are for those who open their Home just now."""
AFTER_CLICK_SECONDS = 1.0
TRIES = 3
CONFLICT = "hash_conflict"
FOR_GOOD = frozenset({"user_not_found", "users_not_found", "user_disabled", "not_enabled", "view_too_large"})
"""What Slack says of a person or a view that it will not take tomorrow either."""


@dataclass(frozen=True, slots=True)
class PublishThrottle:
    """How often views may be published: to a person every few seconds, and so many a minute in all."""

    clock: Clock
    _of: dict[str, float] = field(default_factory=dict)
    _all: deque[float] = field(default_factory=deque)

    def wait(self, user_id: str) -> float:
        """Return for how many seconds this person's next view has to wait; 0 for not at all."""
        now = self.clock.monotonic()
        while self._all and self._all[0] <= now - MINUTE:
            self._all.popleft()
        everybody = self._all[-A_MINUTE] + MINUTE - now if len(self._all) >= A_MINUTE else 0.0
        return max(0.0, everybody, self._own(user_id))

    def just_had(self, user_id: str) -> bool:
        """Return whether this person's Home was published in the last few seconds."""
        return self._own(user_id) > 0

    def rest(self, user_id: str) -> None:
        """Let this person's next turn come later than usual."""
        self._of[user_id] = self.clock.monotonic() + REST_SECONDS - PERSON_SECONDS

    def _own(self, user_id: str) -> float:
        had = self._of.get(user_id)
        return 0.0 if had is None else had + PERSON_SECONDS - self.clock.monotonic()

    def take(self, user_id: str) -> None:
        now = self.clock.monotonic()
        for one in [one for one, at in self._of.items() if at <= now - PERSON_SECONDS]:
            del self._of[one]
        self._of[user_id] = max(now, self._of.get(user_id, now))
        self._all.append(now)


@dataclass(frozen=True, slots=True)
class HomePublisher:
    """Publishes App Homes. Checks each time that the person still has their roles."""

    context: ListenerContext
    homes: SqlHomes
    sources: HomeSources
    changes: asyncio.Event
    clock: Clock
    pace: Backoff
    turns: PublishThrottle
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _warned: set[str] = field(default_factory=set)
    """People who see a warning instead of the database's content, and whose read is not recorded yet."""

    async def open(self, user_id: str, team_id: str, trigger: str | None) -> None:
        """Record in the trail that a person opens Home, if there is anything to see, and publish it."""
        request = await self.context.request("home", user_id=user_id, team_id=team_id, channel=None, trigger=trigger)
        if request.caller.denial_reason == "foreign_team":
            return
        seq = None
        try:
            if request.caller.may(Permission.READ):
                seq = (await self.context.service.intake.read_home(request)).seq
        except Duplicate:
            return  # the same event came twice
        except RecordBotError as error:  # the loop shows the rest as soon as the look can be written down
            self._warned.add(user_id)
            await self._say(user_id, error)
            self.turns.rest(user_id)
            await self.homes.opened(user_id, team_id, self.clock.now(), audit_seq=None)
            return
        await self.homes.opened(user_id, team_id, self.clock.now(), audit_seq=seq)
        self._warned.discard(user_id)
        try:
            if not self.turns.just_had(user_id):
                await self._show(user_id, await self.sources.sight())
        except WEB_API_ERRORS as error:  # the loop tries it again
            log.warning("home_publish_failed", error=code(error))
        self.changes.set()

    async def pressed(self, user_id: str, team_id: str) -> None:
        """Publish a Home again after a click in it: the view may have been outdated."""
        await self.clock.sleep(AFTER_CLICK_SECONDS)  # what the click leads to is shown with it
        home = await self.homes.find(user_id)
        if home is None or home.opened_at < self.clock.now() - KEPT_UP:
            await self.open(user_id, team_id, None)
            return
        await self.homes.show_again(user_id)
        self.changes.set()

    async def step(self) -> float | None:
        return await self.refresh() or None

    async def refresh(self) -> float:
        """Publish what has changed, the last opened first; return the seconds until the next one is due."""
        opened = await self.homes.recent(self.clock.now() - KEPT_UP, limit=HOMES)
        if not opened or not self.context.service.intake.shutdown_gate.open:
            return 0.0
        sight, later = await self.sources.sight(), list[float]()
        for home in opened:
            if wait := self.turns.wait(home.user_id):
                later.append(wait)
                continue
            try:
                await self._show(home.user_id, sight)
            except IdentityUnconfirmed:
                continue  # nobody is shown anything new on a guess; the next look asks again
            except WEB_API_ERRORS as error:
                if code(error) not in FOR_GOOD:
                    await self.pace.wait_after(error, "home")
                    break
                log.warning("home_publish_abandoned", error=code(error))
                await self.homes.forget(home.user_id)
        return min(later, default=0.0)

    async def _show(self, user_id: str, sight: HomeSnapshot) -> None:
        """Publish what this person should see, unless that is what they see. Raise what the Web API client raises."""
        lock = self._locks.setdefault(user_id, asyncio.Lock())
        async with lock:
            for _ in range(TRIES):
                home = await self.homes.find(user_id)
                if home is None:
                    return
                warned = user_id in self._warned
                view, digest = await self._rendered(home, sight)
                if digest == home.digest and not warned:
                    return
                self.turns.take(user_id)
                try:
                    answer = await self.context.client.views_publish(user_id=user_id, view=view, hash=home.view_hash)
                except WEB_API_ERRORS as error:
                    if code(error) != CONFLICT or home.view_hash is None:
                        raise
                    await self.homes.overtaken(home)
                    sight = await self.sources.sight()
                    continue
                self.pace.went_well()
                await self.homes.shown(home, digest=digest, view_hash=(answer.get("view") or {}).get("hash"))
                return

    async def _rendered(self, home: OpenHome, sight: HomeSnapshot) -> tuple[View, str]:
        caller = await self.context.people.caller(home.user_id, home.team_id)
        words = self.context.words_of(home.user_id)
        if caller.denial_reason == "unconfirmed" and home.digest is not None:
            raise IdentityUnconfirmed
        if not caller.may(Permission.READ):
            return plain_view(stranger_text(caller, words), words, sight.at)
        if home.audit_seq is None or home.user_id in self._warned:
            try:
                request = Request(caller, RequestSource("home", language=words.language))
                await self.homes.looked(home.user_id, (await self.context.service.intake.read_home(request)).seq)
                self._warned.discard(home.user_id)
            except RecordBotError as error:
                self.turns.rest(home.user_id)
                return self._explained(error, words, sight.at)
        return home_view(await sight.of(caller), self.context.style.in_(words), sight.at)

    async def _say(self, user_id: str, error: RecordBotError) -> None:
        """Show why nothing can be shown, when not even that can be written down."""
        view, _ = self._explained(error, self.context.words_of(user_id), self.clock.now())
        try:
            await self.context.client.views_publish(user_id=user_id, view=view)
        except WEB_API_ERRORS as problem:
            log.warning("home_publish_failed", error=code(problem))

    def _explained(self, error: RecordBotError, words: Catalog, at: datetime) -> tuple[View, str]:
        return plain_view(f":warning: {self.context.explain(error, words)}", words, at)
