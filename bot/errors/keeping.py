"""Why a call's recordings can't be kept, or released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors.genesys import Evidence, GenesysError
from bot.errors.refusals import Refused

if TYPE_CHECKING:
    from datetime import datetime


class KeepUnavailable(Refused):
    """Recordings can't be kept from here: the settings say so."""

    def __init__(self, message: str = "", *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        """``never`` (``RECORDING_KEEP``), or ``sessions`` or, to play one, ``listen`` (``GENESYS_RECORDING_API``)."""


class AlreadyKept(Refused):
    """Someone has already asked for the same, and that request is still being carried out."""

    def __init__(self, message: str = "", *, by: str = "", since: datetime | None = None) -> None:
        super().__init__(message)
        self.by = by
        self.since = since


class NothingToKeep(Refused):
    """No call was named, and the person has no live recording."""


class ReleaseHeld(Refused):
    """The trail is under legal hold, so nothing is released."""


class NoRecordingFound(GenesysError):
    """Genesys has no recording of the call, and there won't be one."""


class RecordingNotStored(GenesysError):
    """The call's recordings are not stored yet."""


class NothingToPlay(GenesysError):
    """None of the call's recordings can be played; ``states`` are Genesys's words for them."""

    def __init__(self, message: str = "", *, states: tuple[str, ...] = (), evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.states = states


class StillTranscoding(GenesysError):
    """Genesys is still converting the call's recordings."""


class NotKept(GenesysError):
    """The call's recordings are not protected from deletion."""
