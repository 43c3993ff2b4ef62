"""``record-bot init``: asks for the settings one by one, and writes the settings file when all are answered."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import typer

from bot.admin.setup import CheckedAnswer, SetupChecks, addresses, files, from_file
from bot.cli import event_loop
from bot.config.env_file import AlreadyThere, write_new
from bot.config.secret_files import ENDING, Unusable
from bot.config.settings import problem_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

NO_TERMINAL = (
    "record-bot init asks questions, so it needs a terminal. Without one, copy .env.example to .env and fill it in."
)
NOTHING_WRITTEN = "Stopped. Nothing was written."
INTRO = """\
This asks for the settings that record-bot needs and checks each one. Nothing is written before the last answer.
docs/install.md says where to find each value. Secrets are not shown while you type. Press Ctrl-C to stop."""
SOCKET, HTTP = "socket", "http"


@dataclass(frozen=True, slots=True)
class Question:
    """One setting: what to say before the prompt, and how to ask for it."""

    name: str
    explanation: str
    secret: bool = False
    default: str | None = None
    """An empty text makes the setting optional."""


BOT_TOKEN = Question("SLACK_BOT_TOKEN", "The bot token (xoxb-…): your Slack app, OAuth & Permissions.", secret=True)
APP_TOKEN = Question(
    "SLACK_APP_TOKEN",
    "The app-level token (xapp-…) with connections:write: your Slack app, Basic Information.",
    secret=True,
)
SIGNING_SECRET = Question("SLACK_SIGNING_SECRET", "The signing secret: your Slack app, Basic Information.", secret=True)
AUDIT_CHANNEL = Question(
    "SLACK_AUDIT_CHANNEL", "The audit channel's id (C…), at the end of the channel's details. Invite the bot first."
)
SUPERVISORS = Question(
    "SLACK_SUPERVISORS", "Who may control recordings: ids of users (U…) or user groups (S…), separated by commas."
)
COMPLIANCE = Question("SLACK_COMPLIANCE", "Who may read and export the trail; Enter for nobody.", default="")
ENVIRONMENT = Question(
    "PURECLOUD_ENVIRONMENT",
    "The host of your Genesys Cloud region, such as mypurecloud.com or mypurecloud.de.",
    default="mypurecloud.com",
)
CLIENT_ID = Question("PURECLOUD_CLIENT_ID", "The id of the Genesys OAuth client (Client Credentials).")
CLIENT_SECRET = Question("PURECLOUD_CLIENT_SECRET", "The secret of the Genesys OAuth client.", secret=True)
DATABASE = Question(
    "DATABASE_URL",
    "The database: a SQLite file, or postgresql+psycopg://USER@HOST/DATABASE with the password in ~/.pgpass.",
    default="sqlite+aiosqlite:///record-bot.db",
)


def ask_all(output: Path) -> int:
    """Ask for everything and write the file; return the exit status."""
    if output.exists():
        return _fail(f"{output} already exists and is never replaced. Edit it, or use another name: --output FILE.", 1)
    if not sys.stdin.isatty():
        return _fail(NO_TERMINAL, 2)
    try:
        answers = Interview(SetupChecks()).run()
        write_new(output, answers)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo(err=True)
        return _fail(NOTHING_WRITTEN, 1)
    except AlreadyThere as error:
        return _fail(str(error), 1)
    typer.echo(
        f"\nWrote {output}, which only you can read (mode 0600).\nNext: record-bot check, then record-bot serve."
    )
    return 0


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks until each answer is right."""

    checks: SetupChecks
    files: dict[str, str] = field(default_factory=files)
    """Where secrets are that the environment keeps in files. They are checked, and only their path is written."""

    def run(self) -> dict[str, str]:
        typer.echo(INTRO)
        checks, answers = self.checks, self.checks.answers
        typer.echo("\nSlack")
        self._ask(BOT_TOKEN, checks.bot_token)
        if self._transport() == SOCKET:
            self._ask(APP_TOKEN, checks.app_token)
        else:
            self._ask(SIGNING_SECRET, checks.signing_secret)
        self._ask(AUDIT_CHANNEL, checks.audit_channel)
        self._ask(SUPERVISORS, checks.people)
        self._ask(COMPLIANCE, checks.people)
        typer.echo("\nGenesys Cloud")
        self._genesys()
        typer.echo("\nDatabase")
        self._ask(DATABASE, checks.database)
        typed = {name: value for name, value in answers.items() if name not in self.files}
        named = {f"{name}{ENDING}": file for name, file in self.files.items() if name in answers}
        return {name: value for name, value in (typed | named | addresses()).items() if value}

    def _transport(self) -> str:
        typer.echo("How Slack connects: socket (Socket Mode, needs no public address) or http.")
        while True:
            usual = HTTP if SIGNING_SECRET.name in self.files and APP_TOKEN.name not in self.files else SOCKET
            chosen = str(typer.prompt("  Transport", default=usual)).strip().lower()
            if chosen in {SOCKET, HTTP}:
                return chosen
            typer.echo(f"  Type {SOCKET} or {HTTP}.")

    def _ask(self, question: Question, check: Callable[[str], Awaitable[CheckedAnswer]]) -> None:
        """Ask until the answer is well-formed and the check confirms it; Enter then tries the same answer again."""
        if question.name in self.files:
            while not self._confirmed(partial(check, self._from_file(question))):
                _fixed()
            return
        typer.echo(question.explanation)
        before = question.default
        while True:
            value = _typed(question, before)
            self.checks.answers[question.name] = value
            if not value and question.default == "":
                return
            problem = problem_with(question.name, value)
            if problem:
                typer.echo(f"  {problem}")
                continue
            if self._confirmed(partial(check, value)):
                return
            if not question.secret and "@" not in value:  # an address of a database can hold a password
                before = value

    def _genesys(self) -> None:
        """Ask for the three values of the login together: Genesys doesn't say which of them is wrong."""
        answers = self.checks.answers
        while True:
            for question in (ENVIRONMENT, CLIENT_ID, CLIENT_SECRET):
                if question.name in self.files:
                    self._from_file(question)
                    continue
                typer.echo(question.explanation)
                before = question.default if question.secret else answers.get(question.name, question.default)
                while problem := problem_with(question.name, value := _typed(question, before)):
                    typer.echo(f"  {problem}")
                answers[question.name] = value
            if self._confirmed(lambda: self.checks.genesys(answers)):
                return

    def _from_file(self, question: Question) -> str:
        """Read a secret from its file, and wait for a person to fix it as long as it is not well-formed."""
        typer.echo(f"{question.name} is read from {self.files[question.name]} ({question.name}{ENDING}).")
        while True:
            found = from_file(question.name)
            problem = f"{found}." if isinstance(found, Unusable) else problem_with(question.name, found or "")
            if not problem:
                self.checks.answers[question.name] = str(found)
                return str(found)
            typer.echo(f"  {problem}")
            _fixed()

    @staticmethod
    def _confirmed(check: Callable[[], Awaitable[CheckedAnswer]]) -> bool:
        async def run() -> CheckedAnswer:
            return await check()

        typer.echo("  Checking…")
        checked = event_loop.run(run())
        typer.echo(f"  {'ok' if checked.ok else 'PROBLEM'}: {checked.sentence}")
        for note in checked.notes:
            typer.echo(f"  Note: {note}")
        return checked.ok


def _fixed() -> None:
    typer.prompt("  Fix the file, then press Enter", default="", show_default=False)


def _typed(question: Question, default: str | None) -> str:
    typed: str = typer.prompt(
        f"  {question.name}",
        default=default,
        hide_input=question.secret,
        show_default=bool(default) and not question.secret,
    )
    return typed.strip()


def _fail(sentence: str, status: int) -> int:
    typer.echo(sentence, err=True)
    return status
