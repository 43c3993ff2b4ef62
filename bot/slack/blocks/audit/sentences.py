"""What an entry of the trail says, as a sentence in English: evidence says the same to every reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.audit.entry import Phase
from bot.i18n.error_messages import what_happened
from bot.recording.caller import rule_label
from bot.recording.control.reads import LISTEN_ACTION
from bot.recording.handover import AGENT_LEFT, TRANSFER
from bot.recording.time_limits.limits import EXTEND_ACTION
from bot.recording.time_limits.snooze import STILL_NEEDED_ACTION
from bot.slack.blocks.audit.next_calls import ACTIONS as NEXT_ACTIONS
from bot.slack.blocks.audit.next_calls import next_call_sentence
from bot.slack.blocks.audit.sentence_facts import (
    archived,
    by_rule,
    database,
    ends_by_itself,
    kept,
    links,
    number,
    policy,
    waits_until,
)
from bot.slack.blocks.mrkdwn import escape, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.audit.entry import Entry
    from bot.slack.blocks.audit.names import LineNames
    from bot.slack.blocks.card import CardStyle

ICONS = {
    Phase.REQUESTED: ":arrow_right:",
    Phase.SUCCEEDED: ":white_check_mark:",
    Phase.FAILED: ":x:",
    Phase.DENIED: ":no_entry:",
    Phase.UNKNOWN: ":grey_question:",
    Phase.OBSERVED: ":eyes:",
}
NOT_IN_EFFECT, EXPIRED, READ = ":warning:", ":hourglass:", ":mag:"
MECHANISMS = {"adhoc": "ad hoc recording", "policy": "policy recording", "session": "gateway session"}
READ_ACTIONS = frozenset({"recording:read", LISTEN_ACTION, "audit:export", "audit:read", "audit:report"})
READ_WITHOUT_CALL = {"agent": "looked up the calls of an agent", "home": "opened App Home"}


@dataclass(frozen=True, slots=True)
class Wording:
    """How a request for a recording is told; ``{whom}`` is the agent and the queue."""

    ask: str
    done: str
    found: str
    not_found: str
    outside: str
    already: str


VERBS = {
    "recording:start": Wording(
        "start recording {whom}",
        "started recording {whom}",
        "recording of {whom} is running",
        "recording of {whom} did NOT start",
        "Recording of {whom} started in Genesys, not by record-bot",
        "was already being recorded",
    ),
    "recording:follow": Wording(
        "record {whom} after a transfer",
        "started recording {whom} after a transfer",
        "recording of {whom} is running after a transfer",
        "recording of {whom} did NOT start after a transfer",
        "Recording of {whom} started in Genesys, not by record-bot",
        "was already being recorded",
    ),
    "recording:stop": Wording(
        "stop recording {whom}",
        "stopped recording {whom}",
        "recording of {whom} has stopped",
        "recording of {whom} did NOT stop",
        "Recording of {whom} stopped in Genesys, not by record-bot",
        "had already stopped",
    ),
    "recording:pause": Wording(
        "pause recording {whom}",
        "paused recording {whom}",
        "recording of {whom} is paused",
        "recording of {whom} was NOT paused",
        "Recording of {whom} paused in Genesys, not by record-bot",
        "was already paused",
    ),
    "recording:resume": Wording(
        "resume recording {whom}",
        "resumed recording {whom}",
        "recording of {whom} is running again",
        "recording of {whom} was NOT resumed",
        "Recording of {whom} resumed in Genesys, not by record-bot",
        "was already running",
    ),
    "recording:keep": Wording(
        "keep the recordings of {whom}",
        "kept the recordings of {whom}",
        "the recordings of {whom} are protected from deletion",
        "the recordings of {whom} were NOT kept",
        "The recordings of {whom} were protected in Genesys, not by record-bot",
        "were already protected from deletion",
    ),
    "recording:release": Wording(
        "release the recordings of {whom}",
        "released the recordings of {whom}",
        "the recordings of {whom} are not protected from deletion anymore",
        "the recordings of {whom} were NOT released",
        "The recordings of {whom} were released in Genesys, not by record-bot",
        "were already released",
    ),
    "recording:stop_approval": Wording(
        "stop recording {whom}, which takes a second supervisor",
        "confirmed the stop of recording {whom}",
        "the stop of recording {whom} was confirmed",
        "the request to stop recording {whom} was closed",
        "The request to stop recording {whom} was closed in Genesys",
        "was already confirmed",
    ),
    "recording:pause_approval": Wording(
        "pause recording {whom} for longer, which takes a second supervisor",
        "confirmed the longer pause of recording {whom}",
        "the longer pause of recording {whom} was confirmed",
        "the request for a longer pause of recording {whom} was closed",
        "The request for a longer pause of recording {whom} was closed in Genesys",
        "was already confirmed",
    ),
}
WHY = {
    "already_snoozed": "someone has already said so",
    "already_waiting": "it already waits for a second supervisor",
    "bot": "a bot can't control recordings",
    "deleted": "the account has been deactivated",
    "foreign_team": "not a member of this workspace",
    "guest": "a guest can't control recordings",
    "interrupted": "record-bot stopped before it was finished",
    "not_compliance_release": "only compliance can release recordings",
    "not_compliance": "only compliance can see totals and export the trail",
    "no_call_events": "Genesys doesn't tell record-bot when this agent's calls connect",
    "already_waiting_for_call": "they already wait for it",
    "not_waiting": "nobody waits for it any more",
    "not_own_next": "only the person who waits for the call can end that",
    "not_listener": "only people in SLACK_LISTENERS may listen to recordings",
    "not_own_request": "only the person who requested it can withdraw it",
    "not_permitted": "no right to control recordings",
    "not_sent": "Slack did not accept the file",
    "out_of_scope": "the call is outside the queues and agents that this person may control",
    "own_request": "a second supervisor has to confirm it",
    "recording_over": "the recording, or its pause, ended before that",
    "scope_unknown": "record-bot can't tell which queue or agent the call belongs to",
    "stranger": "not a member of this workspace",
    "superseded": "it was replaced by a request to stop",
    "too_many_requests": "too many requests within a minute",
    "unconfirmed": "Slack could not confirm who this is",
    "withdrawn": "the person who requested it withdrew it",
}
"""Reasons in the third person; every other kind of error has the sentence that people get."""
OTHERS = {
    "audit:archive": "archive the oldest entries",
    "audit:destroy": "destroy archived entries",
    "audit:export": "export the audit trail",
    "audit:hold": "place the trail under legal hold",
    "audit:read": "read the totals of the trail",
    "audit:release": "release the legal hold",
    "audit:report": "read a report of the trail",
    "db:backup": "back up the database",
    "db:copy": "copy the database",
    "privacy:erase": "erase personal data",
    "privacy:retention": "erase personal data whose time is up",
    LISTEN_ACTION: "listen to the recordings of {whom}",
    "recording:read": "look up recordings",
    STILL_NEEDED_ACTION: "say that the recording of {whom} is still needed",
    EXTEND_ACTION: "let the recording of {whom}, or its pause, last longer",
}
PAUSE_EXPIRED = "Request for a longer pause expired: nobody confirmed the longer pause of recording"
APPROVALS = frozenset({"recording:stop_approval", "recording:pause_approval"})
OBSERVED = {
    "audit:digest": "The daily digest was written",
    "bot:start": "record-bot started",
    "bot:stop": "record-bot stopped",
    "compliance:changed": "Members of compliance changed",
    "listeners:changed": "People who may listen to recordings changed",
    "recording:saved": "Genesys has saved the recording of {whom}",
    "supervisors:changed": "Supervisors changed",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells entries. ``request`` is the entry that asked, where it is told in the same line."""

    style: CardStyle
    names: LineNames

    def tell(self, entry: Entry, request: Entry | None = None) -> tuple[str, str]:
        """Return the icon and the sentence."""
        whom, words = self.names.recorded(entry), VERBS.get(entry.action)
        if entry.action == "call:ended":
            return ICONS[entry.phase], f"The call ended, and the recording of {whom} with it"
        if entry.action == "requests:refused":
            refused, person = entry.outcome.get("refused", 0), str(entry.outcome.get("person", entry.actor))
            return ICONS[Phase.DENIED], f"{number(refused, 'more request')} from {self._person(person)} refused"
        if entry.action in NEXT_ACTIONS:
            return ICONS[entry.phase], self._next_call(entry) + self._reason(entry, request)
        if entry.phase is Phase.OBSERVED:
            return self._observed(entry, whom, words)
        return self._requested(entry, whom, words, self._reason(entry, request))

    def _next_call(self, entry: Entry) -> str:
        outcome = entry.outcome
        agent = self.names.agent(str(outcome["agent"])) if "agent" in outcome else "an agent"
        person = self._person(str(outcome.get("person", entry.actor)))
        return next_call_sentence(entry, self._person(entry.actor), agent, person, self._why(entry))

    def _requested(self, entry: Entry, whom: str, words: Wording | None, reason: str) -> tuple[str, str]:
        """Tell a request or its result. The ``reason`` comes before the error, which may be two sentences."""
        who, icon, outcome = self._subject(entry.actor), ICONS[entry.phase], entry.outcome
        known = words.ask if words else OTHERS.get(entry.action, "")
        ask = known.format(whom=whom) or f"do `{escape(entry.action)}`"
        over = outcome.get("call") == "ended"
        match entry.phase:
            case Phase.SUCCEEDED if over and words is not None:
                told = f"{who} asked to {ask}, and the call had ended"
            case Phase.SUCCEEDED if words is not None:
                told = f"{who} {words.done.format(whom=whom)}"
            case Phase.SUCCEEDED if entry.action == STILL_NEEDED_ACTION:
                told = f"{who} said that the recording of {whom} is still needed"
            case Phase.SUCCEEDED if entry.action == EXTEND_ACTION:
                what = "pause of the recording" if outcome.get("limit") == "pause" else "recording"
                told = f"{who} extended the {what} of {whom}"
            case Phase.SUCCEEDED if entry.action in READ_ACTIONS:
                icon, told = READ, f"{who} {self.read(entry)}"
            case Phase.SUCCEEDED:
                told = f"{who} asked to {ask}: done"
            case Phase.FAILED:
                return icon, f"{who} could not {ask}{reason}: {self._why(entry)}"
            case Phase.DENIED:
                return icon, f"Denied: {who} asked to {ask}{reason}: {self._why(entry)}"
            case Phase.UNKNOWN:
                return icon, f"{who} asked to {ask}{reason}: not confirmed yet"
            case _:
                told = f"{who} requested to {ask}"
        return icon, told + reason

    def _observed(self, entry: Entry, whom: str, words: Wording | None) -> tuple[str, str]:
        outcome, icon = entry.outcome, ICONS[Phase.OBSERVED]
        by = str(outcome.get("by", ""))
        if words is None:
            text = OBSERVED.get(entry.action)
            told = text.format(whom=whom) if text else f"record-bot noticed `{escape(entry.action)}`"
        elif outcome.get("error") == "approval_expired":
            stop = entry.action == "recording:stop_approval"
            told = "Stop request expired: nobody confirmed the stop of recording" if stop else PAUSE_EXPIRED
            icon, told = EXPIRED, f"{told} {whom}"
        elif by in {TRANSFER, AGENT_LEFT}:
            told = self._handed_over(entry, whom)
        elif by:
            told = words.outside.format(whom=whom)
        elif outcome.get("in_effect") is False:
            why = "" if outcome.get("error") in {None, "outcome_unknown"} else f": {self._why(entry)}"
            icon, told = NOT_IN_EFFECT, f"Confirmed later: {words.not_found.format(whom=whom)}{why}"
        elif outcome.get("call") == "ended":
            told = f"Confirmed later: the call had ended, and the recording of {whom} with it"
        else:
            told = f"Confirmed later: {words.found.format(whom=whom)}"
        return icon, told

    def _handed_over(self, entry: Entry, whom: str) -> str:
        """Say of a recording's end or going on that the agent left, and who is on the call since."""
        outcome = entry.outcome
        how = "after a transfer" if outcome.get("by") == TRANSFER else "after the agent left the call"
        others = [self.names.agent(str(one)) for one in outcome.get("agents") or ()]
        now = f", now with {', '.join(others)}" if others else ""
        if outcome.get("goes_on") is True:
            return f"Recording went on {how}{now or f', now of {whom}'}"
        return f"Recording of {whom} ended {how}{now}"

    def read(self, entry: Entry) -> str:
        """Say in the past tense what a person read."""
        outcome = entry.outcome
        call = f"call {self.style.call(entry.conversation_id, short=True)}" if entry.conversation_id else ""
        if entry.action == LISTEN_ACTION:
            return f"{links(outcome)} to the recordings of {call}"
        of_trail = {
            "audit:export": f"exported the trail{f' about {call}' if call else ''}{self._period(outcome)}",
            "audit:report": f"read a report{self._period(outcome)}",
            "audit:read": "read the totals of the trail",
        }
        if entry.action in of_trail:
            return of_trail[entry.action]
        if outcome.get("read") == "history":
            return f"read the history of {call}"
        if outcome.get("read") in READ_WITHOUT_CALL:
            return READ_WITHOUT_CALL[str(outcome["read"])]
        ended = " (the call had ended)" if outcome.get("error") == "call_ended" else ""
        return f"looked up {call}{ended}" if call else "listed recordings"

    def _period(self, outcome: Mapping[str, Any]) -> str:
        facts = [f" as {escape(str(outcome['format']))}" if "format" in outcome else ""]
        facts += [
            f" {name} {escape(str(outcome[name])[:16].replace('T', ' '))}"
            for name in ("since", "until")
            if name in outcome
        ]
        return "".join(facts)

    def _subject(self, actor: str) -> str:
        """Name an actor at the beginning of a sentence."""
        who = self._person(actor)
        return who if rule_label(actor) is None else who[:1].upper() + who[1:]

    def _person(self, actor: str) -> str:
        return self.names.person(actor, self.style)

    def _why(self, entry: Entry) -> str:
        outcome = entry.outcome
        for kind in (str(outcome.get("cause", "")), str(outcome.get("error", ""))):
            if kind in WHY:
                return WHY[kind]
        return escape(what_happened(str(outcome.get("error", "error")), self.style.words).removesuffix("."))

    def _reason(self, entry: Entry, request: Entry | None) -> str:
        code = entry.reason_code or (request.reason_code if request else None)
        typed = any(one.phase is Phase.REQUESTED and one.reason_digest for one in (entry, request) if one)
        if not code:
            return ", with a note" if typed else ""
        return f", reason {escape(self.style.reason_labels.get(code, code))}{' + note' if typed else ''}"

    def facts(self, entry: Entry, request: Entry | None = None) -> list[str]:
        """Return what is to be known besides the sentence."""
        outcome, words = entry.outcome, VERBS.get(entry.action)
        asked = request or entry
        origin = {**asked.origin, **entry.origin}
        adopted = words.already if words is not None and outcome.get("created") is False else ""
        others = outcome.get("other_recorders") or ()
        return [
            MECHANISMS.get(str(outcome.get("mechanism")), escape(str(outcome.get("mechanism", "")))),
            adopted,
            f"also recording: {escape(', '.join(map(str, others)))}" if others else "",
            "in a channel shared with another organization" if origin.get("shared_channel") else "",
            *archived(entry),
            *policy(outcome),
            *database(outcome),
            *kept(entry),
            *self._two_people(entry, {**origin, **outcome}),
            self._next_reminder(entry),
            *ends_by_itself(entry, {**origin, **outcome}),
            *by_rule(entry, origin),
            waits_until(entry),
            *self._group(outcome),
        ]

    def _two_people(self, entry: Entry, known: Mapping[str, Any]) -> list[str]:
        """Say of a stop that takes two supervisors who the other one is, and until when it waits."""
        first, second = known.get("asked_by"), known.get("confirmed_by")
        if second == entry.actor and entry.action in APPROVALS:
            second = None  # the sentence says it
        until = known.get("until") if entry.action in APPROVALS else None
        waits = entry.phase is Phase.REQUESTED and until is not None
        return [
            f"requested by {self._person(str(first))}" if first else "",
            f"confirmed by {self._person(str(second))}" if second else "",
            f"a second supervisor must confirm by {moment(datetime.fromisoformat(str(until)))}" if waits else "",
        ]

    def _next_reminder(self, entry: Entry) -> str:
        until = entry.outcome.get("until") if entry.action == STILL_NEEDED_ACTION else None
        return f"next reminder {moment(datetime.fromisoformat(str(until)))}" if until else ""

    def _group(self, outcome: Mapping[str, Any]) -> list[str]:
        """Say of a user group with rights what has changed: its state, and who came and left."""
        if "group" not in outcome:
            return []
        members = {
            way: ", ".join(self._person(f"slack:{self.style.team_id}:{user}") for user in outcome.get(way, ()))
            for way in ("came", "left")
        }
        return [
            f"user group `{escape(str(outcome['group']))}` of {number(outcome['members'], 'member')}",
            f"now {escape(str(outcome['state']))}" if "state" in outcome else "",
            *(f"{way}: {people}" for way, people in members.items() if people),
            f"part {outcome['part']} of {outcome['parts']}" if "part" in outcome else "",
        ]
