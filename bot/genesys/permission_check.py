"""What ``record-bot check`` can find out about Genesys and its notifications, changing nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import (
    AgentLeft,
    CallEnded,
    GenesysError,
    LoginRefused,
    NotAVoiceCall,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    RequestRejected,
)
from bot.genesys.finding import GRANT_IT, Finding, unknown
from bot.genesys.grants import Grants, read_grants
from bot.genesys.json_fields import listed, text
from bot.genesys.live_calls.activity_query import activity_request
from bot.genesys.live_calls.details_query import details_request
from bot.genesys.live_calls.directory import names_request
from bot.genesys.notifications.channel import PREFIX, QUEUES, SUFFIX
from bot.genesys.organization import organization_recording
from bot.genesys.recording.sessions import find_sessions
from bot.genesys.recording_files.keeping_check import keeping
from bot.genesys.recording_files.metadata import metadata_request
from bot.genesys.transport.deadline import RequestOptions, unattended
from bot.genesys.transport.request import GenesysRequest
from bot.genesys.transport.sdk import PureCloudRegionHosts

if TYPE_CHECKING:
    from bot.genesys.transport.client import GenesysClient

WHAT = "Genesys notifications"
SLOW = (
    "The bot then sees changes outside it by reading each call every half a minute, and refuses /record next, which "
    "waits for an agent's next call."
)
TOPIC = f"{PREFIX}{{id}}{SUFFIX}"
OF_QUEUES = "Genesys notifications of queues"
SLOW_RULES = "Rules for queues then act up to a minute late, by the list of live calls."
QUEUE_TOPIC = f"{QUEUES}{{id}}{SUFFIX}"
TOPICS = GenesysRequest(
    "check: topics",
    "NotificationsApi.get_notifications_availabletopics",
    {"expand": ["requiresPermissions", "permissionDetails", "transports"]},
)
LISTED = GenesysRequest("check: notifications", "NotificationsApi.get_notifications_channels")


async def notification_topics(
    client: GenesysClient, options: RequestOptions, grants: Grants, *, queues: bool = False
) -> list[Finding]:
    """Return whether the client may subscribe to agents' calls, as far as Genesys shows it without a subscription.

    With ``queues``, also whether it may subscribe to those of queues.
    """
    try:
        await client.read(LISTED, options)
        entities = listed((await client.read(TOPICS, options)).document().get("entities"))
    except PermissionMissing as missing:
        rules = f" {SLOW_RULES}" if queues else ""
        return [Finding(WHAT, ok=True, sentence=f"Refused. {missing} {SLOW}{rules} {GRANT_IT}", note=True)]
    except GenesysError as error:
        return [Finding(WHAT, ok=True, sentence=f"Unavailable: {error} {SLOW}", note=True)]
    agents = _topic(entities, WHAT, TOPIC, SLOW, grants)
    return [agents, _topic(entities, OF_QUEUES, QUEUE_TOPIC, SLOW_RULES, grants)] if queues else [agents]


def _topic(entities: list[dict[str, Any]], what: str, topic: str, without: str, grants: Grants) -> Finding:
    """Judge one topic; ``without`` says what the bot does if it isn't permitted."""
    found = next((one for one in entities if text(one.get("id")) == topic), None)
    if found is None:
        return Finding(what, ok=True, sentence=f"Genesys lists no topic {topic}. {without}", note=True)
    needed = _needed(found)
    missing = [permission for permission in needed if grants.has(permission) is False]
    if missing:
        sentence = f"{topic} needs {', '.join(missing)}, which no role of the client has. {without} {GRANT_IT}"
        return Finding(what, ok=True, sentence=sentence, note=True)
    if needed and grants.permissions is None:
        return unknown(what, f"They need {', '.join(needed)}; whether the client has it is not shown. {grants.why_not}")
    return Finding(what, ok=True, sentence="Permitted, in the divisions in which the roles were granted.")


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


PATIENCE = 15.0
"""Seconds for each question."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The nil id: no conversation, participant or session has it, so whatever is asked of it changes nothing."""

