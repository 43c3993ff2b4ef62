"""Runs ``python -m`` in processes that are forked from one that has imported everything.

To import the bot takes most commands longer than their work. A forked command has its own environment, directory,
standard streams, and exit status; it only skips the imports. What depends on those starts a new interpreter instead.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.measured import COVERAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.context import ForkServerProcess

    from bot.sandbox.process import ChildProcess

ROOT = Path(__file__).parents[2]
PRELOADED = "tests.support.preloaded"
MODULE = 2
"""Where a module's name is in ``python -m MODULE ARGUMENTS``."""

_processes = multiprocessing.get_context("forkserver")


def run_command(
    arguments: Sequence[str], *, directory: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, bytes, bytes]:
    """Run ``record-bot ARGUMENTS`` in a steady loop; return its exit status, its output, and its errors.

    Raise TimeoutError if it takes longer than ``seconds``; it is killed then.
    """
    command = ["tests.support.clocks.steady_cli", *arguments]
    _start_server()
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _processes.Process(target=_run_to_files, args=(command, directory, dict(environment), out, err))
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


@dataclass(frozen=True)
class ForkedProcess:
    """A forked command, as ``asyncio.subprocess.Process`` shows one."""

    pid: int
    _ended: asyncio.Future[int]
    stdout: asyncio.StreamReader | None = None
    """None if its output goes to a terminal."""

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def send_signal(self, signal: int, /) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal)


async def launch(*command: str, cwd: Path, env: Mapping[str, str], limit: int, **pipes: Any) -> ChildProcess:
    """Start ``python -m MODULE ARGUMENTS``; the arguments are those of ``asyncio.create_subprocess_exec``.

    Standard output and errors are one pipe; standard input is a pipe that closes with this process. Where coverage is
    measured, a new interpreter is started.
    """
    if COVERAGE in os.environ:
        return await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env, limit=limit, **pipes)
    theirs_in, leash = _processes.Pipe(duplex=False)
    screen, theirs_out = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_run_in_pipes, args=(command[MODULE:], cwd, dict(env), theirs_in, theirs_out))
    await asyncio.to_thread(_start, process)
    theirs_in.close()
    theirs_out.close()
    loop = asyncio.get_running_loop()
    stdout = asyncio.StreamReader(limit)
    pipe = os.fdopen(os.dup(screen.fileno()), "rb", buffering=0)
    screen.close()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), pipe)
    ended = _end_of(process)
    ended.add_done_callback(lambda _: leash.close())
    return ForkedProcess(_pid(process), ended, stdout)


def _end_of(process: ForkServerProcess) -> asyncio.Future[int]:
    """Return what gets the exit status once the process has ended."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    sentinel = process.sentinel

    def end() -> None:
        loop.remove_reader(sentinel)
        process.join()
        ended.set_result(process.exitcode)
        process.close()

    loop.add_reader(sentinel, end)
    return ended


def _pid(process: ForkServerProcess) -> int:
    assert process.pid is not None
    return process.pid


async def launch_at(terminal: int, *command: str, cwd: Path, env: Mapping[str, str]) -> ChildProcess:
    """Start ``python -m MODULE ARGUMENTS`` with a terminal as its standard streams."""
    if COVERAGE in os.environ:
        return await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env=env, stdin=terminal, stdout=terminal, stderr=terminal
        )
    theirs = Connection(os.dup(terminal))
    process = _processes.Process(target=_run_in_terminal, args=(command[MODULE:], cwd, dict(env), theirs))
    await asyncio.to_thread(_start, process)
    theirs.close()
    return ForkedProcess(_pid(process), _end_of(process))


def _start(process: ForkServerProcess) -> None:
    _start_server()
    process.start()


def _start_server() -> None:
    """Start the process that commands are forked from, unless it runs; it ends with this one."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("PYTHONPATH", str(ROOT))
        changed.delenv(COVERAGE, raising=False)
        forkserver.set_forkserver_preload([PRELOADED])
        forkserver.ensure_running()


# In the forked process


def _run_to_files(command: Sequence[str], directory: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT
    _run(command, directory, environment, {1: os.open(out, flags), 2: os.open(err, flags)})


def _run_in_pipes(
    command: Sequence[str], directory: Path, environment: dict[str, str], given: Connection, said: Connection
) -> None:
    _run(command, directory, environment, {0: given.fileno(), 1: said.fileno(), 2: said.fileno()})


def _run_in_terminal(
    command: Sequence[str], directory: Path, environment: dict[str, str], terminal: Connection
) -> None:
    # multiprocessing closes sys.stdin, and the other two were made before there was a terminal.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    _run(command, directory, environment, dict.fromkeys((0, 1, 2), terminal.fileno()))


def _run(command: Sequence[str], directory: Path, environment: dict[str, str], streams: dict[int, int]) -> None:
    if PRELOADED not in sys.modules:
        raise ImportError(f"{PRELOADED} can't be imported")
    for number, opened in streams.items():
        os.dup2(opened, number)
    for opened in set(streams.values()):
        os.close(opened)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # which was found in another environment
    sys.argv = [*command]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
