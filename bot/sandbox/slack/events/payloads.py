"""What Slack tells an app when a person does something: https://docs.slack.dev/interactivity/."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.events.delivery import Payload
from bot.sandbox.slack.events.entities import command_text
from bot.sandbox.slack.state.workspace import APP_ID, BOT_USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.slack.state.open_views import SimulatedView
    from bot.sandbox.slack.state.people import Person
    from bot.sandbox.slack.state.trigger_ids import ResponseUrls, TriggerIds
    from bot.sandbox.slack.state.workspace import Channel, SimulatedMessage, Workspace

VERIFICATION_TOKEN = "sandbox-verification"  # noqa: S105  Slack's obsolete proof of origin, good for nothing
DOMAIN = "sandbox"


@dataclass(frozen=True)
class Payloads:
    """Builds payloads. ``url`` gives the simulator's own address, for response URLs."""

    workspace: Workspace
    triggers: TriggerIds
    response_urls: ResponseUrls
    url: Callable[[], str]

    def command(self, user: str, channel: Channel, command: str, text: str, *, expanded: bool = False) -> Payload:
        """Tell of a command; ``expanded``: the app wants names and links marked (``should_escape``)."""
        person = self.workspace.person(user)
        names = {"im": "directmessage", "group": "privategroup"}
        body = {
            "token": VERIFICATION_TOKEN,
            "team_id": self._typed_in(person),
            "team_domain": DOMAIN,
            "channel_id": channel.id,
            "channel_name": names.get(channel.kind, channel.name),
            "user_id": user,
            "user_name": person.handle,
            "command": command,
            "text": command_text(text, self.workspace, expanded=expanded),
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "is_ext_shared_channel": str(channel.shared).lower(),
            "response_url": self._response_url(channel.id, user),
            "trigger_id": self.triggers.give(user),
        }
        if self.workspace.enterprise is not None:
            body |= self.workspace.enterprise.in_command()
        return Payload("slash_commands", body, answered=True)

    def _typed_in(self, person: Person) -> str:
        """Return the workspace in which somebody types: in an organization the app's own, wherever their home is."""
        ours = self.workspace.enterprise is not None and self.workspace.team_id in person.teams
        return self.workspace.team_id if ours else person.team_id

    def click(self, user: str, message: SimulatedMessage, action: dict[str, Any]) -> Payload:
        """Return the ``block_actions`` of a message; one that only a single person sees comes without the message."""
        channel = self.workspace.channels[message.channel]
        body = self._interaction("block_actions", user) | {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": message.ephemeral_to is not None,
            },
            "channel": {"id": channel.id, "name": channel.name},
            "state": {"values": {}},
            "response_url": self._response_url(channel.id, user, message.ts),
            "actions": [action | {"action_ts": self.workspace.next_ts()}],
        }
        if message.ephemeral_to is None:
            body["message"] = message.as_sent(self.workspace.team_id)
        return Payload("interactive", body)

    def click_in_view(self, view: SimulatedView, action: dict[str, Any]) -> Payload:
        sent = view.as_sent(self.workspace.team_id)
        body = self._interaction("block_actions", view.user) | {
            "container": {"type": "view", "view_id": view.id},
            "view": sent,
            "state": sent["state"],
            "actions": [action | {"action_ts": self.workspace.next_ts()}],
        }
        return Payload("interactive", body)

    def submission(self, view: SimulatedView) -> Payload:
        body = self._interaction("view_submission", view.user) | {
            "view": view.as_sent(self.workspace.team_id),
            "response_urls": [],
        }
        return Payload("interactive", body, answered=True)

    def closing(self, view: SimulatedView, *, cleared: bool = False) -> Payload:
        body = self._interaction("view_closed", view.user) | {
            "view": view.as_sent(self.workspace.team_id),
            "is_cleared": cleared,
        }
        del body["trigger_id"]
        return Payload("interactive", body)

    def suggestion(
        self, user: str, action_id: str, block_id: str, typed: str, where: SimulatedView | SimulatedMessage
    ) -> Payload:
        body = self._interaction("block_suggestion", user) | {
            "action_id": action_id,
            "block_id": block_id,
            "value": typed,
        }
        del body["trigger_id"]
        sent = where.as_sent(self.workspace.team_id)
        if "root_view_id" in sent:
            body |= {"container": {"type": "view", "view_id": sent["id"]}, "view": sent}
        else:
            body |= {"container": {"type": "message", "message_ts": sent["ts"]}, "message": sent}
        return Payload("interactive", body, answered=True)

    def shortcut(self, user: str, callback_id: str) -> Payload:
        body = self._interaction("shortcut", user) | {
            "callback_id": callback_id,
            "action_ts": self.workspace.next_ts(),
        }
        del body["user"]["name"]  # of all interactions, Slack leaves it out of this one
        return Payload("interactive", body)

    def message_shortcut(self, user: str, callback_id: str, message: SimulatedMessage) -> Payload:
        channel = self.workspace.channels[message.channel]
        body = self._interaction("message_action", user) | {
            "callback_id": callback_id,
            "action_ts": self.workspace.next_ts(),
            "message_ts": message.ts,
            "channel": {"id": channel.id, "name": channel.name},
            "message": message.as_sent(self.workspace.team_id),
            "response_url": self._response_url(channel.id, user),
        }
        return Payload("interactive", body)

    def event(self, event: dict[str, Any]) -> Payload:
        team = self.workspace.team_id
        body = {
            "token": VERIFICATION_TOKEN,
            "team_id": team,
            "api_app_id": APP_ID,
            "event": event | {"event_ts": self.workspace.next_ts()},
            "type": "event_callback",
            "event_id": self.workspace.next_id("Ev"),
            "event_time": int(self.workspace.clock()),
            "authorizations": [
                {
                    "enterprise_id": self.workspace.enterprise and self.workspace.enterprise.id,
                    "team_id": team,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": secrets.token_hex(12),
        }
        return Payload("events_api", body)

    def _interaction(self, kind: str, user: str) -> dict[str, Any]:
        person = self.workspace.person(user)
        return {
            "type": kind,
            "user": {
                "id": user,
                "username": person.handle,
                "name": person.handle,
                "team_id": person.team_id,
            },
            "api_app_id": APP_ID,
            "token": VERIFICATION_TOKEN,
            "trigger_id": self.triggers.give(user),
            "team": {"id": self.workspace.team_id, "domain": DOMAIN} | self._of_enterprise(),
            "enterprise": self.workspace.enterprise and self.workspace.enterprise.described(),
            "is_enterprise_install": False,
        }

    def _of_enterprise(self) -> dict[str, str]:
        return self.workspace.enterprise.in_command() if self.workspace.enterprise else {}

    def _response_url(self, channel: str, user: str, message_ts: str | None = None) -> str:
        return self.url() + self.response_urls.give(channel, user, message_ts)
