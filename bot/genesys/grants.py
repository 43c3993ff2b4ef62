"""The permissions that Genesys reports as granted to the OAuth client.

``GET /api/v2/tokens/me`` shows its roles; ``GET /api/v2/authorization/subjects/{id}`` what is in them, where
``authorization:grant:view`` is granted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.errors import GenesysError, NotFound, PermissionMissing
from bot.genesys.json_fields import listed, text
from bot.genesys.transport.request import GenesysRequest

if TYPE_CHECKING:
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

TOKEN = GenesysRequest("check: token", "TokensApi.get_tokens_me")
GRANT_VIEW = "authorization:grant:view"
ANY = "*"


@dataclass(frozen=True, slots=True)
class Grants:
    """The roles of the OAuth client, and the permissions in them; None if Genesys doesn't tell."""

    roles: int | None = None
    divisions: int | None = None
    permissions: frozenset[str] | None = None
    division_ids: frozenset[str] | None = None
    """The divisions in which the roles were granted."""
    why_not: str = ""
    """Why the permissions are not known, in a sentence."""

    def has(self, permission: str) -> bool | None:
        """Return whether a permission was granted, including by wildcard; None if unknown."""
        if self.permissions is None:
            return None
        domain, entity, action = permission.split(":")
        wanted = ((domain, entity, action), (domain, entity, ANY), (domain, ANY, ANY), (domain, ANY, action))
        return any(":".join(words) in self.permissions for words in wanted)


async def read_grants(client: GenesysClient, options: RequestOptions) -> Grants:
    """Read the roles and their permissions. Never raises: a missing answer means unknown."""
    try:
        body = (await client.read(TOKEN, options)).document().get("OAuthClient")
    except GenesysError as error:
        return Grants(why_not=f"Genesys does not show the token: {error}")
    oauth_client = body if isinstance(body, dict) else {}
    shown = oauth_client.get("roleDivisions")
    pairs = listed(shown)
    roles = len({text(pair.get("roleId")) for pair in pairs}) if isinstance(shown, list) else None
    ids = frozenset(filter(None, (text(pair.get("divisionId")) for pair in pairs)))
    division_ids = ids if isinstance(shown, list) else None
    shown_grants = Grants(roles, None if division_ids is None else len(ids), division_ids=division_ids)
    subject = text(oauth_client.get("id")) or client.account.client_id
    request = GenesysRequest("check: grants", "AuthorizationApi.get_authorization_subject", {"subject_id": subject})
    try:
        answer = (await client.read(request, options)).document()
    except PermissionMissing:
        return replace(shown_grants, why_not=f"Genesys shows them with {GRANT_VIEW} only.")
    except NotFound:
        return replace(shown_grants, why_not="Genesys does not show them for an OAuth client here.")
    except GenesysError as error:
        return replace(shown_grants, why_not=f"Genesys does not show them: {error}")
    return replace(shown_grants, permissions=frozenset(_permissions(answer)))


def _permissions(subject: dict[str, Any]) -> list[str]:
    found = []
    for grant in listed(subject.get("grants")):
        role = grant.get("role")
        for policy in listed(role.get("policies") if isinstance(role, dict) else None):
            domain, entity = text(policy.get("domain")), text(policy.get("entityName"))
            actions = policy.get("actions")
            if domain and entity and isinstance(actions, list):
                found += [f"{domain}:{entity}:{action}" for action in actions if isinstance(action, str)]
    return found
