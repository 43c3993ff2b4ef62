"""Builds what carries out the policy file's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.database.queries.policy import SqlRules
from bot.recording.monitoring.rules import RuleMonitor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.runtime.container import Control
    from bot.slack.listeners.background import Work


def rule_monitor(control: Control, work: Work) -> RuleMonitor:
    """Return what acts on the calls of rules; without a rule it does nothing."""
    return RuleMonitor(
        control.policy.rules,
        control.service,
        control.agents.calls,
        SqlRules(control.store).acting_since,
        work.start,
        control.clock,
    )


def with_sources_of(
    rules: RuleMonitor, others: Callable[[], Awaitable[frozenset[str]]]
) -> Callable[[], Awaitable[frozenset[str]]]:
    """Return what says whose events are wanted: those that the others want, and those of the rules."""

    async def wanted() -> frozenset[str]:
        return await others() | rules.sources

    return wanted
