"""What people read of a rule of the policy file, in cards, lists, lines of the audit channel, and reports."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.audit.entry import Phase
from bot.audit.reports.activity_report import ActivityReport, Recorded
from bot.recording.caller import is_bot, rule_actor, rule_label
from bot.slack.blocks.audit.line import grouped, line
from bot.slack.blocks.card import card
from bot.slack.blocks.recording_line import recording_line
from bot.slack.blocks.reports.activity_report import report_chart, report_pieces
from tests.support.slack.samples import HOSTILE, LANGUAGES, NOON, STYLE, entry
from tests.support.slack.samples import card as sample

RULE = rule_actor("Sales")


@pytest.mark.parametrize(("locale", "says"), [("en-US", "started by rule Sales"), ("de-DE", "Regel Sales")])
def test_cards_and_lists_name_the_rule(locale: str, says: str) -> None:
    style, shown = STYLE.in_(LANGUAGES.of(locale)), sample(started_by=RULE)
    text, blocks = card(shown, style)
    assert says in text
    assert says in str(blocks)
    assert says in recording_line(shown, style)


def test_a_line_of_the_audit_channel_begins_with_the_rule_and_says_that_it_was_late() -> None:
    asked = entry(seq=75, actor=RULE, origin={"source": "rule", "late_seconds": 47})
    done = entry(seq=76, actor=RULE, phase=Phase.SUCCEEDED, outcome={"took_seconds": 12})
    (only,) = grouped([(asked, False), (done, False)])
    said = line(only, STYLE)
    assert "*#76* Rule Sales started recording a call" in said
    assert "late: asked for 47 s after the call connected" in said
    assert "late: it took 12 s" in said
    (alone,) = grouped([(entry(actor=RULE, origin={"source": "rule"}), False)])
    assert "late" not in line(alone, STYLE)


def test_a_label_can_neither_mention_anyone_nor_be_a_person() -> None:
    actor = rule_actor(HOSTILE)
    assert "<!channel>" not in STYLE.person(actor)
    assert "<@U0GRACE" not in STYLE.person(actor)
    pretender = rule_actor("slack:T1:U0ADA")
    assert STYLE.person(pretender) == "rule slack:T1:U0ADA"
    assert (is_bot(pretender), rule_label(pretender)) == (True, "slack:T1:U0ADA")
    assert [rule_label(one) for one in ("bot", "bot:guard", "cli:bot:rule:Sales", "slack:T1:U0ADA")] == [None] * 4


def test_reports_count_the_recordings_of_a_rule() -> None:
    report = ActivityReport([Recorded(rule_actor("A: B"), None, None, NOON, NOON + timedelta(minutes=2))] * 3)
    assert "rule A: B" in "\n".join(report_pieces(report, STYLE, {}))
    chart = report_chart(report, STYLE, {})
    assert chart is not None
    assert "rule A: B" in str(chart)
