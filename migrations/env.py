"""Alembic's entry: runs the migrations on the connection that the bot hands over, or on DATABASE_URL by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alembic import context

from bot.config.settings import database_url
from bot.database.engine import open_engines
from bot.database.schema.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_on_configured_database() -> None:
    engines = open_engines(database_url())
    try:
        await engines.writer.transaction(run)
    finally:
        await engines.close()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(run_on_configured_database())
