"""The busy loops of ``make steady``: they run while the command runs, and never longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.shell import ROOT

BESIDE = """
import os, pathlib, sys
children = pathlib.Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()
print(*(child for child in children if int(child) != os.getpid()), flush=True)
sys.stdin.readline()
sys.exit(3)
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are listed in /proc")


def begun() -> tuple[subprocess.Popen[str], list[int]]:
    """Run a command beside two loops that ends with a line from us; return the wrapper, and the loops' numbers."""
    wrapper = subprocess.Popen(
        [sys.executable, "-m", "tests.support.busy", "2", sys.executable, "-c", BESIDE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert wrapper.stdout is not None
    loops = [int(one) for one in wrapper.stdout.readline().split()]
    assert len(loops) == 2
    assert all(runs(one) for one in loops)
    return wrapper, loops


def runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(wrapper: subprocess.Popen[str], loops: list[int]) -> int:
    """Wait for the end of all; pytest's own limit is the only one."""
    with wrapper:
        wrapper.communicate()
    while any(runs(one) for one in loops):
        time.sleep(0.01)
    return wrapper.returncode


def test_the_loops_end_with_the_command_whose_status_is_theirs() -> None:
    assert ended(*begun()) == 3  # its standard input is closed, which ends it


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_loops_end_however_the_run_ends(number: signal.Signals) -> None:
    wrapper, loops = begun()
    if number is signal.SIGINT:
        os.killpg(wrapper.pid, number)  # as a terminal does
    else:
        wrapper.send_signal(number)
    assert ended(wrapper, loops) != 0
