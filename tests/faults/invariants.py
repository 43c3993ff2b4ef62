"""What must hold when things have come to rest, whatever went wrong before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.harness.single_process import Stage
    from tests.faults.run import Run

NUMBER = re.compile(r"\*#(\d+)\*")
AGAIN = "_reposted_"
HASH_SHOWN = 12
STANDS = {
    # the state in the database: how the card begins, and how the call may really stand
    "active": ("Recording ·", {"active"}),
    "paused": ("Paused", {"paused"}),
    "stopped": ("Stopped", {"none", "paused"}),
    "failed": ("Recording not started", {"none"}),
    "ended": ("Call ended", {"none"}),
}
RESTLESS = """
    SELECT (SELECT count(*) FROM attempts WHERE settled_at IS NULL)
         + (SELECT count(*) FROM recordings WHERE in_doubt = 1)
         + (SELECT count(*) FROM keeps WHERE settled_at IS NULL)
         + (SELECT count(*) FROM recordings JOIN cards ON cards.recording_id = recordings.id
             WHERE rendered_version < version)
         + (SELECT count(*) FROM audit_entries
             WHERE seq > (SELECT coalesce(max(seq), 0) FROM audit_deliveries WHERE delivered_at IS NOT NULL))
"""
CARDS = """
    SELECT recordings.id, conversation_id, state, version, in_doubt, posted_channel, ts, rendered_version, started_by,
           requested_at = max(requested_at) OVER (PARTITION BY conversation_id) AS newest
    FROM recordings LEFT JOIN cards ON cards.recording_id = recordings.id
"""

NOT_TOLD = """
    SELECT id, actor, verb FROM attempts
    WHERE settled_at IS NOT NULL AND substr(actor, 1, 6) = 'slack:' AND recording_id IS NOT NULL
        AND EXISTS (SELECT 1 FROM audit_entries WHERE attempt_id = attempts.id AND phase = 'observed'
                    AND action = 'recording:' || verb)
        AND NOT EXISTS (SELECT 1 FROM notices WHERE kind = 'outcome_settled'
                        AND notices.recording_id = attempts.recording_id AND occasion = CAST(attempts.id AS text))
