"""Topics of notifications: which there are, who may subscribe to them, and what a refusal says.

Both topics carry a ``CallConversation`` (notification schemas of Genesys's .NET and Go SDKs, ``NotificationTopics``).
Source: the OpenAPI description of ``/api/v2/notifications`` (``ignoreErrors``, ``ChannelTopic``, ``AvailableTopic`` and
the error codes of PUT subscriptions). It does not name the permissions of a topic; those here are an example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Problem, SimulatedRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.genesys.state.people import Directory

CHANNELS = "/api/v2/notifications/channels"
MOST_TOPICS = 1000
USER_TOPIC = re.compile(r"v2\.users\.([^.]+)\.conversations\.calls")
QUEUE_TOPIC = re.compile(r"v2\.routing\.queues\.([^.]+)\.conversations\.calls")
SYSTEM_TOPICS = frozenset({"channel.metadata", "v2.system.socket_closing"})
VIEW = "conversation:communication:view"
VIEW_QUEUE = "routing:queue:view"
AVAILABLE = (
    ("v2.users.{id}.conversations.calls", "Calls of a user", [VIEW]),
    ("v2.routing.queues.{id}.conversations.calls", "Calls of a queue", [VIEW, VIEW_QUEUE]),
)
EXPANDABLE = frozenset(
    {
        "description",
        "enforced",
        "schema",
        "visibility",
        "transports",
        "publicApiTemplateUriPaths",
        "requiresPermissions",
        "permissionDetails",
        "topicParameters",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a topic is not permitted."""

    reason: str
    code: str
    permissions: tuple[str, ...] = ()


UNKNOWN = Refusal("Not authorized for this topic.", "notification.unauthorized.topic")
OTHER_DIVISION = Refusal(
    "No divisioned permissions for this topic.", "notification.unauthorized.divisioned.topic", (VIEW,)
)


@dataclass(slots=True)
class Topics:
    """Judges the topics of a subscription."""

    directory: Directory
    faults: FaultSwitches
    most: int = MOST_TOPICS
    """On one channel."""

    def judged(self, request: SimulatedRequest) -> dict[str, Refusal | None]:
        """Return the topics of a request, with why each is refused.

        Raise 400 for what is no topic, and for too many. Without ``ignoreErrors`` raise 403 for the whole request when
        one topic is refused.
        """
        body = request.body
        if not isinstance(body, list) or not all(isinstance(t, dict) and t.get("id") for t in body):
            raise answers.bad_request()
        if len(body) > self.most:
            raise Problem(400, "notification.subscription.too.many.subscriptions", "Too many subscriptions.")
        hidden = self._hidden()
        found = {str(topic["id"]): self._refusal(str(topic["id"]), hidden, request) for topic in body}
        refused = next(filter(None, found.values()), None)
        if refused is not None and request.query.get("ignoreErrors", "false") != "true":
            raise Problem(403, refused.code, refused.reason)
        return found

    def available(self, request: SimulatedRequest) -> Answer:
        """List what can be subscribed to; optional fields only where ``expand`` names them."""
        wanted = [word for word in request.query.get("expand", "").split(",") if word]
        if unknown := next((word for word in wanted if word not in EXPANDABLE), None):
            raise Problem(
                400,
                "invalid.query.param.value",
                "Value [{value}] is not valid for parameter [{parameter}]. Allowable values are: {allowed}",
                value=unknown,
                parameter="expand",
                allowed=", ".join(sorted(EXPANDABLE)),
            )
        return Answer(body={"entities": [_available(*topic, frozenset(wanted)) for topic in AVAILABLE]})

    def _hidden(self) -> frozenset[str]:
        fault = self.faults.take("topics_refused", "subscription")
        return frozenset(islice(self.directory.users, int(fault.value or 0))) if fault else frozenset()

    def _refusal(self, topic: str, hidden: frozenset[str], request: SimulatedRequest) -> Refusal | None:
        if user := USER_TOPIC.fullmatch(topic):
            return self._refused(request, user[1], self.directory.users, (VIEW,), hidden)
        if queue := QUEUE_TOPIC.fullmatch(topic):
            return self._refused(request, queue[1], self.directory.queues, (VIEW, VIEW_QUEUE))
        if topic not in SYSTEM_TOPICS:
            raise Problem(400, "notification.invalid.topic", "The subscription topic is not valid.")
        return None

    def _refused(
        self,
        request: SimulatedRequest,
        whose: str,
        known: Collection[str],
        needed: tuple[str, ...],
        hidden: frozenset[str] = frozenset(),
    ) -> Refusal | None:
        """Judge the topic of a user, or of a queue."""
        if request.client is not None and (lacked := tuple(filter(request.client.lacks, needed))):
            return replace(UNKNOWN, permissions=lacked)
        if whose in hidden or not request.sees({self.directory.division_of(whose)}):
            return OTHER_DIVISION
        return None if whose in known else UNKNOWN


def listing(topics: dict[str, Refusal | None]) -> Answer:
    return Answer(body={"entities": [_topic(topic, refusal) for topic, refusal in topics.items()]})


def _topic(topic: str, refusal: Refusal | None) -> dict[str, Any]:
    body: dict[str, Any] = {"id": topic, "selfUri": f"{CHANNELS}/topics/{topic}"}
    if refusal is None:
        return body | {"state": "Permitted"}
    return body | {
        "state": "Rejected",
        "rejectionReason": refusal.reason,
        "missingPermissions": list(refusal.permissions),
    }


def _available(topic: str, description: str, permissions: list[str], wanted: frozenset[str]) -> dict[str, Any]:
    optional = {
        "description": description,
        "enforced": True,
        "visibility": "Public",
        "transports": ["Websocket", "EventBridge", "ProcessAutomation"],
        "requiresPermissions": permissions,
        "permissionDetails": [
            {
                "type": "requiresDivisionPermissions",
                "permissions": permissions,
                "allowsCurrentUser": True,
                "enforced": True,
            }
        ],
        "topicParameters": ["id"],
    }
    return {"id": topic} | {name: value for name, value in optional.items() if name in wanted}
