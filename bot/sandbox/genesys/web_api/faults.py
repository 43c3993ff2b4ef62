"""What can go wrong with the simulated platform, and when a change takes effect."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.faults import Fault, FaultSwitches
from bot.sandbox.genesys.web_api import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.web_api.answers import Problem, SimulatedRequest

KINDS = (
    Fault("rate_limited", "Too many requests (429)", 3, "seconds in Retry-After"),
    Fault("rate_limited_bare", "Too many requests, without Retry-After"),
    Fault("look_ups_limited", "Only look-ups limited (429)", 12, "seconds in Retry-After"),
    Fault("request_too_large", "Pages too large (413)", 25, "entries at most"),
    Fault("answer_too_large", "Answers too large (400)", 25, "entries at most"),
    Fault("topics_refused", "Notifications of some agents refused", 1, "agents: Priya Nair, Tom Becker …"),
    Fault("no_trunk_recording", "No trunk records calls"),
    Fault("files_late", "Recordings appear late", 120, "seconds after the call"),
    Fault("files_uploading", "Recordings still uploading", 120, "seconds after the call"),
    Fault("files_archived", "Recordings archived"),
    Fault("slow_transcoding", "Recordings transcode slowly", 20, "seconds"),
    Fault("unauthorised", "Token rejected (401)"),
    Fault("forbidden", "Permission missing (403)"),
    Fault("server_error", "Service unavailable (503)"),
    Fault("conflict", "Conflicting change (409)"),
    Fault("not_a_user", "User login required (400)"),
    Fault("not_on_the_call", "User on the call required (403, 404)"),
    Fault("not_found", "Nothing is found (404)"),
    Fault("login_refused", "Login rejected"),
    Fault("drop_before", "Connection drops, request lost"),
    Fault("drop_after", "Connection drops, request carried out"),
    Fault("hang", "Hangs, request lost", 60, "seconds"),
    Fault("hang_after", "Hangs, request carried out", 60, "seconds"),
    Fault("slow", "Slow responses", 2, "seconds"),
    Fault("late_write", "Changes take effect late", 10, "seconds"),
    Fault("write_ignored", "Accepted but never carried out"),
    Fault("events_late", "Notifications arrive late", 5, "seconds"),
    Fault("events_lost", "Notifications are lost"),
    Fault("events_twice", "Notifications arrive twice"),
    Fault("junk", "Invalid JSON in responses"),
    Fault("null_state", "Recording state missing from responses"),
)
"""In the order in which a page shows them."""


LOOK_UPS = frozenset(
    {
        "conversation activity",
        "conversation details",
        "queue",
        "queues",
        "recording metadata",
        "user",
        "user search",
        "users",
    }
)
"""Operations that a limit of the organization on look-ups concerns; the control of recordings is none of them."""

TOO_LARGE = {"request_too_large": answers.request_too_large, "answer_too_large": answers.answer_too_large}


def refusal(faults: FaultSwitches, request: SimulatedRequest, permission: str, allowed: int) -> Problem | None:
    """Take the first fault that refuses ``request`` without carrying it out."""
    doing = request.operation
    if fault := faults.take("rate_limited", doing):
        return answers.too_many_requests(3 if fault.value is None else fault.value)
    if request.name in LOOK_UPS and (fault := faults.take("look_ups_limited", doing)):
        return answers.too_many_requests(12 if fault.value is None else fault.value)
    for name, too_large in TOO_LARGE.items():
        most = faults.value_of(name, doing)
        if most is not None and request.entries > most and faults.take(name, doing):
            return too_large()
    refusals: dict[str, Callable[[], Problem]] = {
        "rate_limited_bare": lambda: answers.too_many_requests_bare(allowed),
        "unauthorised": answers.bad_token,
        "forbidden": lambda: answers.missing_permission(permission or "conversation:communication:view"),
        "server_error": answers.unavailable,
        "not_a_user": answers.not_a_user,
        "not_found": answers.not_found,
    }
    if request.is_write:
        refusals["conflict"] = answers.conflict
        refusals["not_on_the_call"] = answers.no_active_user if request.method == "PUT" else answers.no_user_on_the_call
    return next((problem() for name, problem in refusals.items() if faults.take(name, doing)), None)


@dataclass(slots=True)
class Effects:
    """Carries out accepted changes, some time after their 202."""

    delay: float
    """Seconds from the acceptance to the effect; 0 applies at once."""

    faults: FaultSwitches
    on_change: Callable[[], None]
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)

    @property
    def pending(self) -> int:
        """How many accepted changes have yet to take effect."""
        return len(self._timers)

    def accept(self, request: SimulatedRequest, change: Callable[[], object], *, at_once: bool = False) -> None:
        """Carry out ``change`` after the delay, unless a fault says never or much later."""
        if self.faults.take("write_ignored", request.operation):
            return
        late = self.faults.take("late_write", request.operation)
        delay = 0.0 if at_once else self.delay
        if late is not None and late.value is not None:
            delay = late.value
        if delay <= 0:
            change()
            return

        def carry_out() -> None:
            self._timers.discard(timer)
            change()
            self.on_change()

        timer = asyncio.get_running_loop().call_later(delay, carry_out)
        self._timers.add(timer)

    def forget(self) -> None:
        """Drop what has not taken effect yet."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
