"""The note of where a second supervisor has to confirm a stop, which terminals elsewhere follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from bot.database.queries.policy import SqlRules
from bot.database.schema.tables import standing_rules
from bot.recording.policy import DualControl, Route, Rule, RuleAction
from tests.support.recording.service import open_harness

if TYPE_CHECKING:
    from tests.support.databases.postgres import Database

ROUTES = (Route(frozenset({"queue-1", "queue-2"}), "C0SALES"),)
RULE = DualControl(frozenset({"queue-1", "queue-2"}), frozenset({"user-1"}), timedelta(seconds=90))
LONGER = replace(RULE, escalate="S0LEADS", pause_longer_than=timedelta(minutes=5))


async def test_the_newest_note_counts_and_a_database_without_a_bot_has_none(database: Database) -> None:
    async with open_harness(database) as harness:
        rules = SqlRules(harness.store)
        assert await rules.dual_control() is None
        assert await rules.routes() == ()
        for rule, routes in ((RULE, ROUTES), (DualControl(), ()), (LONGER, ROUTES)):
            await rules.note(rule, harness.clock.now(), routes=routes)
            assert await rules.dual_control() == rule
            assert await rules.routes() == routes


def test_two_rules_guard_what_either_does() -> None:
    other = DualControl(frozenset({"queue-3"}), within=timedelta(minutes=5))
    both = RULE.with_also(other)
    assert both == DualControl(frozenset({"queue-1", "queue-2", "queue-3"}), frozenset({"user-1"}), RULE.within)
    assert DualControl().with_also(other) == other
    assert RULE.with_also(DualControl()) == RULE


def test_the_stricter_length_of_a_pause_counts() -> None:
    assert RULE.with_also(LONGER).pause_longer_than == timedelta(minutes=5)
    stricter = replace(LONGER, pause_longer_than=timedelta(minutes=1))
    assert LONGER.with_also(stricter).pause_longer_than == stricter.with_also(LONGER).pause_longer_than
    assert LONGER.with_also(stricter).pause_longer_than == timedelta(minutes=1)


async def test_a_process_that_had_a_policy_file_is_remembered(database: Database) -> None:
    async with open_harness(database) as harness:
        rules, now = SqlRules(harness.store), harness.clock.now()
        assert not await rules.are_noted()
        await rules.note(DualControl(), now, digest="ab" * 32)  # with grants only
        assert await rules.are_noted()
        await rules.note(DualControl(), now)
        assert not await rules.are_noted()


async def test_rules_that_an_older_version_noted_count(database: Database) -> None:
    async with open_harness(database) as harness:
        rules, now = SqlRules(harness.store), harness.clock.now()
        for rule, routes, noted in ((RULE, (), True), (DualControl(), ROUTES, True), (DualControl(), (), False)):
            await rules.note(rule, now, routes=routes)
            await harness.engines.execute(delete(standing_rules).where(standing_rules.c.name == "file"))
            assert await rules.are_noted() is noted


async def test_a_rule_counts_from_the_start_with_which_its_queue_was_there(database: Database) -> None:
    async with open_harness(database) as harness:
        rules, first = SqlRules(harness.store), harness.clock.now()
        always = Rule("Sales", RuleAction.START, "Why", queues=frozenset({"queue-1"}), agents=frozenset({"user-1"}))
        await rules.note(RULE, first, always=(always,))
        known = {("Sales", "queue:queue-1"): first, ("Sales", "user-1"): first}
        assert await rules.acting_since() == known
        harness.clock.advance(60)
        second = harness.clock.now()
        more = replace(always, reason="Another", queues=frozenset({"queue-1", "queue-2"}))
        await rules.note(RULE, second, always=(more,))
        assert await rules.acting_since() == known | {("Sales", "queue:queue-2"): second}
        await rules.note(RULE, second, always=(replace(always, action=RuleAction.KEEP),))
        assert set((await rules.acting_since()).values()) == {second}
        await rules.note(RULE, second)
        assert await rules.acting_since() == {}
