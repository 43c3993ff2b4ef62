"""``/record listen``: links to a call's saved recordings, shown to one person, and kept nowhere.

Anyone who has a link can play the recording until it expires. So no link goes into the log, the trail, the database, a
message that Slack keeps, or metadata: it is in one ephemeral answer. The trail says who asked for links, and got them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import (
    AuditUnavailable,
    GenesysError,
    KeepUnavailable,
    MalformedId,
    NoRecordingFound,
    NothingToPlay,
    PermissionMissing,
    RecordBotError,
    RecordingNotStored,
    StillTranscoding,
)
from bot.recording.control.outcomes import facts
from bot.recording.keeping.recording_files import FilesState, MediaLink, NoMedia, Transcoding
from bot.recording.models import RecordingState
from bot.recording.requests import conversation_id
from bot.slack.blocks.keeping.listen import listen_blocks
from bot.slack.listeners.context import OK, TELL_SECONDS, Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from datetime import datetime

    from bot.audit.entry import Entry
    from bot.recording.call_files import CallFiles
    from bot.recording.control.reads import ExportOutcomes
    from bot.recording.keeping.recording_files import SavedRecording
    from bot.recording.ports import Waiting
    from bot.recording.requests import Request

log = structlog.get_logger(__name__)

LISTEN_SECONDS = 120.0
"""How long to wait for Genesys to convert the recordings."""
MOST_FILES = 10
WITHOUT_FILES = "listen"

Media = MediaLink | Transcoding | NoMedia


@dataclass(frozen=True, slots=True)
class ListenLinks:
    """Fetches links when they are asked for; ``files`` is None with an API that has no files of calls."""

    context: ListenerContext
    files: CallFiles | None
    outcomes: ExportOutcomes

    async def answer(self, request: Request, typed: str, reply: Reply) -> Answer:
        """Take the request, and continue after the acknowledgement. Raise NotPermitted, MalformedId."""
        intake, words = self.context.service.intake, self.context.words_for(request)
        try:
            call = conversation_id(typed)
        except MalformedId as problem:
            await intake.refuse_listening(request, typed, problem)
            raise
        if self.files is None:
            unavailable = KeepUnavailable(cause=WITHOUT_FILES)
            await intake.refuse_listening(request, typed, unavailable)
            raise unavailable
        requested = await intake.listen(request, call)
        self.context.work.start(self._answer_later(self.files, requested, call, request, reply))
        return ephemeral(words("listen.asking", call=self.context.style.call(call, short=True), seq=requested.seq))

    async def _answer_later(
        self, files: CallFiles, requested: Entry, call: str, request: Request, reply: Reply
    ) -> None:
        async def refuse(error: RecordBotError) -> None:
            if not isinstance(error, AuditUnavailable):
                error.audit_seq = await self._failed(requested, error)
            text = self.context.explain(error, self.context.words_for(request), read=True)
            await self.context.tell(reply, f":warning: {text}")

        await answered("listen", self._show(files, requested, call, request, reply), refuse)

    async def _failed(self, requested: Entry, error: RecordBotError) -> int | None:
        told: dict[str, Any] = facts(error.evidence) if isinstance(error, GenesysError) else {}
        if isinstance(error, PermissionMissing) and error.permission:
            told["permission"] = error.permission
        try:
            return await self.outcomes.failed(requested, error.kind, told)
        except AuditUnavailable:
            log.warning("listen_outcome_write_failed")
            return None

    async def _show(self, files: CallFiles, requested: Entry, call: str, request: Request, reply: Reply) -> None:
        found = await self._media(files, requested, call, request, reply)
        links = [media for _, media in found if isinstance(media, MediaLink)]
        if not links:
            if any(isinstance(media, Transcoding) for _, media in found):
                raise StillTranscoding
            raise NothingToPlay(states=tuple(media.state for _, media in found if isinstance(media, NoMedia)))
        ends = [link.expires_at for link in links if link.expires_at is not None]
        granted: dict[str, Any] = {"links": len(links), "recordings": [file.id for file, _ in found]}
        if ends:
            granted["until"] = min(ends).isoformat()
        seq = await self.outcomes.succeeded(requested, granted)  # first: nothing is shown that the trail doesn't have
        style = self.context.style_for(request)
        text, blocks = listen_blocks(call, found, style, seq=seq)
        if not await _shown(reply, text, blocks):
            await self.context.tell(reply, style.words("listen.not_shown", seq=seq))

    async def _media(
        self, files: CallFiles, requested: Entry, call: str, request: Request, reply: Reply
    ) -> list[tuple[SavedRecording, Media]]:
        """Return what can be played of each stored file, waiting for Genesys to convert it."""
        deadline = self.context.service.clock.monotonic() + LISTEN_SECONDS
        listed = await files.files(call, ended_at=await self._ended_at(call), deadline=deadline)
        stored = listed.ready[:MOST_FILES]
        if not stored:
            raise RecordingNotStored if listed.state is FilesState.NOT_YET else NoRecordingFound
        words, told = self.context.words_for(request), asyncio.Event()

        async def progress(_waiting: Waiting) -> None:
            if not told.is_set():  # once, however many files and waits there are
                told.set()
                self.context.work.start(self.context.tell(reply, words("listen.preparing", seq=requested.seq)))

        async def one(file: SavedRecording) -> Media:
            return await files.media_link(call, file.id, deadline=deadline, progress=progress)

        return list(zip(stored, await asyncio.gather(*map(one, stored)), strict=True))

    async def _ended_at(self, call: str) -> datetime | None:
        recording = await self.context.service.store.newest_recording(call)
        return recording.ended_at if recording is not None and recording.state is RecordingState.ENDED else None


async def _shown(reply: Reply, text: str, blocks: list[dict[str, Any]]) -> bool:
    """Show the links in an answer that Slack doesn't keep, and nowhere else; False if Slack didn't take it."""
    if reply.respond is None:
        return False
    try:
        async with asyncio.timeout(TELL_SECONDS):
            answer = await reply.respond(
                text=text,
                blocks=blocks,
                response_type="ephemeral",
                replace_original=False,
                unfurl_links=False,
                unfurl_media=False,
            )
    except (*WEB_API_ERRORS, ValueError) as error:
        log.warning("listen_links_send_failed", error=type(error).__name__)
        return False
    return getattr(answer, "status_code", OK) == OK
