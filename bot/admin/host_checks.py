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
    file, known = Path(ENV_FILE), {name.upper() for name in ServeSettings.model_fields}
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
        f"It is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} Slack's. The trail's times are from it, "
        "and by HTTP Slack's requests are refused from 300 s on: let the system set it (timedatectl set-ntp true)."
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
                return ComponentHealth(name, ok=True, problem="A record-bot listens there now.")
            advice = f"Another program has {host}:{port}: end it, or choose another HTTP_PORT"
        elif error.errno == errno.EACCES:
            advice = f"Port {port} is kept for root: choose an HTTP_PORT from 1024 on"
        else:
            advice = (
                f"HTTP_HOST is {host!r}, no address of this machine ({error.strerror}): 127.0.0.1 is one, or 0.0.0.0"
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
        how = "An absolute path begins after three slashes with a fourth"
        return f"There is no directory {file.parent}: make it, or correct DATABASE_URL. {how}."
    belonging = (file, *(file.with_name(file.name + ending) for ending in (".lock", "-wal", "-shm")))
    for one in (file.parent, *(path for path in belonging if path.exists())):
        if not os.access(one, os.W_OK):
            return (
                f"{one} can't be written by the user that runs this. Run every command as the bot's user, and give it "
                "that directory with all that is in it: chown -R."
            )
    return ""
