"""A request of the Genesys API: a method of one of the SDK's API classes, and its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.genesys.transport.sdk import sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.genesys.transport.sdk import JsonApiClient


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``operation`` names it in logs and metrics."""

    operation: str
    call: str
    """The SDK's method, such as ``ConversationsApi.get_conversations_call``. Genesys limits each by itself."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False
    """Whether it only asks although its HTTP method is POST."""

    api: type | None = None
    """Has the method, where it is none of the SDK's classes."""

    @property
    def method(self) -> str:
        """The HTTP method, with which the name of each method of the SDK begins."""
        return self.call.partition(".")[2].partition("_")[0].upper()

    @property
    def changes_nothing(self) -> bool:
        return self.method == "GET" or self.asks

    def send(self, client: JsonApiClient) -> None:
        """Call the SDK, which sends the request with the client's HTTP client."""
        api, _, method = self.call.partition(".")
        getattr((self.api or getattr(sdk, api))(client), method)(**self.arguments)
