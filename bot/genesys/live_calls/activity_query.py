"""Live calls from the conversation activity query: who is talking now, as Genesys analytics observe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.genesys.json_fields import listed, moment, text, word
from bot.genesys.live_calls.call_list import MOST_ENTRIES, Roster
from bot.genesys.transport.request import GenesysRequest

if TYPE_CHECKING:
    from bot.genesys.live_calls.call_list import PageSize
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

ACTIVITY = "AnalyticsApi.post_analytics_conversations_activity_query"
METRIC = "oInteracting"
VOICE = "voice"
QUERY: dict[str, Any] = {
    "metrics": [{"metric": METRIC, "details": True}],
    "groupBy": ["queueId", "userId"],
    "filter": {
        "type": "and",
        "predicates": [
            {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": VOICE},
        ],
    },
}
"""One group an agent and queue keeps the list of each short, so that Genesys leaves none of it out."""


def activity_request(page: int, *, size: int = MOST_ENTRIES, body: dict[str, Any] | None = None) -> GenesysRequest:
    arguments = {"body": body or QUERY, "page_size": size, "page_number": page}
    return GenesysRequest("list live calls", ACTIVITY, arguments, asks=True)


def of_user(user_id: str) -> dict[str, Any]:
    """Return the query for the calls of one agent."""
    whose = {"type": "dimension", "dimension": "userId", "operator": "matches", "value": user_id}
    asked = QUERY["filter"]
    return QUERY | {"filter": asked | {"predicates": [*asked["predicates"], whose]}}


async def by_activity(
    client: GenesysClient, options: RequestOptions, size: PageSize, *, user_id: str | None = None
) -> Roster:
    """Ask who is talking now, or whether one agent is.

    Raise the GenesysError branch; nulls and unknown words in the answer are skipped.
    """
    roster, query = Roster(), QUERY if user_id is None else of_user(user_id)
    async for answer in size.pages(
        lambda page, entries: client.read(activity_request(page, size=entries, body=query), options)
    ):
        roster.requests += 1
        groups = listed(answer.document().get("results"))
        for group in groups:
            _read_group(roster, group)
        if len(groups) < size.entries:
            return roster
    roster.complete = False
    return roster


def _read_group(roster: Roster, group: dict[str, Any]) -> None:
    shared = group.get("group")
    shared = shared if isinstance(shared, dict) else {}
    if group.get("truncated") is True:
        roster.complete = False
    for entity in listed(group.get("entities")):
        _read_entity(roster, shared | {name: value for name, value in entity.items() if value is not None})


def _read_entity(roster: Roster, entity: dict[str, Any]) -> None:
    user_id, conversation_id = text(entity.get("userId")), text(entity.get("conversationId"))
    other_media = word(entity.get("mediaType")) not in {None, VOICE}
    other_metric = word(entity.get("metric")) not in {None, METRIC.casefold()}
    if user_id is None or conversation_id is None or other_media or other_metric:
        return
    roster.note(
        conversation_id,
        user_id=user_id,
        name=text(entity.get("participantName")),
        queue_id=text(entity.get("queueId")),
        direction=word(entity.get("direction")),
        since=moment(entity.get("activityDate")),
    )
