"""``record-bot db upgrade`` and ``db current``: the version of the database's schema."""
# ruff: noqa: PLC0415  commands import what they need, so that others start at once

from __future__ import annotations

import typer

from bot.cli import event_loop
from bot.cli.failure import fail
from bot.cli.usage import examples
from bot.config import settings as config

db = typer.Typer(
    short_help="Upgrade, back up or copy the database.",
    help="Upgrade, back up or copy the database.",
    no_args_is_help=True,
)


@db.command(
    "upgrade", short_help="Upgrade the database to the latest schema.", epilog=examples("record-bot db upgrade")
)
def upgrade() -> None:
    """Upgrade the database to the latest schema; serve and recording do this by themselves."""
    from bot.database.migrate import upgrade as migrate
    from bot.runtime.container import opened_database

    settings = config.load(config.DatabaseSettings)

    async def run() -> str:
        async with opened_database(settings) as engines:
            return (await migrate(engines)).newest

    typer.echo(f"The database is at {event_loop.run(run())}, the newest schema.")


@db.command("current", short_help="Show the database's schema version.", epilog=examples("record-bot db current"))
def current() -> None:
    """Show the database's schema version; exit status 1 if it isn't the latest."""
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
    fail(
        f"The database is {f'at {has}' if has else 'empty'}; the newest schema is {newest}. Run: record-bot db upgrade",
        1,
    )
