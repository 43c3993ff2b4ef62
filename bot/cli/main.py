"""The command line: one function for each command, no logic.

Exit status: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 (``audit verify``) not everything could be
checked. Errors go to stderr as sentences, or with ``--json`` to stdout as JSON, without a traceback. Commands import
what they need, so that those without Genesys start at once.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import gc
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import structlog
import typer

from bot.cli import event_loop
from bot.cli.audit import audit
from bot.cli.control import keep
from bot.cli.data import privacy, register
from bot.cli.failure import JSON, fail
from bot.cli.login import login_name
from bot.cli.schema import db
from bot.cli.usage import examples, one_of
from bot.config import settings as config
from bot.errors import RecordBotError, SettingsError
from bot.observability import logging as log

if TYPE_CHECKING:
    from bot.cli.control.agents import AgentTerminal
    from bot.cli.control.recording import Terminal

T = TypeVar("T")

app = typer.Typer(
    name="record-bot",
    help="Control Genesys Cloud call recordings from Slack, with an audit trail.",
    epilog=examples(
        "record-bot sandbox                  try it in a browser; no account needed",
        "record-bot init                     write the settings file .env, step by step",
        "record-bot check                    check settings, database, Slack and Genesys",
        "record-bot serve                    run the bot",
        "record-bot COMMAND --help           show a command's options and examples",
    ),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
recording = typer.Typer(
    short_help="Start, stop, pause, resume and keep recordings.",
    help="Start, stop, pause, resume and keep recordings. Same rules and audit trail as in Slack.",
    no_args_is_help=True,
)
app.add_typer(recording, name="recording")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")
app.add_typer(privacy, name="privacy")
register(audit=audit, db=db)
keep.register(recording)


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


CallId = Annotated[str, typer.Argument(metavar="ID", help="Conversation id or interaction link.")]
OptionalCallId = Annotated[
    str | None,
    typer.Argument(
        metavar="ID",
        help="Conversation id or interaction link; default: your only active recording.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option(JSON, help="Print the result as JSON.")]
SAMPLE_ID = "72341510-5c0f-4d5b-9a3e-0d2f5a1c7e11"


def _examples_of(verb: str) -> str:
    return examples(f"record-bot recording {verb}", f"record-bot recording {verb} {SAMPLE_ID}")


@app.command(short_help="Run the bot.", epilog=examples("record-bot serve"))
def serve(
    *,
    without_policy: Annotated[
        bool,
        typer.Option(
            "--without-policy",
            help="Start without a policy file although the bot last ran with one. Its rules no longer apply; the audit "
            "trail records that.",
        ),
    ] = False,
) -> None:
    """Run the bot. It stops cleanly on SIGTERM or Ctrl-C.

    It upgrades the database, checks the settings, and connects to Slack and Genesys.
    """
    settings = config.load(config.ServeSettings)
    _logs(settings)
    from bot.runtime.serve import Serving

    # What is loaded by then stays: without gc.freeze, each full collection walks through it for about 0.1 s.
    event_loop.run(Serving(settings, without_policy=without_policy, on_up=gc.freeze).run())


@app.command(
    short_help="Try the bot in your browser, no accounts needed.",
    epilog=examples("record-bot sandbox", "record-bot sandbox --port 0 --transport http"),
)
def sandbox(
    port: Annotated[int, typer.Option(help="Port for the page; 0 picks a free one.", min=0, max=65535)] = 8300,
    transport: Annotated[str, typer.Option(help="How simulated Slack connects to the bot: socket or http.")] = "socket",
) -> None:
    """Try the bot in your browser, no accounts needed. Slack and Genesys are simulated."""
    one_of(transport, ("socket", "http"), "--transport")
    from bot.sandbox.run import run

    raise typer.Exit(event_loop.run(run(port=port, transport=transport, announce=typer.echo)))


@app.command(
    short_help="Write the settings file .env, step by step.",
    epilog=examples("record-bot init", "record-bot init --output /etc/record-bot/record-bot.env"),
)
def init(
    output: Annotated[
        Path, typer.Option(help="Settings file to create; an existing one is never replaced.", dir_okay=False)
    ] = Path(config.ENV_FILE),
) -> None:
    """Ask for the settings one by one, check each with Slack and Genesys, and write the settings file.

    The file is readable only by you (mode 0600). Secrets are not shown while you type them. Nothing is written before
    the last question is answered.
    """
    log.configure(level="error")
    from bot.cli.init import ask_all

    raise typer.Exit(ask_all(output))


@app.command(
    short_help="Check settings, database, Slack and Genesys.",
    epilog=examples("record-bot check", f"record-bot check --call {SAMPLE_ID}"),
)
def check(
    call: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Start and stop a recording on this test call, and show Genesys's answers."),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="With --call: don't ask before the test recording.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, database, Slack and Genesys. One line per item, with what to fix. Changes nothing.

    Exit status 0: ok. 1: something is wrong. 2: a setting is wrong, for which serve exits with 2 too.
    """
    log.configure(level="error")
    if call is not None:
        _check_call(call, yes=yes, as_json=as_json)
    from bot.admin.checks import check as checking

    findings = event_loop.run(checking.check_everything())
    typer.echo(checking.as_json(findings) if as_json else checking.as_text(findings))
    raise typer.Exit(checking.exit_status(findings))


