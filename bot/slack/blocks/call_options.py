"""Live calls as options of a menu. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.i18n.shorten import shorten
from bot.recording.call import CallRecording
from bot.slack.blocks.mrkdwn import isolated
from bot.slack.blocks.start_modal import OPTION_TEXT, OPTIONS_LIMIT, Option, option, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.i18n.catalog import Catalog
    from bot.recording.call import LiveCall, Participant
    from bot.recording.caller import Scope

PARTED = " · "


def agents_of(call: LiveCall, scope: Scope) -> tuple[Participant, ...]:
    """Return the agents on a call whose side the person may have recorded."""
    return tuple(
        one for one in call.agents if scope.covers(agent_user_id=one.user_id, queue_id=one.queue_id or call.queue_id)
    )


def call_options(calls: Sequence[LiveCall], words: Catalog, now: datetime) -> dict[str, Any]:
    """Return the options that Slack requested; if there are more than Slack allows, say how many."""
    options = [call_option(one, words, now) for one in calls[:OPTIONS_LIMIT]]
    if len(calls) <= OPTIONS_LIMIT:
        return {"options": options}
    label = words("calls.first_of", shown=OPTIONS_LIMIT, number=len(calls))
    return {"option_groups": [{"label": plain(shorten(label, OPTION_TEXT)), "options": options}]}


def call_option(call: LiveCall, words: Catalog, now: datetime) -> Option:
    """Return a call as an option."""
    names = [agent_name(one, words) for one in call.agents]
    described = words("calls.id", call=call.conversation_id)
    if len(names) > 1:
        described = words("calls.with", agents=", ".join(names))
    return option(call_line(call, words, now), call.conversation_id, described)


def call_line(call: LiveCall, words: Catalog, now: datetime) -> str:
    """Describe a call in one line; if that is too long, shorten only the names of agent and queue."""
    first, more, queue = _agents(call, words), "", call.queue_name or ""
    if len(call.agents) > 1:
        more = words("calls.more_agents", number=len(call.agents) - 1)
    rest = _joined(
        words(f"calls.{call.direction.value}") if call.direction else "",
        call_length(call, words, now),
        words(f"calls.{call.recording.value}") if call.recording is not CallRecording.UNKNOWN else "",
    )
    marks = sum(max(0, len(isolated(name)) - len(name)) for name in (first, queue))
    room = OPTION_TEXT - len(more) - len(rest) - 2 * len(PARTED) - marks
    if len(first) + len(queue) > room:
        queue = shorten(queue, max(room - len(first), room * 2 // 5))
        first = shorten(first, room - len(queue))
    return _joined(isolated(first) + more, isolated(queue), rest)


def agent_options(agents: Sequence[Participant], words: Catalog) -> tuple[Option, ...]:
    """Return the agents of a call as options; the value is the Genesys user id."""
    found = {one.user_id: option(agent_name(one, words), one.user_id) for one in agents}
    return tuple(found.values())[:OPTIONS_LIMIT]


def agent_name(agent: Participant, words: Catalog) -> str:
    return agent.name or words("calls.unnamed", id=agent.user_id[:8])


def _agents(call: LiveCall, words: Catalog) -> str:
    return agent_name(call.agents[0], words) if call.agents else words("calls.no_agent")


def call_length(call: LiveCall, words: Catalog, now: datetime) -> str:
    """Say how long the call has lasted; empty if nobody knows."""
    if call.since is None:
        return ""
    minutes = max(0, int((now - call.since).total_seconds())) // 60
    if minutes >= 60:  # noqa: PLR2004  minutes in an hour
        return words("calls.hours", hours=minutes // 60, minutes=minutes % 60)
    return words("calls.minutes", minutes=minutes) if minutes else words("calls.just_now")


def _joined(*parts: str) -> str:
    return PARTED.join(part for part in parts if part)
