"""The data for App Homes, read once for all people who have one open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bot.audit.reports.period import days
from bot.recording.caller import Permission
from bot.recording.live_calls.visible import live_in_scope, recent_in_scope
from bot.slack.blocks.home.today import Today
from bot.slack.blocks.home.view import RECENT_SHOWN, HomeFacts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bot.audit.reports.period import Period
    from bot.audit.reports.summary import Summary
    from bot.recording.caller import Principal
    from bot.recording.card import Card
    from bot.recording.ports import Clock
    from bot.slack.blocks.home.view import ComponentHealth

FRESH_SECONDS = 3.0
"""How old the day's figures may be: counting a busy day takes a while."""


class Overview(Protocol):
    """Recordings with the names and marks that an overview shows."""

    async def live(self) -> tuple[Card, ...]: ...

    async def recent(self, actor: str, *, limit: int) -> tuple[Card, ...]: ...


class Summaries(Protocol):
    """The figures of a period."""

    async def summary(self, period: Period, zone: ZoneInfo, *, missing_lines: int = 0, altered: int = 0) -> Summary: ...


@dataclass(slots=True)
class Counted:
    """The day's figures, and until when they count, on the clock's ``monotonic``."""

    today: Today | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class HomeSources:
    """``parts`` says how each part of the bot stands; ``gaps``, what the audit channel lacks or shows differently."""

    overview: Overview
    parts: Callable[[], Awaitable[Sequence[ComponentHealth]]]
    gaps: Callable[[], Awaitable[tuple[int, int]]]
    summaries: Summaries
    zone: ZoneInfo
    clock: Clock
    _counted: Counted = field(default_factory=Counted)

    async def sight(self) -> HomeSnapshot:
        """Read the live recordings and the bot's state, for all Homes."""
        now = self.clock.now()
        return HomeSnapshot(self, now, await self.overview.live(), await self.parts())

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
        )
