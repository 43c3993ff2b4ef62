"""Live calls from the conversation details query: slower analytics, which also report what is being recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.genesys.json_fields import listed, moment, text, word
from bot.genesys.live_calls.call_list import MOST_ENTRIES, Roster
from bot.genesys.recording.call_state import AGENT_PURPOSES
from bot.genesys.transport.request import GenesysRequest

if TYPE_CHECKING:
    from datetime import datetime

    from bot.genesys.live_calls.call_list import PageSize
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

DETAILS = "AnalyticsApi.post_analytics_conversations_details_query"
BACK = timedelta(hours=12)
"""How long ago a call may have begun; Genesys counts whole days."""
VOICE = "voice"
NOT_TALKING = frozenset({"alert", "callback", "coaching", "contacting", "dialing", "ivr", "monitoring", "barging",
                         "parked", "scheduled", "system", "transmitting", "voicemail", "wrapup"})  # fmt: skip
"""Segments of a participant who is in a conversation but isn't an agent talking on it."""


def details_request(
    page: int, now: datetime, *, size: int = MOST_ENTRIES, user_id: str | None = None
) -> GenesysRequest:
    start, end = ((now + step).strftime("%Y-%m-%dT%H:%M:%S.000Z") for step in (-BACK, timedelta(minutes=1)))
    wanted = {"mediaType": VOICE} | ({} if user_id is None else {"userId": user_id})
    body: dict[str, Any] = {
        "interval": f"{start}/{end}",
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": size, "pageNumber": page},
        "conversationFilters": [
            {"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "notExists"}]}
        ],
        "segmentFilters": [
            {
                "type": "and",
                "predicates": [
                    {"dimension": name, "operator": "matches", "value": value} for name, value in wanted.items()
                ],
            }
        ],
    }
    return GenesysRequest("list live calls (details)", DETAILS, {"body": body}, asks=True)


async def by_details(
    client: GenesysClient, options: RequestOptions, size: PageSize, *, user_id: str | None = None
) -> Roster:
    """Ask for conversations without an end, of everybody or of one agent.

    Raise the GenesysError branch; nulls and unknown words are skipped.
    """
    roster = Roster(tells_recording=True)
    now = client.clock.now()
    async for answer in size.pages(
        lambda page, entries: client.read(details_request(page, now, size=entries, user_id=user_id), options)
    ):
        roster.requests += 1
        found = listed(answer.document().get("conversations"))
        for conversation in found:
            _read_conversation(roster, conversation)
        if len(found) < size.entries:
            return roster
    roster.complete = False
    return roster


def _read_conversation(roster: Roster, conversation: dict[str, Any]) -> None:
    conversation_id = text(conversation.get("conversationId"))
    if conversation_id is None or text(conversation.get("conversationEnd")) is not None:
        return
    for participant in listed(conversation.get("participants")):
        user_id = text(participant.get("userId"))
        if user_id is None or word(participant.get("purpose")) not in AGENT_PURPOSES:
            continue
        for session in listed(participant.get("sessions")):
            if word(session.get("mediaType")) != VOICE or (segment := _open_segment(session)) is None:
                continue
            recorded = session.get("recording")
            roster.note(
                conversation_id,
                user_id=user_id,
                participant_id=text(participant.get("participantId")),
                name=text(participant.get("participantName")),
                queue_id=text(segment.get("queueId")),
                direction=word(conversation.get("originatingDirection")) or word(session.get("direction")),
                since=moment(conversation.get("conversationStart")),
                recorded=recorded if isinstance(recorded, bool) else None,
            )


def _open_segment(session: dict[str, Any]) -> dict[str, Any] | None:
    """Return the open part of the session; None if the agent has left, or isn't talking (yet)."""
    running = [one for one in listed(session.get("segments")) if text(one.get("segmentEnd")) is None]
    return next((one for one in running if word(one.get("segmentType")) not in NOT_TALKING), None)
