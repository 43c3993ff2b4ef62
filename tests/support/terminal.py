"""Runs the command line in a pseudo-terminal, as a person at a keyboard does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import sys
from typing import TYPE_CHECKING

from tests.support.forked import launch_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.sandbox.process import ChildProcess

SECONDS = 120
PRESSED_AGAIN_AFTER = 10  # seconds
BEHIND_A_TERMINAL = "tests.support.behind_a_terminal"
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\n"


class TerminalSession:
    """A program in a terminal: what it has printed, and what is typed."""

    def __init__(self, process: ChildProcess, screen: asyncio.StreamReader, keyboard: int) -> None:
        self.process = process
        self.printed = ""
        self._screen = screen
        self._keyboard = keyboard
        self._seen = 0

    async def wait_for(self, text: str) -> str:
        """Return what was printed since the last call, up to and including ``text``."""
        try:
            async with asyncio.timeout(SECONDS):
                while (found := self.printed.find(text, self._seen)) < 0:
                    assert await self._read(), "the program has ended"
        except (TimeoutError, AssertionError) as error:
            raise AssertionError(f"{text!r} never came: {self.printed[self._seen :]}") from error
        begin, self._seen = self._seen, found + len(text)
        return self.printed[begin : self._seen]

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    async def answer(self, prompt: str, value: str) -> str:
        """Wait for a prompt, type a line; return what was printed before."""
        said = await self.wait_for(prompt)
        self.type(value + ENTER)
        return said

    async def stop(self, keys: str) -> int:
        """Press keys that end the program, again as long as it goes on; return the exit status.

        Python can miss a Ctrl-C in the moment between the prompt and its wait for input. A person presses it again.
        """
        end = asyncio.ensure_future(self.end())
        while not end.done():
            self.type(keys)
            await asyncio.wait({end}, timeout=PRESSED_AGAIN_AFTER)
        return await end

    async def end(self) -> int:
        """Return the exit status once the program has ended."""
        async with asyncio.timeout(SECONDS):
            while await self._read():
                pass
            return await self.process.wait()

    async def _read(self) -> bool:
        try:
            data = await self._screen.read(4096)
        except OSError:  # Linux says EIO once nothing has the terminal open any more
            return False
        self.printed += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextlib.asynccontextmanager
async def in_terminal(*arguments: str, directory: Path, environment: dict[str, str]) -> AsyncIterator[TerminalSession]:
    """Run ``record-bot ARGUMENTS`` with a terminal of its own."""
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", BEHIND_A_TERMINAL, *arguments)
    process = await launch_at(theirs, *command, cwd=directory, env=environment | {"TERM": "dumb"})
    os.close(theirs)
    screen = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(screen)
    with os.fdopen(os.dup(ours), "rb", buffering=0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        try:
            yield TerminalSession(process, screen, ours)
        finally:
            transport.close()
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
            os.close(ours)
