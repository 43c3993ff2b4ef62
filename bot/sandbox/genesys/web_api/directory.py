"""Names for ids: users and queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.people import DIVISION_ID
from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest, page

if TYPE_CHECKING:
    from bot.sandbox.genesys.state.people import Directory

PAGE_SIZE = 25
QUEUES_PATH = "/api/v2/routing/queues"
USER_VIEW = "directory:user:view"


@dataclass(frozen=True, slots=True)
class DirectoryApi:
    """The look-ups that turn ids into names."""

    directory: Directory

    def routes(self) -> list[Route]:
        queue_view = "routing:queue:view"
        return [
            Route("GET", "/api/v2/users/me", "user of the token", self.refuse_client_credentials),
            Route("GET", "/api/v2/users", "users", self.users, permission=USER_VIEW),
            Route("GET", "/api/v2/users/{user}", "user", self.user, permission=USER_VIEW),
            Route("GET", QUEUES_PATH, "queues", self.queues, permission=queue_view),
            Route("GET", "/api/v2/routing/queues/{queue}", "queue", self.queue, permission=queue_view),
        ]

    def user(self, request: SimulatedRequest) -> Answer:
        user_id = request.ids["user"]
        name = self.directory.users.get(user_id)
        if name is None:
            raise Problem(404, "general.resource.not.found", "Unable to find a user with that userId")
        return Answer(body=self._user(user_id, name))

    def users(self, request: SimulatedRequest) -> Answer:
        """List users: those with the ids, a list with commas, or all."""
        found = {user_id: self._user(user_id, name) for user_id, name in self.directory.users.items()}
        return _page_of(request, "users", _chosen(request, found))

    def _user(self, user_id: str, name: str) -> dict[str, Any]:
        mailbox = name.lower().replace(" ", ".") + "@example.com"
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
            "state": "active",
            "version": 7,
            "acdAutoAnswer": False,
            "selfUri": f"/api/v2/users/{user_id}",
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
