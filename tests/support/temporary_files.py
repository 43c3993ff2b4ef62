"""Where a test run has its temporary files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")  # noqa: S108  each file in it gets a directory of its own
ROOM = 2 * 2**30
"""Bytes; a run needs about a quarter of it."""


def keep_in_memory() -> None:
    """Make temporary files in memory, here and in each process that is started, unless TMPDIR names a place for them.

    The tests write thousands of databases. On a disk that takes a tenth of the run, and no test ends the machine. The
    fault matrix has its files on a disk (``faults/harness/simulators.py``).
    """
    if "TMPDIR" not in os.environ and _suits(IN_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


def _suits(place: Path) -> bool:
    """Say whether files can be written there in any number, and programs started."""
    return (
        os.access(place, os.W_OK | os.X_OK)
        and not os.statvfs(place).f_flag & os.ST_NOEXEC
        and shutil.disk_usage(place).free > ROOM
    )
