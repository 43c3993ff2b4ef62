"""The Slack messages that show recordings, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.keeping.keep import Keep
    from bot.recording.keeping.recording_files import SavedRecording
    from bot.recording.models import Approval, Recording


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where a recording's card is shown, and the language of the person who asked for it."""

    channel: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A message that shows a recording: where it was requested, or (``routed``) where the policy file also sends it.

    ``ts`` and ``posted_channel`` say where it is, once it has been posted.
    """

    recording: Recording
    channel: str
    asked_by: str
    ts: str | None = None
    posted_channel: str | None = None
    rendered_version: int = 0
    """The recording's version that it shows; less than 1 if it has to be redrawn in any case."""
    posts_begun: int = 0
    """How often posting it was begun; a copy may be in the channel if the result of an earlier post is unknown."""
    agent_name: str | None = None
    queue_name: str | None = None
    language: str | None = None
    """That of the person who asked."""
    approval: Approval | None = None
    """The newest stop that waits, or waited, for a second supervisor."""
    saved: tuple[SavedRecording, ...] = ()
    """The files that Genesys has stored of the call, oldest first; empty until they are found."""
    startable: bool = False
    """Whether it was stopped and nothing newer was recorded of the call, so that it can be started again."""
    keep: Keep | None = None
    """The newest request to keep the call's recordings, or to release them."""
    routed: bool = False
    shared_channel: bool = False
    """Whether another organization reads the channel: as it was when the recording was asked for there, or, of a routed
    card, as it is now."""

    @property
    def key(self) -> tuple[UUID, str]:
        """Return what tells this card from every other one."""
        return self.recording.id, self.channel
