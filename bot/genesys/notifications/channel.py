"""A notification channel: opened and subscribed by requests, read by its WebSocket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.errors import Evidence, GenesysError, GenesysUnavailable, NotFound, RequestRejected, RequestTooLarge
from bot.genesys.recording.call_state import read_call
from bot.genesys.transport.deadline import RequestOptions, unattended
from bot.genesys.transport.request import GenesysRequest
from bot.recording.call import QUEUE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.models import Conversation

OPEN = GenesysRequest("open notification channel", "NotificationsApi.post_notifications_channels")
MOST_TOPICS = 1000
"""On one channel, by the platform's rules."""

RENEW_AFTER = 23 * 3600.0
"""Seconds; a channel lives 24 hours."""

PARTIES = 2
"""How many participants a call has at least."""

PATIENCE = 10.0
"""Seconds for each request."""

TOO_MANY = "notification.subscription.too.many.subscriptions"
PREFIX, QUEUES, SUFFIX = "v2.users.", "v2.routing.queues.", ".conversations.calls"
"""The topics of a user's calls, and of a queue's: both carry a ``CallConversation``, by the notification schemas of
Genesys's SDKs. A queue stands among the agents by ``queue:`` and its id."""


@dataclass(frozen=True, slots=True)
class Channel:
    """An open channel. Anyone with its address can listen, so it is never shown."""

    id: str
    uri: str = field(repr=False)
    renew_at: float
    """A reading of the clock's ``monotonic``."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The result of a subscription: the agents with notifications, and why others have none."""

    asked: frozenset[str]
    permitted: frozenset[str]
    why_not: str = ""

    @property
    def refused(self) -> frozenset[str]:
        return self.asked - self.permitted


class TooManyTopics(GenesysError):
    """The channel takes fewer topics than it was given."""

    kind = GenesysError.kind


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A notification about one call; ``seen`` is None when everyone has left the call.

    ``user_id`` is whose topic carried it: an agent's, or a queue's.
    """

    user_id: str
    conversation_id: str
    seen: Conversation | None
    reading: CallReading = field(compare=False)


async def open_channel(client: GenesysClient) -> Channel:
    """Open a channel. Raise RequestRejected if the organization has none, or the answer's error."""
    try:
        answer = await client.write(OPEN, _options(client))
    except NotFound as missing:
        raise RequestRejected("Genesys has no notification channels here.", evidence=missing.evidence) from missing
    body = answer.document()
    channel_id, uri = body.get("id"), body.get("connectUri")
    if not isinstance(channel_id, str) or not isinstance(uri, str):
        raise GenesysUnavailable("Genesys's answer has no notification channel.", evidence=answer.evidence)
    return Channel(channel_id, uri, client.clock.monotonic() + RENEW_AFTER)


async def subscribe(client: GenesysClient, channel: Channel, user_ids: frozenset[str]) -> Subscribed:
    """Have the channel carry the calls of these agents, and nothing else.

    Raise NotFound when it is gone, TooManyTopics when it takes fewer.
    """
    request = GenesysRequest(
        "subscribe to calls",
        "NotificationsApi.put_notifications_channel_subscriptions",
        {
            "channel_id": channel.id,
            "body": [{"id": topic_of(user_id)} for user_id in sorted(user_ids)],
            "ignore_errors": True,  # else one topic that is not permitted has all of them refused
        },
    )
    try:
        answer = await client.write(request, _options(client))
    except RequestRejected as rejected:
        if isinstance(rejected, RequestTooLarge) or rejected.evidence.code == TOO_MANY:
            raise TooManyTopics(evidence=rejected.evidence) from rejected
        raise
    entities = answer.document().get("entities")
    states = {
        user_id: entity
        for entity in (entities if isinstance(entities, list) else ())
        if isinstance(entity, dict) and (user_id := source_of(entity.get("id"))) is not None
    }
    permitted = frozenset(user_id for user_id in user_ids if _permitted(states.get(user_id, {})))
    refused = (states.get(user_id, {}) for user_id in sorted(user_ids - permitted))
    return Subscribed(user_ids, permitted, why_not=next(filter(None, map(_why_not, refused)), ""))


def read_news(message: object) -> CallEvent | None:
    """Read a message of the channel; None if it isn't about a call.

    Only a message that names both sides is evidence that everyone has left: one with the agent alone may be partial.
    """
    body = _object(message).get("eventBody")
    user_id, event = source_of(_object(message).get("topicName")), _object(body)
    conversation_id = event.get("id")
    if user_id is None or not isinstance(conversation_id, str):
        return None
    reading = read_call(event, conversation_id, Evidence())
    over = reading.over and len(reading.legs) >= PARTIES
    return CallEvent(user_id, conversation_id, None if over else reading.conversation(), reading)


def chosen(user_ids: frozenset[str], *, first: Iterable[str], most: int = MOST_TOPICS) -> frozenset[str]:
    """Return as many agents as a channel takes, those who are on it already before others."""
    there = frozenset(first)
    return frozenset(sorted(user_ids, key=lambda user_id: (user_id not in there, user_id))[:most])


def topic_of(source: str) -> str:
    """Return the topic of the calls of an agent, or of a queue."""
    if source.startswith(QUEUE_SOURCE):
        return f"{QUEUES}{source.removeprefix(QUEUE_SOURCE)}{SUFFIX}"
    return f"{PREFIX}{source}{SUFFIX}"


def _permitted(entity: dict[str, Any]) -> bool:
    return str(entity.get("state")).casefold() == "permitted"


def _why_not(entity: dict[str, Any]) -> str:
    missing = entity.get("missingPermissions")
    if isinstance(missing, list) and missing:
        return f"grant {', '.join(map(str, missing))}"
    return str(entity.get("rejectionReason") or "")


def source_of(topic: object) -> str | None:
    if not isinstance(topic, str) or not topic.endswith(SUFFIX):
        return None
    if topic.startswith(QUEUES):
        return f"{QUEUE_SOURCE}{topic[len(QUEUES) : -len(SUFFIX)]}"
    return topic[len(PREFIX) : -len(SUFFIX)] if topic.startswith(PREFIX) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _options(client: GenesysClient) -> RequestOptions:
    return unattended(client.clock.monotonic() + PATIENCE)
