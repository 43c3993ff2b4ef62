"""Finds errors in the settings file itself: it can't be read, or a line is malformed."""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dotenv.parser import Binding, parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OURS = ("AUDIT_", "DATABASE_", "GENESYS_", "HTTP_", "LOG_", "PURECLOUD_", "RECORDING_", "RETENTION_", "SLACK_")
"""How the names of settings begin. The file may hold others for other programs: proxies, PostgreSQL, OpenTelemetry."""
ALIKE = 0.8
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Other text before an equal sign, or without one, may be a secret: it is never quoted."""


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    """Say in one sentence why the file can't be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"The settings file {path} is not UTF-8: save it as UTF-8 (some editors on Windows choose UTF-16)."
    return (
        f"The settings file {path} can't be read: {error.strerror}. Give the user that runs this the right to read it."
    )


def misread(path: Path) -> tuple[str, ...]:
    """Return a sentence for each malformed line; none if there is no file."""
    return tuple(
        f"Line {_number(one)} of {path} is no setting: write NAME=value, and both quotation marks or none."
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
        f"{name} stands in {path} {count} times; the last one counts." for name, count in in_file.items() if count > 1
    ]
    found = []
    for name in dict.fromkeys((*in_file, *(one.upper() for one in environment))):
        if name in settings or not name.startswith(OURS):
            continue
        meant = get_close_matches(name, settings, n=1, cutoff=ALIKE)
        if meant:
            found.append(f"{name} is no setting; is {meant[0]} meant?")
        elif name in in_file:
            found.append(f"{name} in {path} is no setting.")
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
