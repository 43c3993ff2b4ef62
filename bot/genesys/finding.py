"""One line of ``record-bot check`` about Genesys."""

from __future__ import annotations

from typing import NamedTuple

GRANT_IT = "Add it to the OAuth client's role: Admin > Integrations > OAuth > Roles."


class Finding(NamedTuple):
    """What was checked, whether it is ok, and a sentence that says what to do if not."""

    what: str
    ok: bool
    sentence: str
    note: bool = False
    """Whether the sentence is worth reading although it will do."""

    setting: bool = False
    """Whether a wrong setting is why, so that ``serve`` would not start."""

    unknown: bool = False
    """Whether nothing that the check may send tells it; then ``ok`` only says that nothing speaks against it."""


def unknown(what: str, sentence: str) -> Finding:
    return Finding(what, ok=True, sentence=sentence, note=True, unknown=True)
