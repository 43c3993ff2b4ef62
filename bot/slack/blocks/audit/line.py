"""The lines of the audit channel: each a sentence about one or several entries, never edited afterwards.

Entries share a line if they follow each other: a request and its outcome if both are there, and reads. In English for
every reader: evidence says the same to everyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.audit.archive import ARCHIVE_ACTION
from bot.audit.entry import Phase
from bot.slack.blocks.audit.names import LineNames
from bot.slack.blocks.audit.sentences import READ, READ_ACTIONS, Teller
from bot.slack.blocks.mrkdwn import moment, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.audit.entry import Entry
    from bot.slack.blocks.card import CardStyle

EVENT_TYPE = "audit_entry"
HASH_SHOWN = 12
PAIR = 2
PLAIN_CHARACTERS = 1000
"""Of a line that Slack refuses otherwise; Slack takes 4,000 without a warning."""
METADATA_CHARACTERS = 200
"""Of each value in the metadata; Slack limits them as a whole, and does not say where."""
NO_NAMES = LineNames()


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one line, in order; ``again`` if one of them may already be in the channel."""

    entries: tuple[Entry, ...]
    again: bool = False

    @property
    def reads(self) -> bool:
        return all(map(is_read, self.entries))


def is_read(entry: Entry) -> bool:
    """Return whether the entry is about a person who read something and was allowed to."""
    return entry.action in READ_ACTIONS and entry.phase in {Phase.REQUESTED, Phase.SUCCEEDED}


def grouped(entries: Iterable[tuple[Entry, bool]]) -> tuple[Group, ...]:
    """Arrange entries into lines. Only neighbors share a line, so that the channel shows every number in order.

    A request goes with what follows about it, up to the entry that settles it, and reads go with reads.
    """
    lines: list[list[tuple[Entry, bool]]] = []
    for one in entries:
        if lines and _belongs(one[0], [entry for entry, _ in lines[-1]]):
            lines[-1].append(one)
        else:
            lines.append([one])
    return tuple(Group(tuple(entry for entry, _ in line), any(again for _, again in line)) for line in lines)


def _belongs(entry: Entry, line: Sequence[Entry]) -> bool:
    first, last = line[0], line[-1]
    if is_read(entry):
        return all(map(is_read, line))
    same = (entry.attempt_id, entry.action) == (last.attempt_id, last.action)
    asked = all((one.attempt_id, one.action) == (first.attempt_id, first.action) for one in line)
    open_ = last.phase in {Phase.REQUESTED, Phase.UNKNOWN}
    return same and asked and first.phase is Phase.REQUESTED and open_ and entry.phase is not Phase.REQUESTED


def line(
    group: Group | Entry,
    style: CardStyle,
    names: LineNames = NO_NAMES,
    *,
    again: bool = False,
    about_call: bool = True,
) -> str:
    """Render a line, with its call or without; ``again`` marks one that may already be in the channel."""
    if not isinstance(group, Group):
        group = Group((group,), again)
    teller, last = Teller(style, names), group.entries[-1]
    request = group.entries[0] if len(group.entries) > 1 else None
    call = last.conversation_id if about_call and not group.reads else None
    icon, sentence = (READ, _reads(group.entries, teller)) if group.reads else teller.tell(last, request)
    facts = [
        f"{icon} {_numbers(group.entries)} {sentence}",
        *([] if group.reads else teller.facts(last, request)),
        style.call(call, short=True) if call else "",
        moment(last.occurred_at, form="{date_short_pretty} {time_secs}"),
        " ".join(f"`{_hash(entry)}`" for entry in group.entries),
        "_reposted_" if group.again else "",
    ]
    return " · ".join(filter(None, facts))


def _hash(entry: Entry) -> str:
    """Return what the line shows of the hash; of a tombstone all of it, since it stands for entries that are gone."""
    tombstone = (entry.action, entry.phase) == (ARCHIVE_ACTION, Phase.SUCCEEDED)
    return entry.hash if tombstone else entry.hash[:HASH_SHOWN]


