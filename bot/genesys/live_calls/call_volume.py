"""How many calls some queues and agents had on the last whole day, from the conversation details query."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import GenesysUnavailable
from bot.genesys.live_calls.details_query import DETAILS, VOICE
from bot.genesys.transport.permissions import needing
from bot.genesys.transport.request import GenesysRequest
from bot.recording.agents.people import CallVolume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

VIEW = "analytics:conversationDetail:view"
DAY = timedelta(days=1)


def volume_request(now: datetime, queue_ids: Iterable[str], user_ids: Iterable[str]) -> GenesysRequest:
    """Ask for one conversation of the last whole day (UTC), and for how many there were.

    Genesys counts a conversation once whose agent talked in one of these queues, or was one of these users. Without
    any it counts all calls.
    """
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    start, end = midnight - DAY, midnight - timedelta(milliseconds=1)
    whose = [
        *(_is("queueId", queue_id) for queue_id in sorted(queue_ids)),
        *(_is("userId", user_id) for user_id in sorted(user_ids)),
    ]
    talked = [_is("mediaType", VOICE), _is("purpose", "agent"), _is("segmentType", "interact")]
    body: dict[str, Any] = {
        "interval": f"{_iso(start)}/{_iso(end)}",
        "paging": {"pageSize": 1, "pageNumber": 1},
        "segmentFilters": [
            {"type": "and", "predicates": talked}
            | ({"clauses": [{"type": "or", "predicates": whose}]} if whose else {})
        ],
    }
    return GenesysRequest("count calls (details)", DETAILS, {"body": body}, asks=True)


async def call_volume(
    client: GenesysClient,
    options: RequestOptions,
    *,
    queue_ids: Iterable[str] = (),
    user_ids: Iterable[str] = (),
) -> CallVolume:
    """Count the calls of these queues and agents. Raise the GenesysError branch; PermissionMissing names its own."""
    with needing(VIEW):
        answer = await client.read(volume_request(client.clock.now(), queue_ids, user_ids), options)
    total = answer.document().get("totalHits")
    if not isinstance(total, int) or total < 0:
        raise GenesysUnavailable("Genesys's answer does not say how many calls there were.", evidence=answer.evidence)
    return CallVolume(total)


def _is(dimension: str, value: str) -> dict[str, Any]:
    return {"type": "dimension", "dimension": dimension, "operator": "matches", "value": value}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
