"""Buttons to choose whose side of a call to record, if several agents are on it. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import AgentLeft, SeveralAgents
from bot.i18n.shorten import shorten
from bot.slack.blocks.mrkdwn import inline, isolated, mrkdwn

if TYPE_CHECKING:
    from bot.errors import ConnectedAgent, RecordBotError
    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording

START_AGENT = "recording_start_agent"
AGENTS_SHOWN = 40
"""A message holds 50 blocks."""
LABEL = 75
NAME_SHOWN = 60


def agent_choice(
    text: str, error: RecordBotError, failed: Recording, words: Catalog, *, channel: str | None
) -> list[dict[str, Any]] | None:
    """Return the blocks of a refusal with a button for each agent; None if there is no agent to choose.

    A button carries the recording that did not come about, whose call and reason count again, the agent's user id, and
    the channel where the first request was made.
    """
    if not isinstance(error, (SeveralAgents, AgentLeft)) or not error.agents:
        return None
    rows = [_row(agent, failed, words, channel) for agent in _sorted(error.agents)]
    return [{"type": "section", "text": mrkdwn(shorten(text, 3000))}, *rows]


def choice_text(text: str, error: RecordBotError, words: Catalog) -> str:
    """Return the refusal's text with the agents who can be chosen: all that the blocks say."""
    if not isinstance(error, (SeveralAgents, AgentLeft)) or not error.agents:
        return text
    names = [inline(_name(agent, words), NAME_SHOWN) for agent in _sorted(error.agents)]
    return "\n".join([text, *(f"• {name}" for name in names)])


def _sorted(agents: tuple[ConnectedAgent, ...]) -> list[ConnectedAgent]:
    return sorted(agents, key=lambda agent: (agent.name or "").casefold())[:AGENTS_SHOWN]


def _row(agent: ConnectedAgent, failed: Recording, words: Catalog, channel: str | None) -> dict[str, Any]:
    name = isolated(shorten(_name(agent, words), NAME_SHOWN))
    button = {
        "type": "button",
        "action_id": START_AGENT,
        "text": {"type": "plain_text", "text": shorten(words("again.record_agent", agent=name), LABEL)},
        "value": " ".join(filter(None, (str(failed.id), agent.user_id, channel))),
    }
    text = {"type": "plain_text", "text": name}
    return {"type": "section", "block_id": f"agent_{agent.id}", "text": text, "accessory": button}


def _name(agent: ConnectedAgent, words: Catalog) -> str:
    return agent.name or words("calls.unnamed", id=agent.user_id[:8])
