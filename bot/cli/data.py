"""``record-bot privacy``, ``db backup``, ``audit archive`` and ``audit hold``: commands to manage the data."""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import event_loop
from bot.cli.audit import bar, moment
from bot.cli.login import login_name
from bot.config import settings as config
from bot.observability import logging as log

if TYPE_CHECKING:
    from bot.admin.data import Keeper

privacy = typer.Typer(help="Erase names and what people typed; the trail stays as it is.", no_args_is_help=True)


def register(*, audit: typer.Typer, db: typer.Typer) -> None:
    """Add the commands of other groups."""
    audit.command("archive")(archive)
    audit.command("hold")(hold)
    db.command("backup")(backup)
    db.command("copy")(copy)


@privacy.command("erase")
def erase(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="A Slack user's id, a Genesys user's id, or cli: and a login.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    despite_hold: Annotated[bool, typer.Option("--despite-hold", help="Even while a legal hold is on.")] = False,
) -> None:
    """Erase a person's name and all that they typed; that this was done is in the trail."""
    from bot.database.maintenance.erasure import Person

    try:
        who = Person.read(person)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PERSON") from None
    keeper = _keeper()
    typer.echo(event_loop.run(keeper.count(who) if dry_run else keeper.erase(who, despite_hold=despite_hold)))


@privacy.command("retention")
def retention() -> None:
    """Erase what is older than RETENTION_TEXTS and RETENTION_NAMES allow; serve does it every day."""
    settings = config.load(config.RetentionSettings)
    typer.echo(event_loop.run(_keeper().retain(texts=settings.retention_texts, names=settings.retention_names)))


def archive(
    before: Annotated[str, typer.Option(help="Entries older than this: 2026-01-31, or 2026-01-31T08:00 (UTC).")],
    output: Annotated[Path, typer.Option(help="The directory of the archive; it is made.", file_okay=False)],
) -> None:
    """Move old entries into verified files, each named by an entry that stays in the chain."""
    from bot.admin.archive import Archiving

    job = Archiving(_keeper(), moment(before, "--before"), output)
    with bar("Archiving") as progress:
        sentence = event_loop.run(job.run(progress))
    typer.echo(sentence)


def hold(
    state: Annotated[str, typer.Argument(metavar="STATE", help="on, off or status.")],
    reason: Annotated[str | None, typer.Option(help="Why; needed with on and off.")] = None,
) -> None:
    """Put a legal hold on, or release it: while it is on, nothing is archived and nothing erased."""
    if state not in {"on", "off", "status"}:
        raise typer.BadParameter("it must be on, off or status", param_hint="STATE")
    if state == "status":
        typer.echo(event_loop.run(_keeper().hold_status()))
        return
    if not (reason or "").strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    typer.echo(event_loop.run(_keeper().hold(on=state == "on", reason=(reason or "").strip())))


def backup(file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", dir_okay=False)]) -> None:
    """Copy the database while it is in use, and verify the copy; its SHA-256 is put beside it."""
    keeper = _keeper()
    with bar("Verifying") as progress:
        sentence = event_loop.run(keeper.back_up(file, progress))
    typer.echo(sentence)


def copy(
    target: Annotated[str, typer.Option("--to", metavar="URL", help="The new database, as in DATABASE_URL.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="The old one.", show_default="DATABASE_URL")
    ] = None,
) -> None:
    """Move to another database: copy everything, numbers and hashes as they are, and verify the copy."""
    keeper = _keeper(None if source is None else config.database_at(source))
    with bar("Copying") as progress:
        sentence = event_loop.run(keeper.copy(config.database_at(target), progress))
    typer.echo(sentence)


def _keeper(settings: config.DatabaseSettings | None = None) -> Keeper:
    log.configure(level="error")
    settings = settings or config.load(config.DatabaseSettings)
    from bot.admin.data import Keeper

    return Keeper(settings, f"cli:{login_name()}")
