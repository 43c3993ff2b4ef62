"""A thousand live recordings beside ten: one look of the reconciler's loops, the list, App Home, and the requests."""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.queries.cards import SqlOverview
from bot.i18n.catalog import ENGLISH, read_languages
from bot.recording.caller import Principal, Role
from bot.recording.monitoring.call_monitor import Follower, NoCallEvents
from bot.recording.monitoring.observations import Observations
from bot.slack.blocks.card import CardStyle
from bot.slack.blocks.home.view import HomeFacts, home_view
from bot.slack.listeners.command import live_list
from tests.benchmarks.audit.trails import SUPERVISORS
from tests.benchmarks.figures import Figure
from tests.benchmarks.grown import add_live, opened_store
from tests.support.clocks.fake_clock import FakeClock
from tests.support.recording.fake_control import FakeControl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.database.store import SqlStore

FEW, MANY = 10, 1_000
ROUNDS = 15
MOST_BLOCKS = 50
MOST_HOME_BLOCKS = 100
MOST_CHARACTERS = 40_000
MINUTE = 60


@dataclass(frozen=True)
class Floor:
    """A database with so many live recordings, and what looks at them."""

    store: SqlStore
    follower: Follower
    clock: FakeClock
    control: FakeControl


@asynccontextmanager
async def floor(file: Path, live: int) -> AsyncIterator[Floor]:
    async with opened_store(file) as store:
        await add_live(store, live)
        clock, control = FakeClock(), FakeControl()
        follower = Follower(store, control, Observations(store, clock), clock, NoCallEvents())
        yield Floor(store, follower, clock, control)


async def _look(at: Floor) -> None:
    at.clock.advance(1.0)
    await at.store.open_attempts()
    await at.follower.poll()


async def _list(at: Floor) -> None:
    shown = live_list(await at.store.with_names(await at.store.live_recordings()), _style())
    assert len(shown["blocks"]) <= MOST_BLOCKS
    assert len(shown["text"]) <= MOST_CHARACTERS


async def _home(at: Floor) -> None:
    live = await SqlOverview(at.store.engines).live()
    caller = Principal(SUPERVISORS[0], frozenset({Role.SUPERVISOR}))
    view, _ = home_view(HomeFacts(caller, live=live), _style(), at.clock.now())
    assert len(view["blocks"]) <= MOST_HOME_BLOCKS


async def _cards(at: Floor) -> None:
    await SqlOutbox(at.store.engines).stale_cards()


def _style() -> CardStyle:
    return CardStyle(team_id="T0SANDBOX", words=read_languages().of(ENGLISH), interaction_url="", reason_labels={})


async def many_live(directory: Path) -> list[Figure]:
    """Measure in turns."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async with AsyncExitStack() as stack:
        few, many = [
            await stack.enter_async_context(floor(directory / f"live-{count}.db", count)) for count in (FEW, MANY)
        ]
        figures = [
            await _compared("one look of the loops", few, many, _look),
            await _compared("`/record list`, drawn", few, many, _list),
            await _compared("App Home, drawn", few, many, _home),
            await _compared("cards that are behind", few, many, _cards),
        ]
        figures.append(await _budget(many))
    return figures


async def _compared(what: str, few: Floor, many: Floor, step: Callable[[Floor], Awaitable[None]]) -> Figure:
    pairs = [(await _seconds(step, many), await _seconds(step, few)) for _ in range(ROUNDS)]
    large, small = (statistics.median(values) for values in zip(*pairs, strict=True))
    allowed = MANY // FEW
    return Figure(
        f"{MANY:,} live recordings: {what}",
        f"{FEW} live ones",
        f"no worse than linear ({allowed} times)",
        f"{large / small:.1f} times ({1000 * large:.1f} ms against {1000 * small:.1f} ms)",
        large <= allowed * small,
    )


async def _seconds(step: Callable[[Floor], Awaitable[None]], at: Floor) -> float:
    began = time.perf_counter()
    await step(at)
    return time.perf_counter() - began


async def _budget(many: Floor) -> Figure:
    """Count what the loops ask of Genesys in a minute, where nothing pushes any news."""
    many.control.calls.clear()
    for _ in range(MINUTE):
        await _look(many)
    asked = many.control.calls.count("look")
    allowed = 300 // 10
    return Figure(
        f"{MANY:,} live recordings without notifications: looks in a minute",
        "",
        f"at most {allowed}, a tenth of Genesys's limit",
        f"{asked}",
        asked <= allowed,
    )
