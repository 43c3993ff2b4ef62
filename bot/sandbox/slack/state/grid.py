"""Enterprise Grid: what Slack says of people and workspaces once several workspaces belong to one organization.

Sources: the user object's ``enterprise_user`` (https://docs.slack.dev/reference/objects/user-object/), whose ``teams``
are the workspaces of that person; in an interaction, ``user.team_id`` is the person's home workspace, while a slash
command names the workspace where it was typed (slackapi/bolt-js#1875 and #1555, slackapi/bolt-python#1229).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bot.sandbox.slack.state.people import Person

NAME = "Sandbox Organization"


@dataclass(frozen=True)
class Enterprise:
    """The organization that the workspace belongs to.

    ``told`` is the ``team_id`` that ``users.info`` gives: the person's home workspace, the asking app's own, or none.
    ``org_wide``: the app is installed for the whole organization, and its token belongs to no single workspace.
    """

    id: str = "E0SANDBOX"
    told: Literal["home", "here", "none"] = "home"
    org_wide: bool = False

    def described(self) -> dict[str, str]:
        """Return the ``enterprise`` of an interaction."""
        return {"id": self.id, "name": NAME}

    def in_command(self) -> dict[str, str]:
        """Return the fields that a slash command has in addition."""
        return {"enterprise_id": self.id, "enterprise_name": NAME}

    def in_auth_test(self) -> dict[str, Any]:
        """Return what ``auth.test`` says besides, or otherwise: an org-wide token is the organization's own."""
        found: dict[str, Any] = {"enterprise_id": self.id, "is_enterprise_install": self.org_wide}
        return found | {"team_id": self.id, "team": NAME} if self.org_wide else found

    def in_user(self, person: Person, here: str) -> dict[str, Any]:
        """Return what the user object says in addition of a person who belongs to some organization."""
        home: dict[str, Any] = {"home": {}, "here": {"team_id": here}, "none": {"team_id": None}}
        known = {} if person.enterprise_id not in {None, self.id} else home[self.told]
        return known | {
            "enterprise_user": {
                "id": person.id,
                "enterprise_id": person.enterprise_id or self.id,
                "enterprise_name": NAME if person.enterprise_id in {None, self.id} else "Another Organization",
                "is_admin": False,
                "is_owner": False,
                "is_primary_owner": False,
                "teams": list(person.teams or (person.team_id,)),
            }
        }