RECORD = "conversation:call:record"
ALL_DIVISIONS = "*"
CONVERSATIONS = (
    (
        "read calls",
        GenesysRequest("check: read call", "ConversationsApi.get_conversations_call", {"conversation_id": NOBODY}),
    ),
    (
        "start and stop recordings",
        GenesysRequest(
            "check: record",
            "ConversationsApi.patch_conversation_participant",
            {"conversation_id": NOBODY, "participant_id": NOBODY, "body": {"recording": False}},
        ),
    ),
    (
        "pause and resume recordings",
        GenesysRequest(
            "check: pause",
            "ConversationsApi.put_conversations_call_recordingstate",
            {"conversation_id": NOBODY, "body": {"recordingState": "PAUSED"}},
        ),
    ),
)
SESSION_API = (
    CONVERSATIONS[0],
    ("recording sessions", find_sessions(NOBODY, "check: sessions")),
)
PERMITTED = (NotFound, CallEnded, AgentLeft, NotAVoiceCall, RequestRejected)
"""What comes back when the permission is there and only the call is not."""

UNSIGNED = (
    "The answer has no error code of Genesys's, so it may be a proxy's and says nothing of permissions. "
    "Check PURECLOUD_ENVIRONMENT and GENESYS_API_URL."
)


WITHOUT_LIST = "Without it there is no list of live calls; recordings are started by id."
SECOND_CHOICE = "Without it, new calls appear in the list later."
WITHOUT_NAMES = "Without it, some agents and queues are shown as ids."
WITHOUT_FILES = "Without it, the card can't say whether the recording was saved."
WITHOUT_RECORDING = "Without it, the list only shows record-bot's own recordings as running."
OPTIONAL = (
    ("Genesys: agent names", names_request("user", (NOBODY,)), WITHOUT_NAMES),
    ("Genesys: queue names", names_request("queue", (NOBODY,)), WITHOUT_NAMES),
    ("Genesys saved recordings", metadata_request(NOBODY, "check: recording metadata"), WITHOUT_FILES),
)


async def check(
    client: GenesysClient, *, recording_api: str = "conversations", keeps: bool = False, queues: bool = False
) -> list[Finding]:
    """Check the region, the login, and each permission, as far as Genesys shows them.

    ``keeps``: those of keeping too; ``queues``: notifications of queues too.

    Permissions are asked for by requests about the nil id: Genesys refuses those with 403 where one is missing, and
    with 404 where none is.
    """
    findings = [_region(client)]
    try:
        await client.login()
    except GenesysError as error:
        wrong = isinstance(error, LoginRefused)
        advice = login_advice(error, client.account.label)
        return [*findings, Finding("Genesys login", ok=False, sentence=advice, setting=wrong)]
    findings.append(Finding("Genesys login", ok=True, sentence="The OAuth client is logged in."))
    if recording_api == "sessions":
        return findings + [await _permission(client, what, request) for what, request in SESSION_API]
    asked = [await _permission(client, what, request) for what, request in CONVERSATIONS]
    grants = await read_grants(client, _options(client))
    findings.append(_roles(grants))
    findings += _divisions(client, grants)
    for found, (_, request) in zip(asked, CONVERSATIONS, strict=True):
        findings.append(_of_any(found, grants) if request.method == "PATCH" and found.ok else found)
    findings += await _live_calls(client)
    findings += [await _optional(client, *question) for question in OPTIONAL]
    if keeps:
        findings += await keeping(client, lambda: _options(client), grants, NOBODY)
    findings += await notification_topics(client, _options(client), grants, queues=queues)
    return findings + await organization_recording(client, lambda: _options(client))


def _roles(grants: Grants) -> Finding:
    """Say which roles the client has, and whether what is in them is known."""
    what = "Genesys roles"
    if grants.roles is None:
        return unknown(what, f"Genesys does not show the roles of the OAuth client. {grants.why_not}")
    if grants.roles == 0:
        return Finding(
            what, ok=False, sentence="The OAuth client has no role. Add one: Admin > Integrations > OAuth > Roles."
        )
    said = f"Roles: {grants.roles}; divisions: {grants.divisions}. Genesys shows the bot no calls of other divisions."
    if grants.permissions is None:
        return unknown(what, f"{said} The permissions in them are not known. {grants.why_not}")
    return Finding(what, ok=True, sentence=said, note=True)


def _divisions(client: GenesysClient, grants: Grants) -> list[Finding]:
    """Compare the divisions of PURECLOUD_CLIENTS with those in which the roles were granted."""
    wanted, granted = client.account.divisions, grants.division_ids
    if not wanted:
        return []
    what = "Genesys divisions"
    if granted is None:
        return [unknown(what, "Genesys does not show in which divisions the roles were granted.")]
    missing = sorted(wanted - {one.lower() for one in granted})
    if not missing or ALL_DIVISIONS in granted:
        return [Finding(what, ok=True, sentence="The roles were granted in the divisions of PURECLOUD_CLIENTS.")]
    sentence = (
        f"PURECLOUD_CLIENTS names divisions in which the client has no role: {', '.join(missing)}. Grant its roles "
        "there: Admin > Integrations > OAuth > Roles."
    )
    return [Finding(what, ok=False, sentence=sentence)]