def _numbers(entries: Sequence[Entry]) -> str:
    """Write each number with its ``#``, so that a search for it finds the line."""
    between = ", " if len(entries) != PAIR else " \u2013 "
    return between.join(f"*#{entry.seq}*" for entry in entries)


def _reads(entries: Sequence[Entry], teller: Teller) -> str:
    """Say who read what, each once, with how often; an outcome tells more than its request."""
    attempts = {entry.attempt_id: entry for entry in entries}
    told: dict[str, dict[str, int]] = {}
    for entry in attempts.values():
        read = teller.read(entry)
        person = told.setdefault(teller.names.person(entry.actor, teller.style), {})
        person[read] = person.get(read, 0) + 1
    return "; ".join(
        f"{person} {', '.join(f'{read} ({times} times)' if times > 1 else read for read, times in reads.items())}"
        for person, reads in told.items()
    )


def message(
    entries: Sequence[tuple[Entry, bool]],
    style: CardStyle,
    names: LineNames = NO_NAMES,
    *,
    cut: tuple[int, str] | None = None,
) -> dict[str, Any]:
    """Return the arguments of ``chat.postMessage`` for some entries: their lines, and codes and ids as metadata.

    ``cut`` is the last line that the channel shows, if the trail doesn't have that entry anymore.
    """
    lines = [*_cut_off(cut), *(line(group, style, names) for group in grouped(entries))]
    payload = _payload(entries) | {"entries": [_facts(entry) for entry, _ in entries]}
    return _post("\n".join(lines), payload) | {"blocks": [{"type": "section", "text": mrkdwn(text)} for text in lines]}


def plain_message(
    entry: Entry,
    style: CardStyle,
    names: LineNames = NO_NAMES,
    *,
    again: bool = False,
    cut: tuple[int, str] | None = None,
) -> dict[str, Any]:
    """Return an entry's message without what Slack may refuse: no blocks, a shorter line, and the hash as metadata.

    Number and hash come first, since the rest may be cut.
    """
    text = line(entry, style, names, again=again)
    if len(text) > PLAIN_CHARACTERS:
        who = names.person(entry.actor, style)
        shown = f"*#{entry.seq}* {entry.phase.value} `{entry.action[:60]}` · {who}"
        text = " · ".join([shown, f"`{_hash(entry)}`", *(["_reposted_"] if again else [])])
    return _post("\n".join([*_cut_off(cut), text]), _payload([(entry, again)]))


def _cut_off(cut: tuple[int, str] | None) -> list[str]:
    """Return a line that says that what follows doesn't go on from what the channel shows; without numbers in front."""
    if cut is None:
        return []
    seq, shown = cut
    said = (
        f":rotating_light: *The lines below don't follow the last line above.* The trail doesn't contain entry {seq} "
        f"with the hash `{shown}` anymore: entries were removed at the end, or the database was replaced by an "
        f'older one. Don\'t delete the lines above. Run `record-bot audit verify --head "{seq} {shown}"`'
    )
    return [said]


def _post(text: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": text,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _payload(entries: Sequence[tuple[Entry, bool]]) -> dict[str, Any]:
    first, last = entries[0][0], entries[-1][0]
    payload: dict[str, Any] = {"seq": last.seq, "hash": last.hash}
    if first.seq != last.seq:
        payload |= {"first_seq": first.seq, "hashes": {str(entry.seq): entry.hash for entry, _ in entries}}
    return payload


def _facts(entry: Entry) -> dict[str, str | int | bool]:
    """Return an entry's codes and ids; Slack takes texts, numbers and booleans, and nothing deeper."""
    known: dict[str, Any] = {
        "seq": entry.seq,
        "attempt_id": str(entry.attempt_id),
        "phase": entry.phase.value,
        "action": entry.action,
        "actor": entry.actor,
        "conversation_id": entry.conversation_id,
        "participant_id": entry.participant_id,
        "recording_id": str(entry.recording_id) if entry.recording_id else None,
        "reason_code": entry.reason_code,
    }
    known |= {name: value for name, value in entry.outcome.items() if name not in known}
    return {
        name: value[:METADATA_CHARACTERS] if isinstance(value, str) else value
        for name, value in known.items()
        if isinstance(value, str | int)
    }
