"""Whether the bot may keep recordings, release them, and mark them with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import GenesysError, NotFound, PermissionMissing
from bot.genesys.finding import GRANT_IT, Finding, unknown
from bot.genesys.recording_files.annotations import ADD, VIEW
from bot.genesys.recording_files.protection import APPLY, REVOKE, protection_request
from bot.genesys.transport.permissions import needing

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.genesys.grants import Grants
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

PERMITTED = "Permitted, as far as Genesys shows it."
NO_KEEP = "Without it, nobody can keep a recording from the bot."
NO_RELEASE = "Without it, a kept recording can be released in Genesys only."
NO_REASON = "Without it, a kept recording has no reason in Genesys."
NO_VIEW = "Without it, the bot can't see whether the reason is there."


async def keeping(
    client: GenesysClient, options: Callable[[], RequestOptions], grants: Grants, nobody: str
) -> list[Finding]:
    """Return a finding for each permission. ``nobody`` is an id that no conversation has, so nothing is changed.

    Annotations are judged by the grants alone: other permissions let a request about one pass.
    """
    return [
        await _protection(client, options(), "Genesys: keeping recordings", APPLY, NO_KEEP, nobody),
        await _protection(client, options(), "Genesys: releasing recordings", REVOKE, NO_RELEASE, nobody),
        _by_grants("Genesys: reasons on recordings", ADD, NO_REASON, grants),
        _by_grants("Genesys: reading reasons on recordings", VIEW, NO_VIEW, grants),
    ]


async def _protection(
    client: GenesysClient, options: RequestOptions, what: str, permission: str, without: str, nobody: str
) -> Finding:
    try:
        with needing(permission):
            await client.write(protection_request(nobody, on=permission == APPLY), options)
    except NotFound as missing:
        if missing.evidence.code is None:
            return unknown(what, "The answer has no error code of Genesys's, so it says nothing of permissions.")
    except PermissionMissing as missing:
        return _missing(what, str(missing), without)
    except GenesysError as error:
        return Finding(what, ok=True, sentence=f"Couldn't be checked: {error}", note=True)
    return Finding(what, ok=True, sentence=PERMITTED)


def _by_grants(what: str, permission: str, without: str, grants: Grants) -> Finding:
    granted = grants.has(permission)
    if granted is None:
        return unknown(what, f"Whether {permission} was granted is not known. {grants.why_not}")
    if granted:
        return Finding(what, ok=True, sentence=f"{permission} was granted.")
    return _missing(what, f"No role of the OAuth client has {permission}.", without)


def _missing(what: str, said: str, without: str) -> Finding:
    return Finding(what, ok=True, sentence=f"Not permitted. {said} {without} {GRANT_IT}", note=True)
