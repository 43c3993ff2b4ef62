"""Uploads files in Slack's three steps, streamed from disk because they can be large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import aiohttp
from slack_sdk.errors import SlackRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.slack.blocks.card import Block

UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=5, sock_read=60)
"""The Web API's few seconds are for small requests; a large file takes longer."""
OK = 200


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that Slack has, invisible until it is shared."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Uploads:
    """Needs only the scope ``files:write``. Each method raises what the Web API client raises."""

    client: AsyncWebClient
    session: aiohttp.ClientSession

    async def put(
        self, content: IO[bytes] | bytes, *, size: int, name: str, title: str, alt_text: str = ""
    ) -> Uploaded:
        """Send a file of ``size`` bytes; ``alt_text`` describes an image."""
        place = await self.client.files_getUploadURLExternal(filename=name, length=size, alt_txt=alt_text or None)
        headers = {"Content-Type": "application/octet-stream"}
        async with self.session.post(
            str(place["upload_url"]), data=content, headers=headers, timeout=UPLOAD_TIMEOUT
        ) as answer:
            if answer.status != OK:
                raise SlackRequestError(f"the upload was answered with HTTP {answer.status}")
        return Uploaded(str(place["file_id"]), title)

    async def to_person(
        self, user_id: str, file: Uploaded | None, *, text: str, comment: str, blocks: Sequence[Block] | None = None
    ) -> None:
        """Post a direct message, and the file, if any, into the same conversation: that needs no further scope."""
        posted = await self.client.chat_postMessage(
            channel=user_id, text=text, blocks=blocks, parse="none", unfurl_links=False
        )
        if file is not None:
            await self.share(file, channel=str(posted["channel"]), comment=comment)

    async def share(self, file: Uploaded, *, channel: str, comment: str) -> None:
        """Post the file, with a comment, in a channel or in the direct message that has this channel id."""
        await self.client.files_completeUploadExternal(
            files=[{"id": file.id, "title": file.title}], channel_id=channel, initial_comment=comment
        )