"""


def at_rest(stage: Stage) -> bool:
    """Say whether nothing is open any more: no attempt, no card behind, no line outstanding, no effect under way."""
    return not stage.genesys.effects.pending and stage.outside.one(RESTLESS) == 0 and _agree(stage)


def violations(stage: Stage, runs: Sequence[Run], *, ambiguous: bool) -> list[str]:
    """Check everything that can be checked from outside; a sentence for each thing that is wrong."""
    found = [
        *stage.outside.chain_faults(),
        *stage.outside.request_faults(),
        *stage.witness.faults(),
        *_lines(stage, ambiguous=ambiguous),
        *_cards(stage),
        *_untold(stage),
        *stage.slack.warnings,
    ]
    for run in runs:
        found += _starts(stage, run)
        found += _answers(run)
    return found


def _agree(stage: Stage) -> bool:
    return not list(_disagreements(stage, stage.outside.rows(CARDS)))


def _disagreements(stage: Stage, cards: list[dict[str, Any]]) -> Iterator[str]:
    for card in cards:
        if card["newest"] and card["conversation_id"] in stage.genesys.calls and card["state"] in STANDS:
            real = stage.genesys.effective_recording(card["conversation_id"])
            if real not in STANDS[card["state"]][1]:
                yield f"call {card['conversation_id']} is {real}, and the database says {card['state']}"


def _cards(stage: Stage) -> Iterator[str]:
    cards = stage.outside.rows(CARDS)
    yield from _disagreements(stage, cards)
    for card in cards:
        if card["state"] not in STANDS or card["in_doubt"]:
            yield f"recording {card['id']} is left {card['state']}{' in doubt' if card['in_doubt'] else ''}"
            continue
        if card["ts"] is None and card["state"] == "failed" and card["started_by"].startswith("bot:rule:"):
            continue  # nobody waits for it: the audit channel tells of it
        if card["ts"] is None and card["state"] == "failed" and card["rendered_version"] == card["version"]:
            if not _was_answered(stage, card["id"]):
                yield f"nobody was told that the start of recording {card['id']} failed"
            continue
        if card["ts"] is None:
            yield f"recording {card['id']} has no card"
            continue
        shown = stage.slack.workspace.channels[card["posted_channel"]].find(card["ts"])
        words = STANDS[card["state"]][0]
        if shown is None:
            yield f"the card of recording {card['id']} is gone"
        elif not shown.text.startswith(words) or not shown.metadata:
            yield f"the card of recording {card['id']} says {shown.text[:40]!r}, which should begin with {words!r}"
        elif shown.metadata["event_payload"]["version"] != card["version"]:
            yield f"the card of recording {card['id']} shows an older version"


def _was_answered(stage: Stage, recording_id: str) -> bool:
    """Say whether a person alone was told of a start that failed: nobody else hears of it."""
    found = "SELECT seq FROM audit_entries WHERE recording_id = ? AND phase IN ('failed', 'denied', 'observed')"
    numbers = [f"(#{row['seq']})" for row in stage.outside.rows(found, recording_id)]
    told = [
        one.text
        for channel in list(stage.slack.workspace.channels)
        for one in stage.slack.messages(channel)
        if one.ephemeral_to or channel.startswith("D")
    ]
    return any(number in text for number in numbers for text in told)


def _untold(stage: Stage) -> Iterator[str]:
    """Who asked for what was found settled later gets a message, whenever the bot was killed."""
    for row in stage.outside.rows(NOT_TOLD):
        yield f"{row['actor']} has no message about the {row['verb']} {row['id']}, which was settled later"


def _lines(stage: Stage, *, ambiguous: bool) -> Iterator[str]:
    """Every entry is in the channel, in order; a line that stands there twice says so, and had a reason to."""
    hashes = {row["seq"]: row["hash"] for row in stage.outside.rows("SELECT seq, hash FROM audit_entries")}
    seen: set[int] = set()
    for number, line in _numbered(stage.audit_lines()):
        if number not in hashes or hashes[number][:HASH_SHOWN] not in line:
            yield f"the audit channel has a line that is no entry: {line[:60]}"
        elif number in seen:
            if number > stage.answered_for and not (AGAIN in line and ambiguous):
                yield f"#{number} stands in the audit channel twice" + (
                    " without saying so" if AGAIN not in line else ""
                )
        elif number != len(seen) + 1:
            yield f"#{number} follows #{len(seen)} in the audit channel"
            return
        seen.add(number)
    if len(seen) != len(hashes):
        yield f"the audit channel has {len(seen)} of {len(hashes)} entries"


def _numbered(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield each number that a line shows; one that shows none comes as 0."""
    for line in lines:
        yield from ((int(number), line) for number in NUMBER.findall(line) or ["0"])


def _starts(stage: Stage, run: Run) -> Iterator[str]:
    """Recording began at most once for each start that was asked for."""
    asked = stage.outside.one(
        "SELECT count(*) FROM audit_entries WHERE conversation_id = ?"
        " AND action IN ('recording:start', 'recording:follow') AND phase = 'requested'",
        run.call,
    )
    began = stage.genesys.recording_starts(run.call)
    if began > asked:
        yield f"{asked} starts were asked for on call {run.call}, and {began} happened"
    if run.starts is not None and began != run.starts:
        yield f"{run.starts} starts were to happen on call {run.call}, and {began} did"


def _answers(run: Run) -> Iterator[str]:
    """The person who asked was told something: by the bot, or by Slack if the bot was dead."""
    for asked in run.asked:
        body = asked.payload.body
        command = body.get("command")
        if asked.acked:
            if command and not (isinstance(asked.body, dict) and asked.body.get("text")):
                yield f"{command} {body['text']} was answered with nothing"
        elif not run.may_go_unanswered:
            yield f"a {'command' if command else 'click'} was not answered: {asked.error}"
        elif not asked.shown and asked.error != "lost":
            yield "neither the bot nor Slack told the person anything"