def _of_any(found: Finding, grants: Grants) -> Finding:
    """Judge a request that passes with any of three permissions: it says little of the one that is meant."""
    if grants.has(RECORD) is False:
        sentence = f"No role of the OAuth client has {RECORD}; another permission let the request pass. {GRANT_IT}"
        return found._replace(ok=False, sentence=sentence)
    granted = f"{RECORD} was granted. " if grants.has(RECORD) else f"Whether {RECORD} was granted is not known. "
    return unknown(
        found.what,
        f"{granted}Whether Genesys starts a recording for this OAuth client can't be told without a call: "
        "record-bot check --call ID",
    )


def _region(client: GenesysClient) -> Finding:
    what, account = "Genesys region", client.account
    if account.api_url is not None:
        return Finding(what, ok=True, sentence=f"The API at {account.host} is used in place of a region's own.")
    if account.host in {region.get_api_host() for region in PureCloudRegionHosts}:
        return Finding(what, ok=True, sentence=f"{account.environment} is a region of Genesys Cloud.")
    return Finding(
        what,
        ok=False,
        sentence=f"PURECLOUD_ENVIRONMENT: {account.environment} is not a Genesys Cloud region; use a host such as "
        "mypurecloud.com or euw2.pure.cloud.",
    )


def login_advice(error: GenesysError, label: str = "") -> str:
    """Say why the OAuth client can't log in, and what to do; ``label`` names it if a file does."""
    said = str(error).rstrip(".")
    if isinstance(error, LoginRefused) and label:
        return f"{said}. Check the client {label} in the file of PURECLOUD_CLIENTS, and PURECLOUD_ENVIRONMENT."
    if isinstance(error, LoginRefused):
        return f"{said}. Check PURECLOUD_CLIENT_ID, PURECLOUD_CLIENT_SECRET and PURECLOUD_ENVIRONMENT."
    return f"{said}. Check PURECLOUD_ENVIRONMENT and the network."


def _options(client: GenesysClient) -> RequestOptions:
    return unattended(client.clock.monotonic() + PATIENCE)


async def _permission(client: GenesysClient, what: str, request: GenesysRequest) -> Finding:
    what = f"Genesys permission: {what}"
    options = _options(client)
    try:
        await (client.read if request.method == "GET" else client.write)(request, options)
    except PERMITTED as refusal:
        if refusal.evidence.code is None:
            return unknown(what, UNSIGNED)
    except PermissionMissing as missing:
        advice = f"{missing} {GRANT_IT}"
        return Finding(what, ok=False, sentence=advice)
    except OutcomeUnknown as unanswered:
        return Finding(what, ok=False, sentence=f"Couldn't be checked: {unanswered}")
    except GenesysError as error:
        return Finding(what, ok=False, sentence=str(error))
    return Finding(what, ok=True, sentence="Permitted, as far as Genesys shows it.")


async def _live_calls(client: GenesysClient) -> list[Finding]:
    """Ask by both queries: one of them is enough for a list, the second tells what is being recorded."""
    first = await _optional(client, "Genesys: list of live calls", activity_request(1, size=1), SECOND_CHOICE)
    details = details_request(1, client.clock.now())
    second = await _optional(client, "Genesys: which calls are recorded", details, WITHOUT_RECORDING)
    if first.note and second.note:
        first = first._replace(sentence=first.sentence.replace(SECOND_CHOICE, WITHOUT_LIST))
    return [first, second]


async def _optional(client: GenesysClient, what: str, request: GenesysRequest, without: str) -> Finding:
    """Ask for something that the bot can do without; ``without`` says how."""
    options = _options(client)
    try:
        await client.read(request, options)
    except NotFound as missing:  # permitted, and nobody has the nil id
        if missing.evidence.code is None:
            return unknown(what, UNSIGNED)
    except PermissionMissing as missing:
        return Finding(what, ok=True, sentence=f"Not permitted. {missing} {without} {GRANT_IT}", note=True)
    except GenesysError as error:
        return Finding(what, ok=True, sentence=f"Not available: {error} {without}", note=True)
    return Finding(what, ok=True, sentence="Permitted, as far as Genesys shows it.")
