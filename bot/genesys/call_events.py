"""Call events as they arrive, for those who wait for the effect of a write.

An event carries no time and no version (``ConversationCallEventTopicCallConversation`` in the SDK), and Genesys
promises no order. So whether an event is older than a write can't be read from it. It counts as younger where it
arrives after the write began, and the call's recording is not known to have changed in the ``LATEST_SECONDS`` before.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.recording.ports import Clock

LATEST_SECONDS = 30.0
"""How late an event may arrive. After an earlier change, the events of so many seconds prove nothing."""
CALLS_REMEMBERED = 10_000


class Shown(Protocol):
    """What an event shows of a call: see ``bot.genesys.recording.call_state.CallReading``."""

    @property
    def recorder_states(self) -> tuple[object, ...]: ...

    @property
    def recorded(self) -> bool: ...


Reading = TypeVar("Reading", bound=Shown)


def _ignored(_user_id: str) -> None:
    """Ask nobody for events: there is no subscriber."""


@dataclass(eq=False)
class EventWatch(Generic[Reading]):
    """The newest event of one call since a write to it began."""

    conclusive: bool
    """Whether no event of an earlier change can still be on its way."""
    newest: Reading | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> Reading | None:
        """Return the newest event, once."""
        newest, self.newest = self.newest, None
        self.arrived.clear()
        return newest


@dataclass(slots=True)
class _Known:
    """What a call's events have shown of its recorders, and when that changed last."""

    shown: object = None
    changed_at: float = -math.inf


@dataclass
class CallEvents(Generic[Reading]):
    """Passes call events on to watches. Without a subscriber there are none."""

    clock: Clock
    flowing: Callable[[], frozenset[str]] = frozenset
    """Returns the agents whose events arrive now."""
    expect: Callable[[str], None] = _ignored
    """Asks for the events of an agent on whose call something is about to change."""
    _watches: dict[str, set[EventWatch[Reading]]] = field(default_factory=dict)
    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)

    @contextmanager
    def watch(self, conversation_id: str) -> Iterator[EventWatch[Reading]]:
        """Watch the events of a call during a write and until its effect is known."""
        known = self._of(conversation_id)
        watch = EventWatch[Reading](conclusive=self.clock.monotonic() - known.changed_at >= LATEST_SECONDS)
        watches = self._watches.setdefault(conversation_id, set())
        watches.add(watch)
        try:
            yield watch
        finally:
            self._of(conversation_id).changed_at = self.clock.monotonic()
            watches.discard(watch)
            if not watches:
                del self._watches[conversation_id]

    def publish(self, conversation_id: str, reading: Reading) -> None:
        """Pass an event on, and remember when the recording that the events show has changed."""
        known, shown = self._of(conversation_id), reading.recorder_states
        if known.shown not in {None, shown} or (known.shown is None and reading.recorded):
            known.changed_at = self.clock.monotonic()
        known.shown = shown
        for watch in self._watches.get(conversation_id, ()):
            watch.newest = reading
            watch.arrived.set()

    def _of(self, conversation_id: str) -> _Known:
        known = self._known.setdefault(conversation_id, _Known())
        self._known.move_to_end(conversation_id)
        if len(self._known) > CALLS_REMEMBERED:
            self._known.popitem(last=False)
        return known
