"""What the notifications that the bot wants need, as Genesys says it at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import GenesysError, PermissionMissing
from bot.genesys.finding import GRANT_IT, Finding, unknown
from bot.genesys.json_fields import listed, text
from bot.genesys.notifications.channel import PREFIX, SUFFIX
from bot.genesys.transport.request import Request

if TYPE_CHECKING:
    from bot.genesys.grants import Grants
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import Within

WHAT = "Genesys notifications"
SLOW = "The bot then sees changes outside it by reading each call every half a minute."
TOPIC = f"{PREFIX}{{id}}{SUFFIX}"
TOPICS = Request(
    "check: topics",
    "NotificationsApi.get_notifications_availabletopics",
    {"expand": ["requiresPermissions", "permissionDetails", "transports"]},
)
LISTED = Request("check: notifications", "NotificationsApi.get_notifications_channels")


async def notification_topics(client: GenesysClient, within: Within, grants: Grants) -> Finding:
    """Return whether the client may subscribe to agents' calls, as far as Genesys shows it without a subscription."""
    try:
        await client.read(LISTED, within)
        entities = listed((await client.read(TOPICS, within)).document().get("entities"))
    except PermissionMissing as missing:
        return Finding(WHAT, ok=True, sentence=f"Refused. {missing} {SLOW} {GRANT_IT}", note=True)
    except GenesysError as error:
        return Finding(WHAT, ok=True, sentence=f"Unavailable: {error} {SLOW}", note=True)
    topic = next((one for one in entities if text(one.get("id")) == TOPIC), None)
    if topic is None:
        return Finding(WHAT, ok=True, sentence=f"Genesys lists no topic {TOPIC}. {SLOW}", note=True)
    return _judged(_needed(topic), grants)


def _judged(needed: list[str], grants: Grants) -> Finding:
    missing = [permission for permission in needed if grants.has(permission) is False]
    if missing:
        sentence = f"{TOPIC} needs {', '.join(missing)}, which no role of the client has. {SLOW} {GRANT_IT}"
        return Finding(WHAT, ok=True, sentence=sentence, note=True)
    if needed and grants.permissions is None:
        return unknown(WHAT, f"They need {', '.join(needed)}; whether the client has it is not shown. {grants.why_not}")
    return Finding(WHAT, ok=True, sentence="Permitted, in the divisions in which the roles were granted.")


def _needed(topic: dict[str, Any]) -> list[str]:
    if topic.get("enforced") is False:
        return []
    found = topic.get("requiresPermissions")
    named = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    for detail in listed(topic.get("permissionDetails")):
        more = detail.get("permissions")
        if detail.get("enforced") is not False and isinstance(more, list):
            named += [one for one in more if isinstance(one, str)]
    return [one for one in dict.fromkeys(named) if one.count(":") == 2]  # noqa: PLR2004  domain, entity, action
