"""The systemd unit: read as systemd reads it where that is there, and its confinement in any case."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from bot.runtime.serve import FINISH_SECONDS, FLUSH_SECONDS
from tests.support.shell import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNIT = ROOT / "deploy/record-bot.service"
EXPOSURE = 20
"""The most that ``systemd-analyze security`` may find, in tenths: 2.0 is what it calls OK."""
wants_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt-get install systemd"
)


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def test_the_unit_is_confined(service: dict[str, list[str]]) -> None:
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert service[name] == ["yes"], name
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["User"] == ["record-bot"]
    assert service["StateDirectory"] == ["record-bot"]


def test_systemd_gives_the_bot_time_to_finish(service: dict[str, list[str]]) -> None:
    assert int(service["TimeoutStopSec"][0]) > FINISH_SECONDS + FLUSH_SECONDS
    assert service["KillSignal"] == ["SIGTERM"]


def test_wrong_settings_do_not_start_it_over_and_over(service: dict[str, list[str]]) -> None:
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == ["2"]


@wants_systemd
def test_systemd_takes_the_unit(service: dict[str, list[str]], tmp_path: Path) -> None:
    program = service["ExecStart"][0].partition(" ")[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, "/bin/true"))

    checked = subprocess.run(["systemd-analyze", "verify", str(copy)], check=False, capture_output=True, text=True)

    about_ours = [line for line in checked.stderr.splitlines() if UNIT.name in line]
    assert (checked.returncode, about_ours) == (0, [])


@wants_systemd
def test_systemd_finds_little_exposure(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text())
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(copy)]

    checked = subprocess.run(command, check=False, capture_output=True, text=True)

    if "unrecognized option" in checked.stderr:
        pytest.skip("this systemd can't judge a file: --offline came with version 250")
    assert checked.returncode == 0, checked.stdout[-500:] + checked.stderr
