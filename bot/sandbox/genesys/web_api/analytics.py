"""The two analytics queries that list live conversations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.people import DIVISION_ID
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest, iso, page
from bot.sandbox.genesys.web_api.bodies import CALLER_NUMBER, OUR_NUMBER
from bot.sandbox.genesys.web_api.filters import matches, violated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant
    from bot.sandbox.genesys.state.contact_center import Floor

GROUPS = 100
DETAILS_PAGE = 25
DETAILS_PAGE_LIMIT = 100
METRICS = frozenset({"oAlerting", "oInteracting", "oLongestInteracting", "oLongestWaiting", "oWaiting"})


@dataclass(frozen=True, slots=True)
class Analytics:
    """Observations of the floor, without the delay that the real analytics have.

    That ``activityDate`` is when the activity began is likely and not documented.
    """

    floor: Floor
    clock: Callable[[], float]

    def routes(self) -> list[Route]:
        root = "/api/v2/analytics/conversations"
        return [
            Route(
                "POST",
                f"{root}/activity/query",
                "conversation activity",
                self.activity,
                permission="analytics:queueObservation:view",
            ),
            Route(
                "POST",
                f"{root}/details/query",
                "conversation details",
                self.details,
                permission="analytics:conversationDetail:view",
                any_of=("analytics:conversationDetail:view", "analytics:agentConversationDetail:view"),
            ),
        ]

    def activity(self, request: SimulatedRequest) -> Answer:
        """Answer a ``ConversationActivityQuery``: who is interacting now, in groups."""
        query = request.body if isinstance(request.body, dict) else {}
        metrics, group_by = query.get("metrics"), query.get("groupBy")
        if not metrics or not group_by:
            raise violated("metrics and groupBy may not be empty")
        asked = {metric.get("metric") for metric in metrics}
        if not asked <= METRICS:
            raise violated(f"metric may be: {', '.join(sorted(METRICS))}")
        groups: dict[tuple[str | None, ...], list[tuple[str, dict[str, Any]]]] = {}
        for metric, dimensions, observed in self._observations():
            if metric in asked and matches(query.get("filter"), dimensions):
                key = tuple(dimensions.get(name) for name in group_by)
                groups.setdefault(key, []).append((metric, observed))
        results = [_group(dict(zip(group_by, key, strict=True)), metrics, seen) for key, seen in groups.items()]
        size, number = page(request, GROUPS)
        return Answer(
            body={
                "results": results[(number - 1) * size : number * size],
                "entityIdDimension": "conversationId",
            }
        )

    def details(self, request: SimulatedRequest) -> Answer:
        """Answer a ``ConversationQuery``: conversations that started on a day which the interval touches."""
        query = request.body if isinstance(request.body, dict) else {}
        first_day, last_day = _days(query.get("interval"))
        found = [
            call
            for call in (*self.floor.calls.values(), *self.floor.chats.values())
            if first_day <= _day(call.started_at) <= last_day
            and all(matches(f, _conversation(call)) for f in query.get("conversationFilters") or [])
            and all(_any_leg(f, call) for f in query.get("segmentFilters") or [])
        ]
        found.sort(key=lambda call: call.started_at, reverse=query.get("order") == "desc")
        paging = query.get("paging") or {}
        size, number = paging.get("pageSize", DETAILS_PAGE), paging.get("pageNumber", 1)
        if not 1 <= size <= DETAILS_PAGE_LIMIT or number < 1:
            raise violated(f"paging.pageSize may be 1 to {DETAILS_PAGE_LIMIT}, paging.pageNumber from 1")
        shown = found[(number - 1) * size : number * size]
        if not shown:
            return Answer(body={"totalHits": len(found)})
        return Answer(body={"conversations": [_details(call) for call in shown], "totalHits": len(found)})

    def _observations(self) -> Iterator[tuple[str, dict[str, str | None], dict[str, Any]]]:
        for call in (*self.floor.calls.values(), *self.floor.chats.values()):
            for leg in call.participants:
                if not leg.connected or (leg.purpose != "acd" and not leg.recordable):
                    continue
                metric = "oWaiting" if leg.purpose == "acd" else "oInteracting"
                dimensions = _leg(call, leg)
                fields = {name: value for name, value in dimensions.items() if value is not None}
                yield metric, dimensions, {"activityDate": iso(leg.connected_at), "metric": metric, **fields}


def _group(
    group: dict[str, str | None], metrics: list[dict[str, Any]], seen: list[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    data, entities = [], []
    for asked in metrics:
        name = asked["metric"]
        of_this = [entity for metric, entity in seen if metric == name]
        data.append({"metric": name, "count": len(of_this)})
        if asked.get("details"):
            entities += of_this
    shown = {name: value for name, value in group.items() if value is not None}
    return {"group": shown, "data": data, "truncated": False, "entities": entities}


def _leg(call: SimulatedCall, leg: SimulatedParticipant) -> dict[str, str | None]:
    return {
        "mediaType": call.media,
        "conversationId": call.conversation_id,
        "sessionId": leg.communication_id,
        "direction": leg.direction,
        "userId": leg.user_id,
        "queueId": leg.queue_id,
        "participantName": leg.name,
        "ani": CALLER_NUMBER if leg.direction == "inbound" else OUR_NUMBER,
        "dnis": OUR_NUMBER if leg.direction == "inbound" else CALLER_NUMBER,
    }


def _conversation(call: SimulatedCall) -> dict[str, str | None]:
    return {
        "conversationId": call.conversation_id,
        "conversationStart": iso(call.started_at),
        "conversationEnd": iso(call.ended_at),
        "originatingDirection": call.direction,
        "divisionId": DIVISION_ID,
    }


def _any_leg(segment_filter: object, call: SimulatedCall) -> bool:
    return any(matches(segment_filter, _leg(call, leg) | _segment(leg)) for leg in call.participants)


def _segment(leg: SimulatedParticipant) -> dict[str, str | None]:
    return {
        "purpose": leg.purpose,
        "segmentType": _segment_type(leg),
        "segmentEnd": iso(leg.ended_at),
    }


def _segment_type(leg: SimulatedParticipant) -> str:
    return "alert" if leg.connected_at is None else "hold" if leg.held else "interact"


def _details(call: SimulatedCall) -> dict[str, Any]:
    body: dict[str, Any] = {
        "conversationId": call.conversation_id,
        "conversationStart": iso(call.started_at),
        "originatingDirection": call.direction,
        "divisionIds": [DIVISION_ID],
        "participants": [_details_participant(call, leg) for leg in call.participants],
    }
    if call.over:
        body["conversationEnd"] = iso(call.ended_at)
    return body


def _details_participant(call: SimulatedCall, leg: SimulatedParticipant) -> dict[str, Any]:
    segment: dict[str, Any] = {
        "segmentStart": iso(leg.started_at),
        "segmentType": _segment_type(leg),
        "conference": False,
    }
    if leg.queue_id:
        segment["queueId"] = leg.queue_id
    if leg.ended_at is not None:
        segment |= {"segmentEnd": iso(leg.ended_at), "disconnectType": leg.disconnect_type or "other"}
    session: dict[str, Any] = {name: value for name, value in _leg(call, leg).items() if name in _SESSION_FIELDS}
    session |= {"provider": "Edge", "recording": call.recording_on(leg) != "none", "segments": [segment]}
    body = {
        "participantId": leg.id,
        "participantName": leg.name,
        "purpose": leg.purpose,
        "sessions": [session],
    }
    return body | ({"userId": leg.user_id} if leg.user_id else {})


_SESSION_FIELDS = frozenset({"mediaType", "sessionId", "direction", "ani", "dnis"})


def _days(interval: object) -> tuple[str, str]:
    try:
        start, end = str(interval).split("/")
        return _day(_epoch(start)), _day(_epoch(end))
    except ValueError:
        raise Problem(
            400,
            "invalid.date",
            "Dates must be specified as ISO-8601 strings. For example: yyyy-MM-ddTHH:mm:ss.SSSZ",
        ) from None


def _epoch(text: str) -> float:
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).date().isoformat()
