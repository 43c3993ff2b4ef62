"""``files.*``: an upload in its three steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.slack.web_api.chat import ChatMethods

WRITE = ("files:write",)
PNG = b"\x89PNG\r\n\x1a\n"
ALT_CHARACTERS = 1000


@dataclass
class SimulatedFile:
    """A file: announced with its length (bytes), then uploaded, then shared."""

    id: str
    name: str
    length: int
    alt_text: str = ""
    content: bytes | None = None
    title: str = ""
    shared: bool = False

    def as_sent(self) -> dict[str, Any]:
        body = {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.length,
            "mimetype": self.mimetype,
        }
        return body | ({"alt_txt": self.alt_text} if self.alt_text else {})

    @property
    def mimetype(self) -> str:
        """What the content is; anything but a picture is shown as text."""
        return "image/png" if (self.content or b"").startswith(PNG) else "text/plain"


@dataclass(frozen=True)
class FileMethods:
    """Uploads. ``url`` gives the simulator's own address."""

    chat: ChatMethods
    url: Callable[[], str]
    files: dict[str, SimulatedFile] = field(default_factory=dict)

    def table(self) -> dict[str, Method]:
        return {
            "files.getUploadURLExternal": Method(self.announce, WRITE, tier=4),
            "files.completeUploadExternal": Method(self.complete, WRITE, tier=4),
        }

    def announce(self, arguments: Arguments) -> dict[str, Any]:
        name = arguments.wanted("filename")
        if not arguments.text("length").isdigit() or int(arguments.text("length")) == 0:
            raise SlackError("invalid_arguments")
        if len(arguments.text("alt_txt")) > ALT_CHARACTERS:
            raise SlackError("invalid_arguments")
        file = SimulatedFile(
            self.chat.workspace.next_id("F"), name, int(arguments.text("length")), arguments.text("alt_txt")
        )
        self.files[file.id] = file
        return {"upload_url": f"{self.url()}/upload/{file.id}", "file_id": file.id}

    def upload(self, file_id: str, content: bytes) -> None:
        file = self.files.get(file_id)
        if file is None or len(content) != file.length:
            raise SlackError("upload_failed")
        file.content = content

    def complete(self, arguments: Arguments) -> dict[str, Any]:
        wanted = arguments.parsed("files", "invalid_arguments") or []
        done = [self._uploaded(each) for each in wanted]
        if not done:
            raise SlackError("invalid_arguments")
        address = arguments.text("channel_id") or arguments.text("channels").split(",")[0]
        if address:
            channel = self.chat.workspace.place_to_post(address, anywhere_public=False)
            for file in done:
                file.shared = True
            text = arguments.text("initial_comment")
            self.chat.put(channel, {"text": text, "files": [file.as_sent() for file in done]})
        return {"files": [file.as_sent() for file in done]}

    def _uploaded(self, each: dict[str, Any]) -> SimulatedFile:
        file = self.files.get(str(each.get("id")))
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        file.title = each.get("title") or ""
        return file
