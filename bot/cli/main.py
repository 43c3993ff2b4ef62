"""The command line: one function for each command, no logic.

Exit status: 0 success, 1 refused or failed, 2 wrong usage or settings. Errors go to stderr as sentences, without a
traceback. Commands import what they need, so that those without Genesys start at once.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import structlog
import typer

from bot.cli import event_loop
from bot.cli.audit import audit
from bot.cli.data import privacy, register
from bot.cli.login import login_name
from bot.config import settings as config
from bot.errors import RecordBotError, SettingsError
from bot.observability import logging as log

if TYPE_CHECKING:
    from bot.cli.recording import Terminal

T = TypeVar("T")

app = typer.Typer(
    name="record-bot",
    help="Control Genesys Cloud call recordings from Slack, with an audit trail.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
recording = typer.Typer(
    help="Control recordings from a terminal: the same rules, the same audit trail.", no_args_is_help=True
)
db = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(recording, name="recording")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")
app.add_typer(privacy, name="privacy")
register(audit=audit, db=db)


def _version_option(wanted: bool) -> None:  # noqa: FBT001  Typer passes the value by position
    if wanted:
        typer.echo(f"record-bot {version('record-bot')}")
        raise typer.Exit


@app.callback()
def _logs_first(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_version_option, is_eager=True),
    ] = False,
) -> None:
    """Control Genesys Cloud call recordings from Slack, with an audit trail."""
    try:
        settings = config.load(config.LogSettings)
    except SettingsError:
        log.configure(level="error")  # the commands that are about logs say what is wrong
    else:
        _logs(settings, level=None if "log_level" in settings.model_fields_set else "error")


CallId = Annotated[str, typer.Argument(metavar="ID", help="The conversation's id or its interaction link.")]
OptionalCallId = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="As above; without it, your only live recording.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def serve() -> None:
    """Run the bot until it is told to stop (SIGTERM)."""
    settings = config.load(config.ServeSettings)
    _logs(settings)
    from bot.runtime.serve import Serving

    event_loop.run(Serving(settings).run())


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="The page's port; 0 lets the system choose.", min=0, max=65535)] = 8300,
    transport: Annotated[str, typer.Option(help="How the simulated Slack reaches the bot: socket or http.")] = "socket",
) -> None:
    """Run the bot against a simulated Slack and Genesys, with a page to play on. No account needed."""
    if transport not in {"socket", "http"}:
        raise typer.BadParameter("it must be socket or http", param_hint="--transport")
    from bot.sandbox.run import run

    raise typer.Exit(event_loop.run(run(port=port, transport=transport, announce=typer.echo)))


@app.command()
def check(
    call: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Start and stop a recording on this test call, and show Genesys's answers."),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="With --call: don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check all that serve needs, a line each."""
    log.configure(level="error")
    if call is not None:
        _check_call(call, yes=yes, as_json=as_json)
    from bot.admin import check as checking

    findings = event_loop.run(checking.check_everything())
    typer.echo(checking.as_json(findings) if as_json else checking.as_text(findings))
    raise typer.Exit(0 if all(one.ok for one in findings) else 1)


def _check_call(call: str, *, yes: bool, as_json: bool) -> NoReturn:
    from bot.cli import call_check

    settings = config.load(config.ControlSettings)
    if not yes and not sys.stdin.isatty():
        _fail(call_check.UNASKED, 2)
    if not yes and not typer.confirm(call_check.QUESTION.format(call=call), err=True):
        _fail(call_check.NOTHING_DONE, 1)
    checked = event_loop.run(call_check.CallCheck(settings, login_name()).run(call))
    typer.echo(checked.json() if as_json else checked.text())
    raise typer.Exit(0 if checked.ok else 1)


@recording.command("start")
def start(
    call: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="As above; without it, TARGET_CONVERSATION_ID.", show_default=False),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why: a reason's code, or words of your own.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Start recording a call."""
    _exit(event_loop.run(_terminal().start(call or os.environ.get("TARGET_CONVERSATION_ID"), reason)), as_json=as_json)


@recording.command("stop")
def stop(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Stop a recording."""
    _change("stop", call, as_json=as_json)


@recording.command("pause")
def pause(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Put a recording in secure pause."""
    _change("pause", call, as_json=as_json)


@recording.command("resume")
def resume(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Go on recording after a pause."""
    _change("resume", call, as_json=as_json)


@recording.command("status")
def status(call: CallId, *, as_json: AsJson = False) -> None:
    """Say how a call stands, in the bot and in Genesys."""
    _exit(event_loop.run(_terminal().status(call)), as_json=as_json)


@recording.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the live recordings."""
    _exit(event_loop.run(_terminal().live()), as_json=as_json)


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest schema."""
    from bot.database.migrate import upgrade as migrate
    from bot.runtime.container import opened_database

    settings = config.load(config.DatabaseSettings)

    async def run() -> str:
        async with opened_database(settings) as engines:
            return (await migrate(engines)).newest

    typer.echo(f"The database is at {event_loop.run(run())}, the newest schema.")


@db.command("current")
def current() -> None:
    """Say which schema the database has; exit 1 where it isn't the newest."""
    from bot.database.migrate import version
    from bot.runtime.container import opened_database

    settings = config.load(config.DatabaseSettings)

    async def run() -> tuple[str | None, str]:
        async with opened_database(settings) as engines:
            found = await version(engines)
            return found.current, found.newest

    has, newest = event_loop.run(run())
    if has == newest:
        typer.echo(f"The database is at {has}, the newest schema.")
        return
    _fail(
        f"The database is {f'at {has}' if has else 'empty'}; the newest schema is {newest}. Run: record-bot db upgrade",
        1,
    )


@app.command()
def manifest(
    url: Annotated[
        str | None, typer.Option(help="The bot's public https address, for HTTP instead of Socket Mode.")
    ] = None,
) -> None:
    """Print the Slack app manifest."""
    from bot.slack.manifest import manifest_yaml

    if url is not None and not url.startswith("https://"):
        raise typer.BadParameter("it must begin with https://, since Slack sends only there", param_hint="--url")
    typer.echo(manifest_yaml(url), nl=False)


def main(runner: event_loop.Runner = asyncio.run) -> NoReturn:
    """Run a command, and turn errors into sentences and exit statuses. Its coroutine is run by ``runner``."""
    try:
        with event_loop.using(runner):
            app(standalone_mode=True)
    except SettingsError as error:
        _fail(str(error), 2)
    except RecordBotError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or 'see HTTP_HOST and HTTP_PORT'}.", 1)
    except Exception as error:  # noqa: BLE001  the user gets a sentence for any error
        structlog.get_logger(__name__).debug("command_failed", exc_info=error)
        what = log.redacted(f"{type(error).__name__}: {error}")
        _fail(f"This is a fault in record-bot itself ({what}). Please report it; LOG_LEVEL=debug shows where.", 1)
    sys.exit(0)


def _change(verb: str, call: str | None, *, as_json: bool) -> None:
    _exit(event_loop.run(_terminal().change(verb, call)), as_json=as_json)


def _terminal() -> Terminal:
    settings = config.load(config.ControlSettings)
    _logs(settings, level="error")
    from bot.cli.recording import Terminal

    return Terminal(settings, login=login_name())


def _exit(result: Any, *, as_json: bool) -> NoReturn:
    typer.echo(result.json() if as_json else result.text, err=not result.ok and not as_json)
    raise typer.Exit(0 if result.ok else 1)


def _logs(settings: config.LogSettings, *, level: str | None = None) -> None:
    log.configure(format_=settings.log_format, level=level or settings.log_level)


def _fail(sentence: str, status: int) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(status)
