"""Help texts and wrong usage: what the commands' options share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Collection

TIME_FORMATS = "2026-01-31 or 2026-01-31T08:00, UTC"
ACTOR = re.compile(r"(slack:[A-Z0-9]+:[A-Z0-9]+|cli:\S+|bot(:guard|:rule:.+)?)")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def examples(*commands: str) -> str:
    """Return the end of a help text, with a command on each line."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def one_of(value: str, known: Collection[str], name: str) -> str:
    """Return the value. Raise a usage error that names the known ones; ``name`` is the option."""
    if value not in known:
        *others, last = known
        raise typer.BadParameter(f"must be {', '.join(others)} or {last}", param_hint=name)
    return value


def moment(typed: str, name: str) -> datetime:
    """Read a time as people type it, UTC unless it says otherwise; ``name`` is the option."""
    try:
        found = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter("use 2026-01-31 or 2026-01-31T08:00", param_hint=name) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def conversation(typed: str, name: str) -> str:
    """Return the conversation id in lower case."""
    if not UUID.fullmatch(typed.strip().lower()):
        raise typer.BadParameter("must be a conversation id, such as 72341510-…", param_hint=name)
    return typed.strip().lower()


def actor(typed: str, name: str) -> str:
    """Return the actor as entries name it."""
    if not ACTOR.fullmatch(typed):
        raise typer.BadParameter("must be slack:TEAM:USER, cli:LOGIN, bot, or bot:rule:LABEL", param_hint=name)
    return typed
