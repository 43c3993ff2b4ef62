"""Users and queues: names for ids, and ids for names.

Source: the OpenAPI description of ``/api/v2/users``, ``/api/v2/users/{userId}`` (``expand``), ``/api/v2/users/search``
(``UserSearchRequest``, ``UserSearchCriteria``) and ``/api/v2/routing/queues``. Documented nowhere, and assumed here: a
search ignores case, its criteria all have to hold unless an ``operator`` says otherwise, and a page has at most 100
results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.people import DIVISION_ID, derived_id
from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest, page
from bot.sandbox.genesys.web_api.filters import violated

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.state.contact_center import Floor
    from bot.sandbox.genesys.state.people import Directory

PAGE_SIZE = 25
QUEUES_PATH = "/api/v2/routing/queues"
USER_VIEW = "directory:user:view"
MOST_RESULTS = 100
MOST_CRITERIA = 10
SEARCHED = frozenset({"id", "name", "email", "username", "state", "title", "department"})
"""The fields that can be searched here, of those that the description names."""
MATCHES: dict[str, Callable[[str, str], bool]] = {
    "EXACT": lambda found, wanted: found == wanted,
    "STARTS_WITH": lambda found, wanted: found.startswith(wanted),
    "CONTAINS": lambda found, wanted: wanted in found,
    "TERM": lambda found, wanted: wanted in found.split(),
}
EXPANDABLE = frozenset({"routingStatus", "presence"})


@dataclass(frozen=True, slots=True)
class DirectoryApi:
    """The look-ups that turn ids into names, and names into ids."""

    floor: Floor

    @property
    def directory(self) -> Directory:
        return self.floor.directory

    def routes(self) -> list[Route]:
        queue_view = "routing:queue:view"
        return [
            Route("GET", "/api/v2/users/me", "user of the token", self.refuse_client_credentials),
            Route("GET", "/api/v2/users", "users", self.users, permission=USER_VIEW),
            Route("POST", "/api/v2/users/search", "user search", self.search, permission=USER_VIEW),
            Route("GET", "/api/v2/users/{user}", "user", self.user, permission=USER_VIEW),
            Route("GET", QUEUES_PATH, "queues", self.queues, permission=queue_view),
            Route("GET", "/api/v2/routing/queues/{queue}", "queue", self.queue, permission=queue_view),
        ]

    def user(self, request: SimulatedRequest) -> Answer:
        user_id = request.ids["user"]
        name = self.directory.users.get(user_id)
        if name is None:
            raise Problem(404, "general.resource.not.found", "Unable to find a user with that userId")
        shown = self._user(user_id, name)
        expanded = {"routingStatus": self._routing_status(user_id), "presence": self._presence(user_id)}
        wanted = [one for one in request.query.get("expand", "").split(",") if one]
        if unknown := next((one for one in wanted if one not in EXPANDABLE), None):
            raise Problem(400, "general.bad.request", "{field} can't be expanded here.", field=unknown)
        return Answer(body=shown | {one: expanded[one] for one in wanted})

    def search(self, request: SimulatedRequest) -> Answer:
        """Answer a ``UserSearchRequest``, by name."""
        body = request.body
        if not isinstance(body, dict):
            raise answers.bad_request()
        criteria = body.get("query") or []
        if len(criteria) > MOST_CRITERIA:
            raise Problem(400, "too.many.search.criteria", "There are too many search criteria.")
        size, number = body.get("pageSize", PAGE_SIZE), body.get("pageNumber", 1)
        if not isinstance(size, int) or not isinstance(number, int) or size < 1 or number < 1:
            raise violated("pageSize and pageNumber are numbers from 1")
        if size > MOST_RESULTS:
            raise Problem(400, "too.many.requested.results", "Too many results were requested.")
        everybody = [self._user(user_id, name) for user_id, name in self.directory.users.items()]
        found = sorted((user for user in everybody if _holds(criteria, user)), key=lambda user: str(user["name"]))
        answer: dict[str, Any] = {
            "total": len(found),
            "pageCount": -(-len(found) // size),
            "pageSize": size,
            "pageNumber": number,
            "types": ["users"],
            "results": found[(number - 1) * size : number * size],
        }
        return Answer(body=answer)

    def users(self, request: SimulatedRequest) -> Answer:
        """List users: those with the ids, a list with commas, or all."""
        found = {user_id: self._user(user_id, name) for user_id, name in self.directory.users.items()}
        return _page_of(request, "users", _chosen(request, found))

    def _user(self, user_id: str, name: str) -> dict[str, Any]:
        mailbox = self.directory.email(user_id)
        return {
            "id": user_id,
            "name": name,
            "division": {
                "id": DIVISION_ID,
                "name": "Home",
                "selfUri": f"/api/v2/authorization/divisions/{DIVISION_ID}",
            },
            "chat": None,
            "department": "Contact center",
            "email": mailbox,
            "username": mailbox,
            "title": None,
            "state": "inactive" if user_id in self.directory.inactive else "active",
            "version": 7,
            "acdAutoAnswer": False,
            "selfUri": f"/api/v2/users/{user_id}",
        }

    def _routing_status(self, user_id: str) -> dict[str, Any]:
        away = user_id in self.directory.offline | self.directory.off_queue
        talking = any(agent.user_id == user_id for call in self.floor.calls.values() for agent in call.agents)
        status = "OFF_QUEUE" if away else "INTERACTING" if talking else "IDLE"
        return {"userId": user_id, "status": status}

    def _presence(self, user_id: str) -> dict[str, Any]:
        """Write a ``UserPresence``; people on a queue have the presence ``On Queue``."""
        away = user_id in self.directory.off_queue
        system = "Offline" if user_id in self.directory.offline else "Available" if away else "On Queue"
        definition = derived_id("presence", system)
        return {
            "id": user_id,
            "primary": True,
            "presenceDefinition": {
                "id": definition,
                "systemPresence": system,
                "selfUri": f"/api/v2/presencedefinitions/{definition}",
            },
            "selfUri": f"/api/v2/users/{user_id}/presences/PURECLOUD",
        }

    def queue(self, request: SimulatedRequest) -> Answer:
        queue_id = request.ids["queue"]
        if queue_id not in self.directory.queues:
            raise answers.not_found()
        return Answer(body=self._queue(queue_id))

    def queues(self, request: SimulatedRequest) -> Answer:
        """List queues by name: those with the ids, a list with commas, or all."""
        by_name = sorted(self.directory.queues, key=self.directory.queues.__getitem__)
        found = {queue_id: self._queue(queue_id) for queue_id in by_name}
        return _page_of(request, "routing/queues", _chosen(request, found))

    def refuse_client_credentials(self, _request: SimulatedRequest) -> Answer:
        raise answers.not_a_user()

    def _queue(self, queue_id: str) -> dict[str, Any]:
        return {
            "id": queue_id,
            "name": self.directory.queues[queue_id],
            "description": None,
            "memberCount": len(self.directory.users),
            "selfUri": f"/api/v2/routing/queues/{queue_id}",
        }


def _chosen(request: SimulatedRequest, entities: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = [one for one in request.query.get("id", "").split(",") if one]
    return [entities[one] for one in wanted if one in entities] if wanted else list(entities.values())


def _page_of(request: SimulatedRequest, kind: str, found: list[dict[str, Any]]) -> Answer:
    size, number = page(request, PAGE_SIZE)
    return Answer(
        body={
            "entities": found[(number - 1) * size : number * size],
            "pageSize": size,
            "pageNumber": number,
            "total": len(found),
            "pageCount": -(-len(found) // size),
            "selfUri": f"/api/v2/{kind}?pageSize={size}&pageNumber={number}",
        }
    )


def _holds(criteria: list[dict[str, Any]], user: dict[str, Any]) -> bool:
    """Say whether a user fits: all criteria hold, unless one's operator joins it by OR, or negates it."""

    def joined(so_far: bool, criterion: dict[str, Any]) -> bool:  # noqa: FBT001  as reduce calls it
        fits = _fits(criterion, user)
        match criterion.get("operator", "AND"):
            case "AND":
                return so_far and fits
            case "OR":
                return so_far or fits
            case "NOT":
                return so_far and not fits
            case other:
                raise answers.invalid_value(other, "operator", "AND, OR, NOT")

    return reduce(joined, criteria, True)


def _fits(criterion: dict[str, Any], user: dict[str, Any]) -> bool:
    if group := criterion.get("group"):
        return _holds(group, user)
    match = MATCHES.get(str(criterion.get("type")))
    if match is None:
        raise answers.invalid_value(criterion.get("type"), "type", ", ".join(MATCHES))
    fields = criterion.get("fields") or []
    if not fields or not SEARCHED.issuperset(fields):
        raise violated(f"fields may be: {', '.join(sorted(SEARCHED))}")
    values = criterion.get("values") or [criterion.get("value")]
    if not all(isinstance(value, str) and value for value in values):
        raise violated("a criterion needs a value")
    return any(match(str(user[name] or "").lower(), value.lower()) for name in fields for value in values)
