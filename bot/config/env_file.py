"""The settings file itself: errors in it, such as a malformed line, and how a new one is written."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OURS = ("AUDIT_", "DATABASE_", "GENESYS_", "HTTP_", "LOG_", "PURECLOUD_", "RECORDING_", "RETENTION_", "SLACK_")
"""How the names of settings begin. The file may hold others for other programs: proxies, PostgreSQL, OpenTelemetry."""
ALIKE = 0.8
HEADER = "# Written by record-bot init. docs/settings.md lists all settings. Never commit this file.\n"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Other text before an equal sign, or without one, may be a secret: it is never quoted."""


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    """Say in one sentence why the file can't be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"The settings file {path} is not UTF-8. Save it as UTF-8 (some editors on Windows choose UTF-16)."
    return f"Can't read the settings file {path}: {error.strerror}. Let the bot's user read it."


def misread(path: Path) -> tuple[str, ...]:
    """Return a sentence for each malformed line; none if there is no file."""
    return tuple(
        f"Line {_number(one)} of {path} is not a setting; write NAME=value."
        for one in _lines(path)
        if one.error or (one.key and not _is_setting(one))
    )


def mistaken(path: Path, environment: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each name that is never read or occurs twice.

    Of the environment's names only those count that are almost a setting's; the rest are other programs'.
    """
    settings = sorted(known)
    in_file = Counter(one.key.upper() for one in _lines(path) if one.key and _is_setting(one))
    twice = [
        f"{name} appears {count} times in {path}; the last one is used." for name, count in in_file.items() if count > 1
    ]
    found = []
    for name in dict.fromkeys((*in_file, *(one.upper() for one in environment))):
        if name in settings or not name.startswith(OURS):
            continue
        meant = get_close_matches(name, settings, n=1, cutoff=ALIKE)
        if meant:
            found.append(f"Unknown setting {name}. Did you mean {meant[0]}?")
        elif name in in_file:
            found.append(f"Unknown setting {name} in {path}.")
    return (*twice, *found)


def _is_setting(line: Binding) -> bool:
    return line.value is not None and NAME.fullmatch(line.key or "") is not None


def _number(line: Binding) -> int:
    """Return the line's own number: the parser counts the empty lines before it as a part of it."""
    text = line.original.string
    return line.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _lines(path: Path) -> tuple[Binding, ...]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return tuple(parse_stream(file))
    except (OSError, UnicodeDecodeError):
        return ()


class AlreadyThere(Exception):
    """The file exists, or can't be made; says what to do."""


def write_new(path: Path, values: Mapping[str, str]) -> None:
    """Write a settings file that only its owner can read: whole, or not at all.

    Raise AlreadyThere if the file exists, also if it appeared a moment ago, or if its directory can't be written.
    """
    text = HEADER + "".join(f"{name}={_written(name, value)}\n" for name, value in values.items())
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)  # unlike a rename, it replaces nothing
        finally:
            Path(partial).unlink()
    except FileExistsError:
        raise AlreadyThere(f"{path} already exists and is never replaced. Use another name: --output FILE.") from None
    except OSError as error:
        raise AlreadyThere(f"Can't write {path}: {error.strerror}. Nothing was written.") from None


def _written(name: str, value: str) -> str:
    """Return the value as the file needs it: plain if that is read back as the same, else in quotation marks."""
    for written in (value, f"'{value}'"):
        if dotenv_values(stream=io.StringIO(f"{name}={written}\n"))[name] == value:
            return written
    raise AlreadyThere(f"{name} has characters that a settings file can't hold. Set it in the environment instead.")