def _check_call(call: str, *, yes: bool, as_json: bool) -> NoReturn:
    from bot.cli.control import call_check

    settings = config.load(config.ControlSettings)
    if not yes and not sys.stdin.isatty():
        fail(call_check.UNASKED, 2)
    if not yes and not typer.confirm(call_check.QUESTION.format(call=call), err=True):
        fail(call_check.NOTHING_DONE, 1)
    checked = event_loop.run(call_check.CallCheck(settings, login_name()).run(call))
    typer.echo(checked.json() if as_json else checked.text())
    raise typer.Exit(0 if checked.ok else 1)


def _agents() -> AgentTerminal:
    from bot.cli.control.agents import AgentTerminal

    return AgentTerminal(_terminal())


@recording.command(
    "next",
    short_help="Record an agent's next call.",
    epilog=examples(
        'record-bot recording next "Mia Chen" --reason complaint', "record-bot recording next mia@example.com --cancel"
    ),
)
def next_call(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="E-mail address or name in Genesys.")],
    reason: Annotated[str | None, typer.Option(help="Reason code, or your own words.")] = None,
    *,
    cancel: Annotated[bool, typer.Option("--cancel", help="No longer wait for the agent's next call.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have the serving bot record an agent's next call; it waits for as long as RECORDING_NEXT_WITHIN says."""
    _exit(event_loop.run(_agents().next_call(agent, reason, cancel=cancel)), as_json=as_json)


@recording.command(
    "start",
    short_help="Start recording a call.",
    epilog=examples(
        f"record-bot recording start {SAMPLE_ID}",
        f'record-bot recording start {SAMPLE_ID} --reason "third complaint"',
    ),
)
def start(
    call: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="Conversation id or interaction link; default: the environment variable TARGET_CONVERSATION_ID.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Reason code, or your own words.")] = None,
    agent: Annotated[str | None, typer.Option(help="In place of an id: an agent's e-mail address or name.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Start recording a call."""
    if agent is not None:
        if call is not None:
            fail("Give either a call's ID or --agent, not both.", 2)
        _exit(event_loop.run(_agents().start(agent, reason)), as_json=as_json)
    _exit(event_loop.run(_terminal().start(call or os.environ.get("TARGET_CONVERSATION_ID"), reason)), as_json=as_json)


@recording.command("stop", short_help="Stop a recording.", epilog=_examples_of("stop"))
def stop(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Stop a recording."""
    _change("stop", call, as_json=as_json)


@recording.command(
    "pause",
    short_help="Pause a recording (secure pause).",
    epilog=examples(f"record-bot recording pause {SAMPLE_ID}", f"record-bot recording pause {SAMPLE_ID} --for 90s"),
)
def pause(
    call: OptionalCallId = None,
    length: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="LENGTH", help="How long, such as 90s or 5m; then record-bot, while it serves, resumes."
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Pause a recording (secure pause), for example while card data is read out."""
    _exit(event_loop.run(_terminal().change("pause", call, length)), as_json=as_json)


@recording.command("resume", short_help="Resume a paused recording.", epilog=_examples_of("resume"))
def resume(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Resume a paused recording."""
    _change("resume", call, as_json=as_json)


@recording.command(
    "extend",
    short_help="Let a pause, or a recording, that ends by itself last longer.",
    epilog=_examples_of("extend"),
)
def extend(call: OptionalCallId = None, *, as_json: AsJson = False) -> None:
    """Let a pause, or a recording, that ends by itself last longer, by the length that it was to have at first."""
    _exit(event_loop.run(_terminal().extend(call)), as_json=as_json)


@recording.command(
    "status",
    short_help="Show what record-bot and Genesys say about a call.",
    epilog=examples(f"record-bot recording status {SAMPLE_ID} --json"),
)
def status(call: CallId, *, as_json: AsJson = False) -> None:
    """Show what record-bot and Genesys say about a call."""
    _exit(event_loop.run(_terminal().status(call)), as_json=as_json)


@recording.command("list", short_help="List active recordings.", epilog=examples("record-bot recording list --json"))
def list_(*, as_json: AsJson = False) -> None:
    """List active recordings, and which of their stops wait for a second supervisor."""
    _exit(event_loop.run(_terminal().live()), as_json=as_json)


@app.command(
    short_help="Print the Slack app manifest.",
    epilog=examples("record-bot manifest", "record-bot manifest --url https://bot.example.com"),
)
def manifest(
    url: Annotated[
        str | None,
        typer.Option(help="The bot's public https:// address; prints a manifest for HTTP instead of Socket Mode."),
    ] = None,
) -> None:
    """Print the Slack app manifest, to paste into Slack when you create the app."""
    from bot.slack.manifest import manifest_yaml

    if url is not None and not url.startswith("https://"):
        raise typer.BadParameter("must start with https://; Slack sends nowhere else", param_hint="--url")
    typer.echo(manifest_yaml(url), nl=False)


def main(runner: event_loop.Runner = asyncio.run) -> NoReturn:
    """Run a command, and turn errors into sentences and exit statuses. Its coroutine is run by ``runner``."""
    try:
        with event_loop.using(runner):
            app(standalone_mode=True, prog_name="record-bot")
    except SettingsError as error:
        fail(str(error), 2, error.kind)
    except RecordBotError as error:
        fail(str(error), 1, error.kind)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or 'see HTTP_HOST and HTTP_PORT'}.", 1, "system")
    except Exception as error:  # noqa: BLE001  the user gets a sentence for any error
        structlog.get_logger(__name__).debug("command_failed", exc_info=error)
        what = log.redacted(f"{type(error).__name__}: {error}")
        fail(f"record-bot ran into a bug ({what}). Please report it; LOG_LEVEL=debug shows details.", 1, "bug")
    sys.exit(0)


def _change(verb: str, call: str | None, *, as_json: bool) -> None:
    _exit(event_loop.run(_terminal().change(verb, call)), as_json=as_json)


def _terminal() -> Terminal:
    settings = config.load(config.ControlSettings)
    _logs(settings, level="error")
    from bot.cli.control.recording import Terminal

    return Terminal(settings, login=login_name())


def _exit(result: Any, *, as_json: bool) -> NoReturn:
    typer.echo(result.json() if as_json else result.text, err=not result.ok and not as_json)
    raise typer.Exit(0 if result.ok else 1)


def _logs(settings: config.LogSettings, *, level: str | None = None) -> None:
    log.configure(format_=settings.log_format, level=level or settings.log_level)
