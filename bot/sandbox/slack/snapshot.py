"""The simulated Slack as JSON, for a page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.slack.manifest import Shortcut
    from bot.sandbox.slack.state.open_views import Views
    from bot.sandbox.slack.state.workspace import Workspace
    from bot.sandbox.slack.web_api.endpoint import SlackRequest

SHOWN_MESSAGES = 200
SHOWN_REQUESTS = 20


def picture(
    workspace: Workspace,
    views: Views,
    *,
    shortcuts: Iterable[Shortcut],
    faults: FaultSwitches,
    connection: dict[str, Any],
    requests: Sequence[SlackRequest],
    warnings: Iterable[str],
) -> dict[str, Any]:
    """Describe all that people see; of each channel the newest messages."""
    return {
        "team": {"id": workspace.team_id, "name": "Sandbox"},
        "people": [person.snapshot() for person in workspace.people.values()],
        "groups": [
            {"id": group.id, "handle": group.handle, "members": list(group.members)}
            for group in workspace.groups.values()
        ],
        "channels": [channel.snapshot() for channel in workspace.channels.values()],
        "messages": {
            channel_id: [message.snapshot() for message in workspace.messages(channel_id)[-SHOWN_MESSAGES:]]
            for channel_id in workspace.channels
        },
        "views": {user: [view.snapshot() for view in stack] for user, stack in views.modals.items() if stack},
        "homes": {user: view.snapshot() for user, view in views.homes.items()},
        "shortcuts": [asdict(shortcut) for shortcut in shortcuts],
        "faults": faults.snapshot(),
        "connection": connection,
        "requests": {
            "total": len(requests),
            "last": [request.snapshot() for request in requests[-SHOWN_REQUESTS:]],
        },
        "warnings": list(warnings),
    }
