"""The policy file: what is taken, and the sentence for each thing that is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.config.policy_file import load_policy
from bot.config.settings import RecordingSettings, SlackSettings, load
from bot.errors import SettingsError
from bot.recording.policy import DualControl, Grant, Policy, Route, channels_by_queue
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
"""


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
    assert policy.queues == {"q-1", "q-2", as_genesys_writes}
    assert policy.agents == {"a-1", "a-2"}
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
