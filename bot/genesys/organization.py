"""Whether the organization records calls by itself, and keeps what is recorded: three reads that change nothing.

What the bot starts by itself is a user recording, which only the user can play in whose inbox it lands; what a trunk
records is kept with the interaction. So a compliance team wants to know this before it relies on the bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import GenesysError, NotFound, PermissionMissing
from bot.genesys.finding import GRANT_IT, Finding, unknown
from bot.genesys.json_fields import listed
from bot.genesys.transport.request import GenesysRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

TRUNKS = GenesysRequest(
    "check: trunks",
    "TelephonyProvidersEdgeApi.get_telephony_providers_edges_trunkswithrecording",
    {"trunk_type": "EXTERNAL"},
)
POLICIES = GenesysRequest(
    "check: retention policies",
    "RecordingApi.get_recording_mediaretentionpolicies",
    {"page_size": 100, "page_number": 1, "summary": True},
)
SETTINGS = GenesysRequest("check: recording settings", "RecordingApi.get_recording_settings", {"create_default": False})
"""Without ``createDefault=false`` this read could create settings."""

RETENTION = "recording:retentionPolicy:view"
INBOX = (
    "What the bot starts is then a user recording: Genesys sends it to a user's inbox, and only that user can play it."
)


async def organization_recording(client: GenesysClient, options: Callable[[], RequestOptions]) -> list[Finding]:
    return [
        await _told(
            client, options(), "Genesys trunk recording", TRUNKS, f"{RETENTION} or telephony:plugin:all", _trunks
        ),
        await _told(client, options(), "Genesys retention policies", POLICIES, RETENTION, _policies),
        await _told(
            client, options(), "Genesys recording settings", SETTINGS, "a permission of recording settings", _settings
        ),
    ]


async def _told(
    client: GenesysClient,
    options: RequestOptions,
    what: str,
    request: GenesysRequest,
    permission: str,
    say: Callable[[dict[str, Any]], str | None],
) -> Finding:
    try:
        said = say((await client.read(request, options)).document())
    except PermissionMissing as missing:
        return unknown(what, f"This takes {missing.permission or permission}. {GRANT_IT} {_check_yourself(what)}")
    except NotFound:
        return unknown(what, f"The organization has none, or Genesys does not show it. {_check_yourself(what)}")
    except GenesysError as error:
        return unknown(what, f"{error} {_check_yourself(what)}")
    if said is None:
        return unknown(what, f"Genesys's answer does not say it. {_check_yourself(what)}")
    return Finding(what, ok=True, sentence=said, note=True)


def _check_yourself(what: str) -> str:
    places = {
        "Genesys trunk recording": "Admin, Telephony, Trunks, the trunk's Media section shows it as well.",
        "Genesys retention policies": "Admin, Quality, Policies shows them as well.",
    }
    return places.get(what, "Admin, Quality, Recording Management shows them as well.")


def _trunks(body: dict[str, Any]) -> str | None:
    on, off = body.get("enabledCount"), body.get("disabledCount")
    if not isinstance(on, int) or not isinstance(off, int):
        return None
    if on == 0:
        return f"None of the {off} external trunks records calls. {INBOX}"
    rest = "" if off == 0 else f" Calls on the other {off} are not recorded unless somebody starts it. {INBOX}"
    return f"{on} of {on + off} external trunks record calls, which Genesys keeps with the interaction.{rest}"


def _policies(body: dict[str, Any]) -> str | None:
    if not isinstance(body.get("entities"), list):
        return None
    enabled = sum(policy.get("enabled") is True for policy in listed(body["entities"]))
    if enabled == 0:
        return "No media retention policy is enabled: what a trunk records is kept until somebody deletes it."
    return f"Media retention policies that are enabled: {enabled}. They decide how long recordings are kept."


def _settings(body: dict[str, Any]) -> str | None:
    minutes = body.get("recordingPlaybackUrlTtl")
    stops = body.get("stopRecordingWhenOnlyExternalParticipants")
    said = []
    if isinstance(minutes, int):
        said.append(f"A link to a recording works for {minutes} minutes.")
    if stops is True:
        said.append("Recording stops when only external participants remain on the call.")
    return " ".join(said) or None
