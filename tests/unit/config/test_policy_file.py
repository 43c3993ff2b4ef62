"""The policy file: what is taken, and the sentence for each thing that is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.config.policy_file import load_policy
from bot.config.settings import GenesysSettings, RecordingSettings, SlackSettings, load
from bot.errors import SettingsError
from bot.recording.policy import DualControl, Grant, Policy, Route, Rule, RuleAction, channels_by_queue
from bot.runtime.container import recording_policy

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
[[grant]]
label = "Sales"
who = ["S0SALES", "U0ANNA"]
queues = ["q-1", "q-2"]
agents = ["a-1"]

[[grant]]
label = "Claims"
who = ["U0ANNA"]
agents = ["a-2"]

[dual_control]
queues = ["q-2"]
within = "90s"
escalate = "S0LEADS"

[[route]]
queues = ["q-1", "AAAAAAAA-0000-4000-8000-000000000000"]
channel = "C0SALES"

[[route]]
queues = ["q-1"]
channel = "G0MORE"

[[always]]
label = " Sales "
queues = ["q-3", "BBBBBBBB-0000-4000-8000-000000000000"]
do = "start"
reason = " Quality review "

[[always]]
label = "Claims"
agents = ["a-3"]
do = "keep"
reason = "Legal"
"""
RULE = '[[always]]\nlabel = "A"\nqueues = ["q"]\ndo = "start"\nreason = "Why"\n'


def read(tmp_path: Path, text: str) -> Policy:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return load_policy(file)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    return refused.value.sentences


def test_a_whole_file(tmp_path: Path) -> None:
    policy = read(tmp_path, WHOLE)
    assert policy.grants == (
        Grant("Sales", ("S0SALES", "U0ANNA"), frozenset({"q-1", "q-2"}), frozenset({"a-1"})),
        Grant("Claims", ("U0ANNA",), agents=frozenset({"a-2"})),
    )
    assert policy.dual_control == DualControl(frozenset({"q-2"}), within=timedelta(seconds=90), escalate="S0LEADS")
    as_genesys_writes = "aaaaaaaa-0000-4000-8000-000000000000"
    assert policy.routes == (
        Route(frozenset({"q-1", as_genesys_writes}), "C0SALES"),
        Route(frozenset({"q-1"}), "G0MORE"),
    )
    assert channels_by_queue((*policy.routes, *policy.routes)) == {
        "q-1": ("C0SALES", "G0MORE"),
        as_genesys_writes: ("C0SALES",),
    }
    assert policy.people == ("S0SALES", "U0ANNA")
    rule_queue = "bbbbbbbb-0000-4000-8000-000000000000"
    assert policy.rules == (
        Rule("Sales", RuleAction.START, "Quality review", queues=frozenset({"q-3", rule_queue})),
        Rule("Claims", RuleAction.KEEP, "Legal", agents=frozenset({"a-3"})),
    )
    assert [rule.actor for rule in policy.rules] == ["bot:rule:Sales", "bot:rule:Claims"]
    assert policy.queues == {"q-1", "q-2", "q-3", as_genesys_writes, rule_queue}
    assert policy.agents == {"a-1", "a-2", "a-3"}
    assert policy.source == str(tmp_path / "policy.toml")


def test_an_empty_file_limits_nobody(tmp_path: Path) -> None:
    policy = read(tmp_path, "")
    assert (policy.grants, policy.dual_control) == ((), DualControl())


