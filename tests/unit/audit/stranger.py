"""A verifier written from docs/audit-format.md alone, by somebody who does not have the bot."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def first_bad_line(file: Path) -> int | None:
    """Return the number of the first line that is not as it should be; None where the trail is intact."""
    before = "0" * 64
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            entry = json.loads(line)
            digest, previous = entry.pop("hash"), entry.pop("previous_hash")
            canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            expected = hashlib.sha256((previous + canonical).encode()).hexdigest()
            if (entry["seq"], previous, digest) != (number, before, expected):
                return number
            before = digest
    return None
