"""``record-bot privacy``, ``db backup``, ``audit archive`` and ``audit hold``: commands to manage the data."""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import event_loop
from bot.cli.audit import bar
from bot.cli.login import login_name
from bot.cli.usage import TIME_FORMATS, examples, moment, one_of
from bot.config import settings as config
from bot.observability import logging as log

if TYPE_CHECKING:
    from bot.admin.data import Keeper

privacy = typer.Typer(
    short_help="Erase personal data.",
    help="Erase personal data. The audit trail stays intact.",
    no_args_is_help=True,
)


def register(*, audit: typer.Typer, db: typer.Typer) -> None:
    """Add the commands of other groups."""
    audit.command(
        "archive",
        short_help="Move old entries out of the database into verified files.",
        epilog=examples("record-bot audit archive --before 2026-01-01 --output archive/"),
    )(archive)
    audit.command(
        "destroy",
        short_help="Delete archive files whose time is over.",
        epilog=examples('record-bot audit destroy 20000 --archive archive/ --reason "kept for ten years"'),
    )(destroy)
    audit.command(
        "hold",
        short_help="Turn the legal hold on or off.",
        epilog=examples(
            'record-bot audit hold on --reason "case 2026-17"',
            "record-bot audit hold status",
            'record-bot audit hold off --reason "case closed"',
        ),
    )(hold)
    db.command(
        "backup",
        short_help="Make a verified copy of the database.",
        epilog=examples("record-bot db backup /var/backups/record-bot-2026-01-31.db"),
    )(backup)
    db.command(
        "copy",
        short_help="Copy everything into another, empty database and verify it.",
        epilog=examples("record-bot db copy --to postgresql+psycopg://record_bot@db.example.com/record_bot"),
    )(copy)


@privacy.command(
    "erase",
    short_help="Erase one person's name and everything they typed.",
    epilog=examples("record-bot privacy erase U0123ABCD --dry-run", "record-bot privacy erase cli:ada"),
)
def erase(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Slack user id, Genesys user id, or cli:LOGIN.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be erased; change nothing.")] = False,
    despite_hold: Annotated[bool, typer.Option("--despite-hold", help="Erase even while a legal hold is on.")] = False,
) -> None:
    """Erase one person's name and everything they typed.

    The erasure is recorded in the trail, which stays intact. An id that nothing is known about is an error.
    """
    from bot.database.maintenance.erasure import Person

    try:
        who = Person.read(person)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PERSON") from None
    keeper = _keeper()
    typer.echo(event_loop.run(keeper.count(who) if dry_run else keeper.erase(who, despite_hold=despite_hold)))


@privacy.command(
    "retention",
    short_help="Apply RETENTION_TEXTS and RETENTION_NAMES now.",
    epilog=examples("record-bot privacy retention"),
)
def retention() -> None:
    """Apply RETENTION_TEXTS and RETENTION_NAMES now; serve does this every day."""
    settings = config.load(config.RetentionSettings)
    typer.echo(event_loop.run(_keeper().retain(texts=settings.retention_texts, names=settings.retention_names)))


def archive(
    before: Annotated[str, typer.Option(help=f"Archive entries older than this ({TIME_FORMATS}).")],
    output: Annotated[Path, typer.Option(help="Archive directory; created if needed.", file_okay=False)],
) -> None:
    """Move old entries out of the database into verified files.

    An entry that stays in the trail names each file and its SHA-256.
    """
    from bot.admin.archive import Archiving

    job = Archiving(_keeper(), moment(before, "--before"), output)
    with bar("Archiving") as progress:
        sentence = event_loop.run(job.run(progress))
    typer.echo(sentence)


def destroy(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="Last entry of the last file to delete; its name says it.", min=1)
    ],
    archive: Annotated[Path, typer.Option(help="Archive directory.", exists=True, file_okay=False)],
    reason: Annotated[str, typer.Option(help="Why; the trail holds a digest of it.")],
) -> None:
    """Delete the archive files of entry 1 to NUMBER, and record that in the trail.

    It refuses while a legal hold is on. From then on, these entries can't be verified anymore: audit verify takes
    their absence only with --destroyed NUMBER. If the files are gone already, this records that.
    """
    from bot.admin.destroy import Destruction

    if not reason.strip():
        raise typer.BadParameter("a reason is required", param_hint="--reason")
    typer.echo(event_loop.run(Destruction(_keeper(), number, archive, reason.strip()).run()))


def hold(
    state: Annotated[str, typer.Argument(metavar="STATE", help="on, off or status.")],
    reason: Annotated[str | None, typer.Option(help="Reason; required with on and off.")] = None,
) -> None:
    """Turn the legal hold on or off, or show it.

    While it is on, nothing is archived or erased.
    """
    one_of(state, ("on", "off", "status"), "STATE")
    if state == "status":
        typer.echo(event_loop.run(_keeper().hold_status()))
        return
    if not (reason or "").strip():
        raise typer.BadParameter("a reason is required", param_hint="--reason")
    typer.echo(event_loop.run(_keeper().hold(on=state == "on", reason=(reason or "").strip())))


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to create; an existing one is never replaced.", dir_okay=False)
    ],
) -> None:
    """Make a verified copy of the database, even while it is in use.

    Its SHA-256 goes into FILE.sha256. For PostgreSQL, this prints the command to use instead.
    """
    keeper = _keeper()
    with bar("Verifying") as progress:
        sentence = event_loop.run(keeper.back_up(file, progress))
    typer.echo(sentence)


def copy(
    target: Annotated[str, typer.Option("--to", metavar="URL", help="Target database URL, as in DATABASE_URL.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Source database URL.", show_default="DATABASE_URL")
    ] = None,
) -> None:
    """Copy everything into another, empty database and verify it.

    Entry numbers and hashes stay the same. Stop the bot first.
    """
    keeper = _keeper(None if source is None else config.database_at(source))
    with bar("Copying") as progress:
        sentence = event_loop.run(keeper.copy(config.database_at(target), progress))
    typer.echo(sentence)


def _keeper(settings: config.DatabaseSettings | None = None) -> Keeper:
    log.configure(level="error")
    settings = settings or config.load(config.DatabaseSettings)
    from bot.admin.data import Keeper

    return Keeper(settings, f"cli:{login_name()}")
