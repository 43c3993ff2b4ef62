"""Trails in files: reads exports, and the segments of an archive with their manifests; creates new files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from bot.audit.archive import CHECKSUM_SUFFIX, MANIFEST_SUFFIX, Manifest, in_order, segment_name
from bot.audit.stored import COLUMNS, is_canonical
from bot.audit.verification import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRESS_EVERY = 1000
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class NotAnExport(ValueError):
    """No line of the file is an audit entry, so it isn't a trail, whole or broken."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not a JSON Lines export (line 1). CSV exports can't be verified; what can: a file from "
            "record-bot audit export --format jsonl, or without a file the database."
        )


def feed_file(path: Path, verifier: Verifier, progress: Callable[[int, int], None], *, part: bool = True) -> str | None:
    """Feed the verifier with a file of JSON lines up to the first flaw; return what is wrong with the file itself.

    ``part``: the file may begin after entry 1, and is then taken for a part of a trail. Raise NotAnExport if no
    line of such a file is an entry; a trail with one damaged line is broken.
    """
    total, done = path.stat().st_size, 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            done += len(line)
            text, entry = _parsed(line)
            if entry is None:
                if part and number == 1 and not line.startswith(b"{") and not any(_parsed(one)[1] for one in lines):
                    raise NotAnExport(path)
                return f"Line {number} isn't an audit entry in JSON."
            if part and number == 1 and entry["seq"] != 1:
                verifier.whole = False
            if verifier.feed(entry) is not None:
                return None
            if not is_canonical(text, entry):
                return (
                    f"Line {number} (entry {entry['seq']}) was edited: it isn't in the form in which entries are "
                    "exported."
                )
            if not number % PROGRESS_EVERY:
                progress(done, total)
    return None


def exported_entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a file of JSON lines. Raise ValueError for a line that is none; hashes are not checked."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            _, entry = _parsed(line)
            if entry is None:
                raise ValueError(f"line {number} of {path} isn't an audit entry")
            yield entry


def _parsed(line: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        text = line.decode().removesuffix("\n")
        entry = json.loads(text)
        return text, entry if entry.keys() == set(COLUMNS) else None
    except (ValueError, AttributeError, RecursionError):
        return "", None


def new_private_file(path: Path) -> IO[bytes]:
    """Create a file that only this user can read. Raise FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def checksum(path: Path) -> str:
    """Return the file's SHA-256, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Archive:
    """A directory with archived segments."""

    directory: Path

    def segments(self) -> tuple[Manifest, ...]:
        """Return the segments in order. Raise ValueError if a manifest is malformed or a segment is missing."""
        found = []
        for path in sorted(self.directory.glob(f"*{MANIFEST_SUFFIX}")):
            try:
                found.append(Manifest.read(path.read_text()))
            except ValueError as error:
                raise ValueError(f"{path} can't be used: {error}.") from None
        return in_order(found)

    def feed(self, segment: Manifest, verifier: Verifier, progress: Callable[[int, int], None]) -> str | None:
        """Feed the verifier with a segment; return what is wrong with its file, compared with its manifest."""
        path = self.directory / segment.file
        if segment.file != segment_name(segment.first_seq, segment.last_seq):
            return f"The manifest of {path} names other entries than the file's name."
        problem = self._feed_from(path, segment, verifier, progress)
        return problem if problem or verifier.flaw is not None else self._checksum_file(path, segment)

    def _feed_from(
        self, path: Path, segment: Manifest, verifier: Verifier, progress: Callable[[int, int], None]
    ) -> str | None:
        if not path.is_file():
            return f"{path} is missing."
        if checksum(path) != segment.sha256:
            return f"{path} was changed: its SHA-256 isn't the one in its manifest."
        before = verifier.entries
        if problem := feed_file(path, verifier, progress, part=False):
            return f"{path}: {problem}"
        if verifier.flaw is None and not _fits(path, segment, verifier, verifier.entries - before):
            return f"{path} doesn't contain what its manifest says."
        return None

    def _checksum_file(self, path: Path, segment: Manifest) -> str | None:
        beside = path.with_name(path.name + CHECKSUM_SUFFIX)
        try:
            said = beside.read_text(errors="replace")
        except FileNotFoundError:
            return f"{beside} is missing."
        return None if said == f"{segment.sha256}  {segment.file}\n" else f"{beside} was changed."

    def check(self, segment: Manifest) -> str | None:
        """Return what is wrong with one segment by itself, None if it is intact."""
        verifier = Verifier(last_seq=segment.first_seq - 1, head=segment.previous_hash)
        problem = self.feed(segment, verifier, lambda _done, _total: None)
        return problem or (str(verifier.flaw) if verifier.flaw is not None else None)

    def check_written(self, path: Path, segment: Manifest) -> str | None:
        """Return what is wrong with a segment that was just written and has no other files yet; None if nothing is."""
        verifier = Verifier(last_seq=segment.first_seq - 1, head=segment.previous_hash)
        problem = self._feed_from(path, segment, verifier, lambda _done, _total: None)
        return problem or (str(verifier.flaw) if verifier.flaw is not None else None)

    def files_of(self, segment: Manifest) -> tuple[Path, ...]:
        """Return the paths of a segment's three files; the manifest comes last, since without it none is found."""
        name = segment_name(segment.first_seq, segment.last_seq)
        beside = (name, name + CHECKSUM_SUFFIX, name.removesuffix(".jsonl") + MANIFEST_SUFFIX)
        return tuple(self.directory / one for one in beside)


def _fits(path: Path, segment: Manifest, verifier: Verifier, count: int) -> bool:
    """Compare a manifest with its file, which was read and is intact by itself."""
    with path.open("rb") as lines:
        _, first = _parsed(lines.readline())
    if first is None or not TIME.fullmatch(segment.created_at):
        return False
    said = (segment.first_seq, segment.first_at, segment.first_hash, segment.previous_hash)
    at_the_end = (segment.last_seq, segment.last_hash, segment.count, segment.last_at, segment.bytes)
    return said == tuple(first[name] for name in ("seq", "occurred_at", "hash", "previous_hash")) and at_the_end == (
        verifier.last_seq,
        verifier.head,
        count,
        verifier.last_at,
        path.stat().st_size,
    )