def test_two_minutes_unless_said_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, '[dual_control]\nagents = ["a-1"]').dual_control.within == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[grant]\n", "at line 1"),
        ('[grant]\nwho = ["U0ANNA"]', "double brackets"),
        ("grants = []", "unknown key 'grants'"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueue = ["q"]\nagents = ["a"]', "[[grant]] 1: unknown key 'queue'"),
        ('[[grant]]\nwho = ["U0ANNA"]\nqueues = ["q"]', "[[grant]] 1, label"),
        ('[[grant]]\nlabel = " "\nwho = ["U0ANNA"]\nqueues = ["q"]', "[[grant]] 1, label"),
        ('[[grant]]\nlabel = "A"\nqueues = ["q"]', "[[grant]] 1, who"),
        ('[[grant]]\nlabel = "A"\nwho = "U0ANNA"\nqueues = ["q"]', "a list in square brackets"),
        ('[[grant]]\nlabel = "A"\nwho = ["anna"]\nqueues = ["q"]', "'anna' is not a Slack user id"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueues = [7]', "7 is not the id of a Genesys queue"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueues = ["a b"]', "'a b' is not the id"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]', "at least one queue or agent"),
        ("dual_control = 1", "[dual_control]"),
        ("[dual_control]", "at least one queue or agent"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "2 minutes"', "[dual_control], within"),
        ('[dual_control]\nqueues = ["q"]\nwithin = 120', "[dual_control], within"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "9s"', "from 10s to 24h"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "25h"', "from 10s to 24h"),
        ('[dual_control]\nqueues = ["q"]\npause_longer_than = "long"', "[dual_control], pause_longer_than: use a time"),
        ('[dual_control]\nqueues = ["q"]\nalways = true', "[dual_control]: unknown key 'always'"),
        ('[dual_control]\nqueues = ["q"]\nescalate = "U0ANNA"', "the id of one Slack user group"),
        ('[dual_control]\nqueues = ["q"]\nescalate = ["S0LEADS"]', "[dual_control], escalate"),
        ('[route]\nqueues = ["q"]\nchannel = "C0SALES"', "write each route as [[route]], in double brackets"),
        ('[[route]]\nchannel = "C0SALES"', "[[route]] 1, queues"),
        ('[[route]]\nqueues = []\nchannel = "C0SALES"', "list at least one queue"),
        ('[[route]]\nqueues = "q"\nchannel = "C0SALES"', "a list in square brackets"),
        ('[[route]]\nqueues = ["q"]', "[[route]] 1, channel"),
        ('[[route]]\nqueues = ["q"]\nchannel = "#sales"', 'such as channel = "C0BILLING"'),
        ('[[route]]\nqueues = ["q"]\nchannel = ["C0SALES"]', "[[route]] 1, channel"),
        ('[[route]]\nqueues = ["q"]\nchannel = "C0SALES"\nagents = ["a"]', "[[route]] 1: unknown key 'agents'"),
        (RULE.replace("[[always]]", "[always]"), "write each always as [[always]], in double brackets"),
        (RULE.replace('"start"', '"stop"'), '[[always]] 1, do: use do = "start" or do = "keep"'),
        (RULE.replace('do = "start"\n', ""), '[[always]] 1, do: use do = "start" or do = "keep"'),
        (RULE.replace('"start"', '["start"]'), '[[always]] 1, do: use do = "start" or do = "keep"'),
        (RULE.replace('queues = ["q"]\n', ""), "[[always]] 1: list at least one queue or agent"),
        (RULE.replace('label = "A"\n', ""), "[[always]] 1, label: give it a name"),
        (RULE.replace('"A"', f'"{"a" * 61}"'), "[[always]] 1, label: shorten it to at most 60 characters"),
        (RULE.replace('"A"', '"A\\u200b"'), "[[always]] 1, label: use only characters that can be seen"),
        (RULE.replace('"A"', '"A\\nB"'), "[[always]] 1, label: use only characters that can be seen"),
        (RULE.replace('"Why"', '" "'), "[[always]] 1, reason: say why the bot does this"),
        (RULE.replace('reason = "Why"\n', ""), "[[always]] 1, reason: say why the bot does this"),
        (RULE.replace('"Why"', f'"{"y" * 3001}"'), "[[always]] 1, reason: shorten it to at most 3,000 characters"),
        (RULE + RULE.replace('"A"', '"a"'), "[[always]] 2, label: 'a' is the label of an earlier rule"),
        (RULE + 'who = ["U0ANNA"]', "[[always]] 1: unknown key 'who'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    (sentence,) = problems(tmp_path, text)
    assert says in sentence
    assert str(tmp_path / "policy.toml") in sentence


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, '[[grant]]\nlabel = "A"\n[[grant]]\nlabel = "B"\nwho = ["U0ANNA"]')) == 3


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="Can't read the policy file"):
        load_policy(file)


def test_the_file_may_be_missing_only_where_no_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECORDING_POLICY_FILE", "")
    assert recording_policy(load(RecordingSettings)) == Policy()
    (tmp_path / "policy.toml").write_text(WHOLE)
    assert len(recording_policy(load(RecordingSettings)).grants) == 2
    monkeypatch.setenv("RECORDING_POLICY_FILE", "elsewhere.toml")
    with pytest.raises(SettingsError, match=r"elsewhere\.toml \(RECORDING_POLICY_FILE\) doesn't exist"):
        recording_policy(load(RecordingSettings))


class Both(RecordingSettings, SlackSettings):
    """What names both the policy file and the audit channel."""


def test_cards_do_not_go_to_the_audit_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text('[[route]]\nqueues = ["q"]\nchannel = "C0AUDIT"')
    needed = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_SUPERVISORS": "U0ADA"}
    for name, value in {**needed, "SLACK_AUDIT_CHANNEL": "C0AUDIT"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="routes cards to C0AUDIT, which is SLACK_AUDIT_CHANNEL"):
        recording_policy(load(Both))
    monkeypatch.setenv("SLACK_AUDIT_CHANNEL", "C0OTHER")
    assert len(recording_policy(load(Both)).routes) == 1


class WithGenesys(RecordingSettings, GenesysSettings):
    """What names both the policy file and Genesys's API."""


KEEP = RULE.replace('"start"', '"keep"')


@pytest.mark.parametrize(
    ("text", "settings", "says"),
    [
        (KEEP, {"RECORDING_KEEP": "never"}, '"keep" is ruled out by RECORDING_KEEP=never'),
        (RULE, {"GENESYS_RECORDING_API": "sessions"}, "with GENESYS_RECORDING_API=sessions no notifications"),
        (
            RULE,
            {"RECORDING_REASON_REQUIRED": "true", "RECORDING_REASONS": "audit=Audit;complaint=Complaint"},
            "it has to begin with one of the reasons of RECORDING_REASONS: audit, complaint",
        ),
    ],
)
def test_a_rule_that_a_setting_rules_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, settings: dict[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text(RULE.replace('"A"', '"B"').replace('"Why"', '"Audit: why"') + text)
    monkeypatch.setenv("PURECLOUD_CLIENT_ID", "id")
    monkeypatch.setenv("PURECLOUD_CLIENT_SECRET", "secret")
    monkeypatch.setenv("PURECLOUD_ENVIRONMENT", "mypurecloud.com")
    assert len(recording_policy(load(WithGenesys)).rules) == 2
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        recording_policy(load(WithGenesys))
    assert says in refused.value.sentences[-1]
    assert "policy.toml, [[always]] 2" in refused.value.sentences[-1]
