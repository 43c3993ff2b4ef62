"""Runs commands in processes of their own that are forked from one that has imported everything.

To import the bot takes most commands longer than their work. A forked command has its own environment, directory,
standard streams, and exit status; it only skips the imports. What depends on those runs ``python -m`` instead.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.measured import COVERAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PRELOADED = "tests.support.preloaded"

_processes = multiprocessing.get_context("forkserver")


def run_command(
    arguments: tuple[str, ...], *, directory: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, bytes, bytes]:
    """Run ``record-bot ARGUMENTS`` in a steady loop; return its exit status, its output, and its errors.

    Raise TimeoutError if it takes longer than ``seconds``; it is killed then.
    """
    _start_server()
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _processes.Process(target=_run, args=(arguments, directory, dict(environment), out, err))
        process.start()
        try:
            process.join(seconds)
            if process.exitcode is None:
                process.kill()
                process.join()
                raise TimeoutError(f"record-bot {' '.join(arguments)} takes longer than {seconds} s")
            return process.exitcode, out.read_bytes(), err.read_bytes()
        finally:
            process.close()


def _start_server() -> None:
    """Start the process that commands are forked from, unless it runs; it ends with this one."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("PYTHONPATH", str(ROOT))
        changed.delenv(COVERAGE, raising=False)
        forkserver.set_forkserver_preload([PRELOADED])
        forkserver.ensure_running()


def _run(arguments: tuple[str, ...], directory: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    if PRELOADED not in sys.modules:
        raise ImportError(f"{PRELOADED} can't be imported")
    from bot.cli.main import main  # noqa: PLC0415  in the forked process alone
    from tests.support.clocks import steady_time  # noqa: PLC0415

    for file, number in ((out, 1), (err, 2)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["record-bot", *arguments]
    main(steady_time.run)
