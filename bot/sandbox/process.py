"""The real bot as a child process, which a visitor can stop, kill and start again."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

State = Literal["stopped", "starting", "ready", "not_ready", "stopping", "killed", "exited"]

SECONDS_TO_FINISH = 25.0
WATCHED = (sys.executable, "-m", "bot.sandbox.parent_watchdog")
LOOK_WHILE_STARTING = 0.2
LOOK_WHILE_RUNNING = 1.0


BOT_PORTS = range(20_000, 30_000)
"""The ports for bots: below those that a system chooses for connections and for servers that ask for any port.

Those begin at 32768 on Linux (``ip_local_port_range`` in https://docs.kernel.org/networking/ip-sysctl.html), and at
49152 on macOS and Windows (RFC 6335).
"""
PORT_TRIES = 100


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now, and that the system gives to nobody until the bot starts.

    Else another server might get it first, and be taken for the bot: it may answer ``/readyz`` too.
    """
    for port in secrets.SystemRandom().sample(BOT_PORTS, min(PORT_TRIES, len(BOT_PORTS))):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"No free port found from {BOT_PORTS[0]} to {BOT_PORTS[-1]}")


async def manifest(environment: Mapping[str, str], directory: Path) -> str:
    """Ask the bot for its Slack app manifest, as somebody does who installs the app; empty where it gives none."""
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "manifest"),
        cwd=directory,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asked.communicate()
    return said.decode() if asked.returncode == 0 else ""


class ChildProcess(Protocol):
    """What is used of ``asyncio.subprocess.Process``."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...
    def send_signal(self, signal: int, /) -> None: ...


class BotUnready(Exception):
    """The bot did not become ready."""


@dataclass
class BotProcess:
    """One bot, at most one process at a time. ``port`` is where it answers ``/readyz``."""

    environment: Mapping[str, str]
    directory: Path
    port: int
    transport: str
    log: Callable[[str], None]
    on_change: Callable[[], None]
    command: tuple[str, ...] = (*WATCHED, "bot", "serve")
    launch: Callable[..., Awaitable[ChildProcess]] = asyncio.create_subprocess_exec
    """Starts a command; takes what ``asyncio.create_subprocess_exec`` does."""
    ahead: float = 0.0
    """Seconds by which the bot's clock is ahead when it starts the next time."""
    state: State = field(init=False, default="stopped")
    readyz: dict[str, Any] | None = field(init=False, default=None)
    last_lines: deque[str] = field(init=False, default_factory=lambda: deque(maxlen=20))
    _process: ChildProcess | None = field(init=False, default=None)
    _tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _moved: asyncio.Condition = field(init=False, default_factory=asyncio.Condition)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def snapshot(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "running": self.running,
            "ready": self.state == "ready",
            "transport": self.transport,
            "pid": self._process.pid if self._process is not None and self.running else None,
            "exit_status": self._process.returncode if self._process is not None else None,
            "readyz": self.readyz,
            "last_words": "" if self.running or not self.last_lines else self.last_lines[-1],
        }

    async def start(self) -> None:
        """Start the process; with one that runs already, do nothing."""
        async with self._lock:
            if self.running:
                return
            await self._reap()
            self.last_lines.clear()
            self._process = await self.launch(
                *(self.command if not self.ahead else (*WATCHED, "bot.cli.ahead", str(self.ahead))),
                cwd=self.directory,
                env=dict(self.environment),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=1 << 20,
            )
            self._tasks = [
                asyncio.create_task(self._relay(self._process), name="bot log"),
                asyncio.create_task(self._check(self._process), name="bot readiness"),
            ]
            await self._move("starting")

    async def stop(self) -> None:
        """Ask it to finish, and end it when it has not after 25 s."""
        async with self._lock:
            if self._process is not None and self.running:
                await self._move("stopping")
                self._signal(signal.SIGTERM)
                try:
                    async with asyncio.timeout(SECONDS_TO_FINISH):
                        await self._process.wait()
                except TimeoutError:
                    self._signal(signal.SIGKILL)
            await self._reap()
            await self._move("stopped")

    async def kill(self) -> None:
        """Pull the plug: nothing is finished, nothing is flushed."""
        # No lock: the plug is there for the moment in which a stop takes too long.
        if self.running:
            self._signal(signal.SIGKILL)
            await self._move("killed")
            await self._reap()

    async def until_ready(self, limit: float, tell: Callable[[float], None]) -> None:
        """Return when ``/readyz`` says 200; ``tell`` hears the seconds waited, every two.

        Raises BotUnready when the process exits, or is not ready after ``limit`` seconds.
        """
        began = time.monotonic()
        while self.state in {"starting", "not_ready"}:
            waited = time.monotonic() - began
            if waited > limit:
                raise BotUnready(f"The bot is still not ready after {limit:.0f} s: {self.readyz or 'no answer'}.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0), self._moved:
                    await self._moved.wait_for(lambda: self.state not in {"starting", "not_ready"})
            if self.state in {"starting", "not_ready"}:
                tell(time.monotonic() - began)
        if self.state != "ready":
            words = self.last_lines[-1] if self.last_lines else "nothing"
            raise BotUnready(f"The bot stopped while starting. Last output: {words}")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _reap(self) -> None:
        """Wait for a process that is ending, and for the tasks that watched it."""
        if self._process is not None:
            await self._process.wait()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _move(self, state: State) -> None:
        self.state = state
        self.on_change()
        async with self._moved:
            self._moved.notify_all()

    async def _relay(self, process: ChildProcess) -> None:
        assert process.stdout is not None  # noqa: S101  a pipe was asked for
        async for line in process.stdout:
            words = line.decode(errors="replace").rstrip()
            self.last_lines.append(words)
            self.log(words)
        await process.wait()
        if self.state not in {"stopping", "killed"}:
            await self._move("exited")

    async def _check(self, process: ChildProcess) -> None:
        """Ask ``/readyz`` for as long as the process lives."""
        address = f"http://127.0.0.1:{self.port}/readyz"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while process.returncode is None:
                status, body = await _ask(session, address)
                await self._note(status, body)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_WHILE_RUNNING if status else LOOK_WHILE_STARTING):
                        await process.wait()
        self.readyz = None
        self.on_change()

    async def _note(self, status: int, body: dict[str, Any] | None) -> None:
        if self.state not in {"starting", "ready", "not_ready"}:
            return
        unanswered: State = "starting" if self.state == "starting" else "not_ready"
        state: State = "ready" if status == 200 else "not_ready" if status else unanswered  # noqa: PLR2004  HTTP's OK
        told = (state, _health(body)) != (self.state, _health(self.readyz))
        self.readyz = body
        if told:
            await self._move(state)


def _health(readyz: dict[str, Any] | None) -> list[tuple[Any, ...]]:
    """Return what a page shows of it: not the counters and ages, which differ each time."""
    parts = (readyz or {}).get("parts", {})
    return [(name, part.get("ok"), part.get("problem")) for name, part in parts.items()]


async def _ask(session: aiohttp.ClientSession, address: str) -> tuple[int, dict[str, Any] | None]:
    """Return the HTTP status, 0 for no answer, and the JSON."""
    try:
        async with session.get(address) as answer:
            body = await answer.json(content_type=None)
            return answer.status, body if isinstance(body, dict) else None
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return 0, None
