"""What the OAuth client may do: its roles, the permissions in them, and the two requests that tell.

Source: the OpenAPI description of ``/api/v2/tokens/me`` (``OrgOAuthClient.roleDivisions``) and
``/api/v2/authorization/subjects/{subjectId}`` (``AuthzSubject``). The description says of the latter that a subject is
a user or a group; that it takes the id of an OAuth client is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.people import DIVISION_ID, ORGANISATION, derived_id
from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Route, SimulatedRequest

if TYPE_CHECKING:
    from bot.sandbox.genesys.web_api.answers import Problem

ROLE_ID = derived_id("role", "record-bot")
ROLE = "record-bot"
GRANT_VIEW = "authorization:grant:view"
PERMISSIONS = (
    "analytics:conversationDetail:view",
    "analytics:queueObservation:view",
    GRANT_VIEW,
    "conversation:call:record",
    "conversation:communication:view",
    "conversation:recording:pauseOthers",
    "directory:user:view",
    "recording:annotation:add",
    "recording:annotation:view",
    "recording:deletionProtection:apply",
    "recording:deletionProtection:revoke",
    "recording:recording:view",
    "recording:retentionPolicy:view",
    "recording:session:start",
    "recording:session:stop",
    "recording:session:view",
    "routing:queue:view",
)
"""Of the role that the OAuth client has in the sandbox."""


@dataclass(slots=True)
class Access:
    """The permissions of the one OAuth client."""

    client_id: str
    granted: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    """May be changed at any time."""

    tells: bool = True
    """Whether the organization knows the OAuth client as a subject of grants."""

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v2/tokens/me", "token", self.token),
            Route("GET", "/api/v2/authorization/subjects/{subject}", "grants", self.subject, permission=GRANT_VIEW),
        ]

    def lacks(self, permission: str) -> bool:
        return permission not in self.granted

    def refusal(self, route: Route) -> Problem | None:
        """Return the platform's 403 where the client has none of the permissions of which one is wanted."""
        wanted = route.any_of or ((route.permission,) if route.permission else ())
        if not wanted or not all(map(self.lacks, wanted)):
            return None
        return answers.missing_permission(*wanted)

    def token(self, _request: SimulatedRequest) -> Answer:
        organization = {"id": str(ORGANISATION), "name": "Sandbox"}
        client = {
            "id": self.client_id,
            "name": "record-bot",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "scope": [],
            "roleDivisions": [{"roleId": ROLE_ID, "divisionId": DIVISION_ID}] if self.granted else [],
            "state": "active",
            "organization": organization,
        }
        return Answer(
            body={
                "organization": organization,
                "homeOrganization": organization,
                "authorizedScope": [],
                "OAuthClient": client,
            }
        )

    def subject(self, request: SimulatedRequest) -> Answer:
        """List the grants of the OAuth client; nobody else is known here."""
        subject_id = request.ids["subject"]
        if subject_id != self.client_id or not self.tells:
            raise answers.not_found()
        grant = {
            "subjectId": subject_id,
            "division": {"id": DIVISION_ID, "name": "Home", "description": "", "homeDivision": True},
            "role": {"id": ROLE_ID, "name": ROLE, "default": False, "policies": self._policies()},
            "grantMadeAt": "2026-01-05T08:00:00.000Z",
        }
        body = {"id": subject_id, "name": "record-bot", "grants": [grant] if self.granted else [], "version": 1}
        return Answer(body=body | {"selfUri": f"/api/v2/authorization/subjects/{subject_id}"})

    def _policies(self) -> list[dict[str, Any]]:
        words = sorted(permission.split(":") for permission in self.granted)
        return [{"domain": domain, "entityName": entity, "actions": [action]} for domain, entity, action in words]
