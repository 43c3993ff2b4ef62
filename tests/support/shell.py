"""Runs the command line as an operator does: as a process of its own, in a directory of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.forked import run_command
from tests.support.measured import COVERAGE

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.slack import SimulatedSlack

ROOT = Path(__file__).parents[2]
SECONDS_TO_ANSWER = 300
BOT_SETTINGS = (
    "AUDIT_", "SLACK_", "PURECLOUD_", "GENESYS_", "DATABASE_", "HTTP_", "LOG_", "OTEL_", "RECORDING_", "TARGET_",
)  # fmt: skip
SECRETS = ("xoxb-sandbox", "xapp-sandbox", "sandbox-signing-secret", "sandbox-secret")
"""What the simulators take as secrets; none of it may ever be printed."""


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Shell:
    """A directory and an environment with the given settings and none of the developer's own."""

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *arguments: str, code: str | None = None, **more: str) -> Ran:
        """Run ``record-bot ARGUMENTS``, in a steady loop, or ``code`` in its place, with ``more`` settings.

        Where coverage is measured, and for ``code``, a new interpreter runs it; otherwise a forked one (``forked.py``).
        """
        if code is None and COVERAGE not in os.environ:
            status, output, errors = await asyncio.to_thread(
                run_command,
                arguments,
                directory=self.directory,
                environment=self.environment | more,
                seconds=SECONDS_TO_ANSWER,
            )
            return Ran(status, output.decode(), errors.decode())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(("-c", code) if code else ("-m", "tests.support.clocks.steady_cli")),
            *arguments,
            cwd=self.directory,
            env=self.environment | more,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        return Ran(process.returncode or 0, out.decode(), err.decode())

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(BOT_SETTINGS)}
        return kept | {"PYTHONPATH": str(ROOT)} | self.settings

    @property
    def database(self) -> Path:
        return self.directory / "record-bot.db"

    def entries(self, columns: str = "phase, action, actor") -> list[tuple[Any, ...]]:
        """Return the audit trail as any outside reader sees it, in order."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(f"SELECT {columns} FROM audit_entries ORDER BY seq").fetchall()  # noqa: S608  column names of our own tests
        finally:
            connection.close()


def genesys_settings(genesys: SimulatedGenesys) -> dict[str, str]:
    """Return what the bot needs to use the simulated Genesys."""
    return {
        "PURECLOUD_CLIENT_ID": genesys.client_id,
        "PURECLOUD_CLIENT_SECRET": genesys.client_secret,
        "GENESYS_API_URL": genesys.url,
    }


def slack_settings(slack: SimulatedSlack) -> dict[str, str]:
    """Return what the bot needs to use the seeded simulated Slack, over Socket Mode."""
    return {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_API_URL": slack.api_url,
        "SLACK_AUDIT_CHANNEL": "C0AUDIT",
        "SLACK_SUPERVISORS": "S0SUPERS",
        "SLACK_COMPLIANCE": "U0COMPL",
    }
