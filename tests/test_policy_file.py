"""The policy file: what is taken, and the sentence for each thing that is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.app import recording_policy
from bot.config import RecordingSettings, load
from bot.errors import SettingsError
from bot.policy_file import load_policy
from bot.recording.grants import DualControl, Grant, Policy

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
    assert policy.dual_control == DualControl(frozenset({"q-2"}), within=timedelta(seconds=90))
    assert policy.people == ("S0SALES", "U0ANNA")
    assert policy.queues == {"q-1", "q-2"}
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
        ("grants = []", "'grants' in the file"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueue = ["q"]\nagents = ["a"]', "'queue' in [[grant]] number 1"),
        ('[[grant]]\nwho = ["U0ANNA"]\nqueues = ["q"]', "label of [[grant]] number 1"),
        ('[[grant]]\nlabel = " "\nwho = ["U0ANNA"]\nqueues = ["q"]', "label of [[grant]] number 1"),
        ('[[grant]]\nlabel = "A"\nqueues = ["q"]', "who of [[grant]] number 1"),
        ('[[grant]]\nlabel = "A"\nwho = "U0ANNA"\nqueues = ["q"]', "a list in square brackets"),
        ('[[grant]]\nlabel = "A"\nwho = ["anna"]\nqueues = ["q"]', "'anna' is not the id of a Slack user"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueues = [7]', "7 is not the id of a Genesys queue"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]\nqueues = ["a b"]', "'a b' is not the id"),
        ('[[grant]]\nlabel = "A"\nwho = ["U0ANNA"]', "at least one queue or agent"),
        ("dual_control = 1", "[dual_control]"),
        ("[dual_control]", "at least one queue or agent"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "2 minutes"', "within of [dual_control]"),
        ('[dual_control]\nqueues = ["q"]\nwithin = 120', "within of [dual_control]"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "9s"', "from 10s to 24h"),
        ('[dual_control]\nqueues = ["q"]\nwithin = "25h"', "from 10s to 24h"),
        ('[dual_control]\nqueues = ["q"]\nalways = true', "'always' in [dual_control]"),
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
    with pytest.raises(SettingsError, match="can't be read"):
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
    with pytest.raises(SettingsError, match=r"names elsewhere\.toml, which is not there"):
        recording_policy(load(RecordingSettings))
