"""A request of the Genesys API: a method of one of the SDK's API classes, and its arguments."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from bot.genesys.transport.sdk import sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.genesys.transport.sdk import JsonApiClient

LOGIN = "login"
"""The operation of a login request."""


@dataclass(frozen=True, slots=True)
class GenesysRequest:
    """One request. ``operation`` names it in logs and metrics."""

    operation: str
    call: str
    """The SDK's method, such as ``ConversationsApi.get_conversations_call``. Genesys limits each by itself."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False
    """Whether it only asks although its HTTP method is POST."""

    may_be_pending: bool = False
    """Whether 202 is an answer, with or without a body: what is asked for is not ready yet."""

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


@dataclass(frozen=True, slots=True)
class Login:
    """The request for a token with client credentials; the SDK works out the login host."""

    client_id: str
    client_secret: str = field(repr=False)

    operation: ClassVar[str] = LOGIN
    call: ClassVar[str] = "ApiClient.get_client_credentials_token"
    method: ClassVar[str] = "POST"
    changes_nothing: ClassVar[bool] = True
    asks: ClassVar[bool] = False
    may_be_pending: ClassVar[bool] = False

    def send(self, client: JsonApiClient) -> None:
        # a body without a token is for the caller to notice; the SDK trips over it
        with suppress(ValueError, LookupError, TypeError):
            client.get_client_credentials_token(self.client_id, self.client_secret)
