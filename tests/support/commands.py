"""The commands of ``record-bot``, which the tests of a process share: Typer makes all of them whenever it is asked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import typer.main

from bot.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Sequence


@cache
def record_bot() -> Any:
    """Return the command that has all others in its ``commands``, by their names."""
    return typer.main.get_command(app)


def command_at(words: Sequence[str]) -> Any:
    """Return a command, or a group of them, by its words; None where there is none."""
    command = record_bot()
    for word in words:
        command = getattr(command, "commands", {}).get(word)
    return command


def commands() -> dict[str, Any]:
    """Return every command by its words, without the groups."""
    found: dict[str, Any] = {}
    for name, command in record_bot().commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {one}": what for one, what in inner.items()} if inner else {name: command}
    return found
