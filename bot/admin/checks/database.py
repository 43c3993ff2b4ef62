"""Checks the database, and reads from it what other lines of ``record-bot check`` say; it is opened once for all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.admin.checks.host import file_problem
from bot.admin.counted import counted
from bot.database.migrate import examine, unusable, version
from bot.database.outbox.next_calls import SqlNextCalls
from bot.database.queries.policy import SqlRules
from bot.database.queries.server_history import MOVED, SqlServerHistory
from bot.database.store import SqlStore
from bot.database.trail.completeness import Completeness, SqlCompleteness
from bot.errors import DatabaseUnusable
from bot.recording.clock import SystemClock
from bot.runtime.container import opened_database
from bot.runtime.http_server import ComponentHealth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config.settings import DatabaseSettings
    from bot.database.engine import Engines
    from bot.recording.agents.next_call import NextCall

NAME = "database"


@dataclass(frozen=True, slots=True)
class CheckedDatabase:
    """``health`` is the database's own line. The rest is empty unless the schema is the newest one."""

    health: ComponentHealth
    delivered: Completeness = field(default_factory=Completeness)
    """What the audit channel lacks of the trail."""
    rules_noted: bool = False
    """Whether the bot had a policy file with rules when it last started."""
    next_calls: Sequence[NextCall] = ()
    """Calls that people wait for."""


async def check_database(settings: DatabaseSettings) -> CheckedDatabase:
    """Say whether ``serve`` can use the database. One that doesn't exist yet is no problem: ``serve`` makes it."""
    async with opened_database(settings) as engines:
        problem = await asyncio.to_thread(file_problem, engines) or await _problem(engines)
        try:
            return await _read(engines, problem)
        except (DatabaseUnusable, SQLAlchemyError) as error:
            return CheckedDatabase(ComponentHealth(NAME, ok=False, problem=problem or _sentence(error, engines)))


async def _problem(engines: Engines) -> str:
    try:
        await examine(engines)
    except (DatabaseUnusable, SQLAlchemyError) as error:
        return _sentence(error, engines)
    return ""


def _sentence(error: DatabaseUnusable | SQLAlchemyError, engines: Engines) -> str:
    return str(unusable(error, engines) if isinstance(error, SQLAlchemyError) else error)


async def _read(engines: Engines, problem: str) -> CheckedDatabase:
    """Read what is there, also where ``problem`` keeps ``serve`` from using it."""
    found = await version(engines)
    if found.current != found.newest:
        if found.current is not None:
            problem = problem or f"Its schema is {found.current}; run: record-bot db upgrade"
        return CheckedDatabase(ComponentHealth(NAME, ok=not problem, problem=problem))
    moved = await SqlServerHistory(engines).moved() is not None
    return CheckedDatabase(
        ComponentHealth(NAME, ok=not problem, problem=problem or (MOVED if moved else "")),
        delivered=await SqlCompleteness(engines).check(SystemClock().now()),
        rules_noted=await SqlRules(SqlStore(engines)).are_noted(),
        next_calls=await SqlNextCalls(engines).open(),
    )


def waited_for(next_calls: Sequence[NextCall]) -> tuple[ComponentHealth, ...]:
    """Say how many people wait for an agent's next call; without any there is nothing to say."""
    if not next_calls:
        return ()
    until = max(one.expires_at for one in next_calls)
    said = f"Waiting for {counted(len(next_calls), 'call')} (/record next), the last until {until:%Y-%m-%d %H:%M} UTC."
    return (ComponentHealth("next calls", ok=True, problem=said),)
