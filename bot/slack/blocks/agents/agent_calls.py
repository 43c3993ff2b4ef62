"""The calls of the agents whom a text may mean, each with a button, and their next calls. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import MalformedId
from bot.i18n.shorten import shorten
from bot.slack.blocks.button import button
from bot.slack.blocks.call_options import call_length
from bot.slack.blocks.mrkdwn import inline, isolated, mrkdwn
from bot.slack.blocks.reports.digest import section

if TYPE_CHECKING:
    from datetime import datetime

    from bot.i18n.catalog import Catalog
    from bot.recording.agents.named_agent import AgentFound
    from bot.recording.agents.people import Person
    from bot.recording.call import LiveCall
    from bot.recording.control.agents.agent_lookup import AgentsFound

START_CALL, NEXT = "recording_start_call", "recording_next"
ROWS = 20
NAME_SHOWN = 100
SPOKEN = 75
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of a button: whose call to record, which one (None: the next), where its card goes, and why."""

    user_id: str
    conversation_id: str | None = None
    channel: str | None = None
    reason: str | None = None

    def value(self) -> str:
        """Return it as a button carries it; the reason comes last, with all its blanks."""
        known = (self.user_id, self.conversation_id or NOTHING, self.channel or NOTHING, self.reason or "")
        return " ".join(known).rstrip()

    @classmethod
    def read(cls, value: str) -> Choice:
        """Read a button's value. Raise MalformedId."""
        parts = value.split(" ", 3)
        if len(parts) < 3:  # noqa: PLR2004  all but the reason
            raise MalformedId
        call, channel = (None if one == NOTHING else one for one in parts[1:3])
        return cls(parts[0], call, channel, next(iter(parts[3:]), None))


def agent_calls(found: AgentsFound, choice: Choice, words: Catalog, now: datetime) -> tuple[str, list[dict[str, Any]]]:
    """Return the text and the blocks of a choice; ``choice`` has the channel and the reason of each button."""
    if len(found.agents) == 1:
        key = "agents.choose_call" if found.calls else "agents.not_on_a_call"
    else:
        key = "agents.choose_person"
    lead = words(key, agent=inline(found.agents[0].person.name, NAME_SHOWN), seq=found.audit_seq)
    rows = [row for one in found.agents for row in _rows(one, choice, words, now)]
    if len(found.agents) == 1 and not found.calls:
        action = {"type": "actions", "elements": [rows[0][1]]}
        return lead, [section(lead), action]
    blocks = [section(lead)]
    blocks += [section(text) | {"accessory": offered} for text, offered in rows[:ROWS]]
    lines = [lead, *(f"• {text}" for text, _ in rows[:ROWS])]
    if len(rows) > ROWS or not found.complete:
        lines.append(words("agents.more"))
        blocks.append({"type": "context", "elements": [mrkdwn(lines[-1])]})
    return "\n".join(lines), blocks


def _rows(found: AgentFound, choice: Choice, words: Catalog, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return a row for each call of an agent; of one who is on no call, one for the next call."""
    person = found.person
    if not found.calls:
        text = " · ".join((_name(person), words("agents.no_call")))
        return [(text, next_button(person, choice, words))]
    return [(_line(person, call, words, now), _call_button(person, call, choice, words)) for call in found.calls]


def _line(person: Person, call: LiveCall, words: Catalog, now: datetime) -> str:
    parts = [
        _name(person),
        inline(call.queue_name, NAME_SHOWN) if call.queue_name else "",
        words(f"calls.{call.direction.value}") if call.direction else "",
        call_length(call, words, now),
        words("choice.call", call=call.conversation_id[:8]),
    ]
    return " · ".join(filter(None, parts))


def _call_button(person: Person, call: LiveCall, choice: Choice, words: Catalog) -> dict[str, Any]:
    value = Choice(person.user_id, call.conversation_id, choice.channel, choice.reason).value()
    spoken = words("agents.record_of", agent=isolated(person.name), call=call.conversation_id[:8])
    return button(START_CALL, words("agents.record"), value=value, spoken=shorten(spoken, SPOKEN))


def next_button(person: Person, choice: Choice, words: Catalog) -> dict[str, Any]:
    """Return the button that has an agent's next call recorded."""
    value = Choice(person.user_id, None, choice.channel, choice.reason).value()
    spoken = words("agents.next_of", agent=isolated(person.name))
    return button(NEXT, words("agents.next"), value=value, spoken=shorten(spoken, SPOKEN))


def _name(person: Person) -> str:
    return f"*{inline(person.name, NAME_SHOWN)}*"
