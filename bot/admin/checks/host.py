"""Checks the machine for ``record-bot check``: HTTP address, clock, database file, and settings."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bot.config.env_file import misread, mistaken
from bot.config.secret_files import FILE_NAMES
from bot.config.settings import ENV_FILE, ServeSettings
from bot.runtime.http_server import ComponentHealth

if TYPE_CHECKING:
    from datetime import datetime

    from bot.config.settings import HttpSettings
    from bot.database.engine import Engines

NOTED_SECONDS, WRONG_SECONDS = 5, 60
"""How far the clock may be from Slack's before it is worth a note, and before it is a fault."""
HEALTH_SECONDS = 3.0


def settings_notes() -> ComponentHealth:
    """Report settings that are set but never read. These are warnings; ``serve`` still starts."""
    file, known = Path(ENV_FILE), {name.upper() for name in ServeSettings.model_fields} | FILE_NAMES
    notes = (*misread(file), *mistaken(file, os.environ, known))
    return ComponentHealth("settings", ok=True, problem=" ".join(notes))


def clock(date: str | None, now: datetime) -> ComponentHealth:
    """Hold ``now``, this machine's time, against the Date of an answer of Slack's."""
    try:
        theirs = parsedate_to_datetime(date or "").replace(tzinfo=UTC)  # HTTP knows no other zone
    except ValueError:
        return ComponentHealth("clock", ok=True, problem="Slack doesn't say what time it is.")
    seconds = round((now - theirs).total_seconds())
    if abs(seconds) <= NOTED_SECONDS:
        return ComponentHealth("clock", ok=True)
    problem = (
        f"This machine's clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} Slack's. The audit trail "
        "uses it, and with HTTP requests are refused beyond 300 s. Turn on time sync: timedatectl set-ntp true"
    )
    return ComponentHealth("clock", ok=abs(seconds) <= WRONG_SECONDS, problem=problem)


async def address(settings: HttpSettings) -> ComponentHealth:
    """Try whether ``serve`` could listen on its address; it is fine if the bot already does."""
    host, port = settings.http_host, settings.http_port
    name = "HTTP address"
    try:
        await asyncio.to_thread(_bind, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if await _serves(host, port):
                return ComponentHealth(name, ok=True, problem="record-bot is already running here.")
            advice = f"Port {port} on {host} is in use. Stop the other program, or set another HTTP_PORT"
        elif error.errno == errno.EACCES:
            advice = f"Port {port} needs root; use an HTTP_PORT of 1024 or higher"
        else:
            advice = (
                f"HTTP_HOST {host!r} is not an address of this machine ({error.strerror}); use 127.0.0.1 or 0.0.0.0"
            )
        return ComponentHealth(name, ok=False, problem=f"{advice}.")
    return ComponentHealth(name, ok=True)


def _bind(host: str, port: int) -> None:
    bound, unknown = False, OSError()
    for family, kind, protocol, _, target in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        try:
            tried = socket.socket(family, kind, protocol)
        except OSError as error:  # such as IPv6, in a system without it: the server leaves it out, too
            unknown = error
            continue
        with tried:  # with the server's own options
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            tried.bind(target)
            bound = True
    if not bound:
        raise unknown


async def _serves(host: str, port: int) -> bool:
    """Check whether a record-bot listens there."""
    where = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HEALTH_SECONDS)) as session,
            session.get(f"http://{where}:{port}/healthz") as answer,
        ):
            return bool(json.loads(await answer.text()) == {"alive": True})
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False


def file_problem(engines: Engines) -> str:
    """Say why SQLite's file could not be written although it may be read; empty where nothing is in the way.

    It happens to those who ran a command as root, and the service as somebody else.
    """
    if engines.on_postgresql:
        return ""
    file = Path(engines.writer.url.database or "").absolute()
    if not file.parent.is_dir():
        how = "absolute paths need four slashes"
        return f"The directory {file.parent} doesn't exist. Create it, or fix DATABASE_URL ({how})."
    belonging = (file, *(file.with_name(file.name + ending) for ending in (".lock", "-wal", "-shm")))
    for one in (file.parent, *(path for path in belonging if path.exists())):
        if not os.access(one, os.W_OK):
            return (
                f"This user can't write to {one}. Run commands as the bot's user, and give it the directory: chown -R "
                f"USER: {file.parent}"
            )
    return ""
