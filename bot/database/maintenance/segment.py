"""Writes entries into the file of a segment, with a manifest beside it; both are on disk when this returns."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from bot.audit.archive import CHECKSUM_SUFFIX, MANIFEST_SUFFIX, Manifest, segment_name
from bot.audit.entry import timestamp
from bot.audit.export import json_line
from bot.audit.files import Archive, new_private_file
from bot.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from bot.database.maintenance.archive import Range
    from bot.database.trail.reader import SqlTrail


async def write_segment(trail: SqlTrail, wanted: Range, directory: Path, *, now: datetime) -> Manifest:
    """Write a segment and its manifest to disk, and read them back. The same entries always give the same file.

    Raise Refused where what was read back is not intact: then neither is the trail.
    """
    await asyncio.to_thread(directory.mkdir, 0o700, parents=True, exist_ok=True)
    name = segment_name(wanted.first, wanted.last)
    partial = directory / f"{name}.partial"
    digest = hashlib.sha256()
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    with new_file(partial) as file:
        async for entry in trail.entries(after=wanted.first - 1, up_to=wanted.last):
            first, last = first or entry, entry
            line = json_line(entry).encode()
            digest.update(line)
            file.write(line)
        size = file.tell()
        to_disk(file)
    manifest = Manifest(
        file=name,
        first_seq=wanted.first,
        last_seq=wanted.last,
        count=wanted.last - wanted.first + 1,
        first_at=first["occurred_at"],
        last_at=last["occurred_at"],
        previous_hash=first["previous_hash"],
        first_hash=first["hash"],
        last_hash=last["hash"],
        bytes=size,
        sha256=digest.hexdigest(),
        created_at=timestamp(now),
    )
    if problem := await asyncio.to_thread(Archive(directory).check_written, partial, manifest):
        raise Refused(f"The archive file is damaged, so nothing was removed. {problem} Run: record-bot audit verify")
    await asyncio.to_thread(_give_names, partial, manifest)
    return manifest


def _give_names(partial: Path, manifest: Manifest) -> None:
    directory, name = partial.parent, manifest.file
    partial.replace(directory / name)
    _put(directory / f"{name}{CHECKSUM_SUFFIX}", f"{manifest.sha256}  {name}\n")
    _put(directory / f"{name.removesuffix('.jsonl')}{MANIFEST_SUFFIX}", manifest.text())
    directory_to_disk(directory)


def _put(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with new_file(partial) as file:
        file.write(text.encode())
        to_disk(file)
    partial.replace(path)


def new_file(path: Path) -> IO[bytes]:
    with suppress(FileNotFoundError):
        path.unlink()  # what a run that was cut off left behind
    return new_private_file(path)


def to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def directory_to_disk(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
