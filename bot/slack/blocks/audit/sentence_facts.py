"""What a line of the audit channel says besides its sentence, for the kinds of entries that have more to say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.audit.entry import Phase
from bot.recording.agents.next_call import ARMED
from bot.recording.caller import GUARD
from bot.recording.keeping.keep import KeepVerb
from bot.recording.models import Verb
from bot.recording.time_limits.limits import EXTEND_ACTION, GUARD_SOURCE
from bot.slack.blocks.mrkdwn import escape, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.audit.entry import Entry

ARCHIVE_ACTIONS = frozenset({"audit:archive", "audit:destroy"})
KEEP_ACTIONS = frozenset(verb.action for verb in KeepVerb)
ENDING = frozenset({Verb.PAUSE.action, Verb.START.action, Verb.FOLLOW.action, EXTEND_ACTION})
"""What can begin, or prolong, something that ends by itself."""


def ends_by_itself(entry: Entry, known: Mapping[str, Any]) -> list[str]:
    """Say when a pause or a recording ends by itself, or that the bot ended it because its time was up."""
    if entry.actor == GUARD or known.get("source") == GUARD_SOURCE:
        return ["the pause was over" if entry.action == Verb.RESUME.action else "it had run for as long as it may"]
    if entry.action == Verb.PAUSE.action and entry.phase is Phase.REQUESTED and "seconds" in known:
        return [f"for {known['seconds']} s"]
    if entry.action not in ENDING or entry.phase not in {Phase.SUCCEEDED, Phase.OBSERVED}:
        return []
    if "until" not in known:
        return ["it no longer ends by itself"] if entry.action == EXTEND_ACTION else []
    return [f"ends by itself at {moment(datetime.fromisoformat(str(known['until'])))}"]


def by_rule(entry: Entry, known: Mapping[str, Any]) -> list[str]:
    """Say of what a rule did that it came late: how long after the call had connected, or after the request."""
    late, took = known.get("late_seconds"), entry.outcome.get("took_seconds")
    return [
        f"late: asked for {late} s after the call connected" if late else "",
        f"late: it took {took} s" if took else "",
    ]


def links(outcome: Mapping[str, Any]) -> str:
    """Say how many links a person got, and until when the first of them works; never a link itself."""
    if "links" not in outcome:
        return "asked for links"
    until = outcome.get("until")
    lasts = f" (until {moment(datetime.fromisoformat(str(until)))})" if until else ""
    return f"got {number(outcome['links'], 'link')}{lasts}"


def waits_until(entry: Entry) -> str:
    until = entry.outcome.get("until") if entry.action == ARMED else None
    return f"record-bot waits until {moment(datetime.fromisoformat(str(until)))}" if until else ""


def policy(outcome: Mapping[str, Any]) -> list[str]:
    """Say with which policy file the bot started."""
    if outcome.get("without_policy") is True:
        return ["*without the policy file that it had before* (`--without-policy`): its rules no longer apply"]
    digest = outcome.get("policy_sha256")
    return [f"SHA-256 of the policy file `{escape(str(digest))}`"] if digest else []


def database(outcome: Mapping[str, Any]) -> list[str]:
    """Say at a start that the newest entries before it may be missing."""
    said = (
        "*the database is on another server than at the last start, or was restored, or a standby was promoted*: "
        "entries above this line may be lost. Compare them with the trail: `record-bot audit anchors`"
    )
    return [said] if "database_now" in outcome else []


def kept(entry: Entry) -> list[str]:
    """Say of recordings that were kept how many there are, and whether the reason is with them in Genesys."""
    outcome = entry.outcome
    if entry.action not in KEEP_ACTIONS:
        return []
    by = outcome.get("superseded_by")
    annotation, permission = outcome.get("annotation"), outcome.get("permission")
    missing = outcome.get("annotation_permission")
    not_added = f": permission `{escape(str(missing))}` is missing" if missing else ""
    return [
        number(outcome["recordings"], "recording") if "recordings" in outcome else "",
        "reason added in Genesys" if annotation == "added" else "",
        f"reason not added in Genesys{not_added}" if annotation not in {None, "added"} else "",
        f"missing permission `{escape(str(permission))}`" if permission else "",
        f"replaced by the request #{by}" if by else "",
        "by the setting RECORDING_KEEP" if entry.origin.get("source") == "RECORDING_KEEP" else "",
        number(outcome["cancelled"], "waiting request") + " to keep it canceled" if "cancelled" in outcome else "",
    ]


def archived(entry: Entry) -> list[str]:
    """Say of an archive which entries it has, and the whole SHA-256 of its file: the channel is to witness both."""
    outcome = entry.outcome
    if entry.action not in ARCHIVE_ACTIONS or "last_seq" not in outcome:
        return []
    file = [f"SHA-256 of the file `{escape(str(outcome['sha256']))}`"] if "sha256" in outcome else []
    return [f"entries {outcome.get('first_seq', 1)} to {outcome['last_seq']}", *file]


def number(number: Any, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"
