"""The sandbox's clock, which a visitor of the page can move ahead."""

from __future__ import annotations

from bot.sandbox.clock import SandboxClock


def test_the_clock_moves_ahead() -> None:
    clock = SandboxClock()
    before = clock()
    clock.move(86_400)
    assert 86_400 <= clock() - before < 2 * 86_400
