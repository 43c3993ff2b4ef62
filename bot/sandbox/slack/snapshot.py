"""The simulated Slack as JSON, for a page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sandbox.slack.server import SimulatedSlack

SHOWN_MESSAGES = 200
SHOWN_REQUESTS = 20


def picture(slack: SimulatedSlack) -> dict[str, Any]:
    """Describe all that people see; of each channel the newest messages."""
    workspace, last = slack.workspace, slack.last_delivery
    return {
        "team": {"id": workspace.team_id, "name": "Sandbox"},
        "people": [person.snapshot() for person in workspace.people.values()],
        "groups": [
            {"id": group.id, "handle": group.handle, "members": list(group.members)}
            for group in workspace.groups.values()
        ],
        "channels": [channel.snapshot() for channel in workspace.channels.values()],
        "messages": {
            channel_id: [message.snapshot() for message in slack.messages(channel_id)[-SHOWN_MESSAGES:]]
            for channel_id in workspace.channels
        },
        "views": {user: [view.snapshot() for view in stack] for user, stack in slack.views.modals.items() if stack},
        "homes": {user: view.snapshot() for user, view in slack.views.homes.items()},
        "shortcuts": [asdict(shortcut) for shortcut in slack.shortcuts],
        "faults": slack.faults.snapshot(),
        "connection": {
            "transport": "http" if slack.events_url else "socket",
            "connected": len(slack.sockets.links),
            "last_delivery": last and last.snapshot(),
        },
        "requests": {
            "total": len(slack.requests),
            "last": [request.snapshot() for request in slack.requests[-SHOWN_REQUESTS:]],
        },
        "warnings": list(slack.warnings),
    }
