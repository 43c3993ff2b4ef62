"""What a person can do in the simulated Slack: type, click, choose, submit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.blocks import elements_of, wrong_with_options
from bot.sandbox.slack.errors import NothingThere, SlackError
from bot.sandbox.slack.events.rich_text import written
from bot.sandbox.slack.state.open_views import SimulatedView, chosen
from bot.sandbox.slack.state.workspace import SimulatedMessage

if TYPE_CHECKING:
    from bot.sandbox.slack.events.delivery import DeliveryResult
    from bot.sandbox.slack.events.dispatch import Dispatch
    from bot.sandbox.slack.events.payloads import Payloads
    from bot.sandbox.slack.state.open_views import Views
    from bot.sandbox.slack.state.workspace import Channel, Workspace

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True)
class Persons:
    """People's doings, each delivered to the app as Slack would."""

    workspace: Workspace
    payloads: Payloads
    views: Views
    dispatch: Dispatch
    warnings: list[str]

    async def command(self, user: str, channel_id: str, text: str, command: str, *, expanded: bool) -> DeliveryResult:
        payload = self.payloads.command(user, self._channel(channel_id, user), command, text, expanded=expanded)
        return self.dispatch.show_command(await self.dispatch.deliver(payload))

    def post(self, user: str, channel_id: str, text: str, thread_ts: str | None = None) -> SimulatedMessage:
        """Write a plain message; links in it become links, as in Slack's own composer."""
        channel = self._channel(channel_id, user)
        if channel.archived or (channel.kind == "channel" and user not in channel.members):
            raise NothingThere(f"{user} may not write in {channel_id}")
        words, blocks = written(text)
        message = SimulatedMessage(
            channel_id, self.workspace.next_ts(), user, words, blocks=blocks, thread_ts=thread_ts
        )
        return self.workspace.put(channel, message)

    async def click(
        self, user: str, channel_id: str, ts: str, action_id: str, *, block_id: str | None = None, value: Any = None
    ) -> DeliveryResult:
        """Press a button of a message, past its confirm dialog; ``value`` is what was chosen in a menu."""
        message = self._message(user, channel_id, ts)
        block, element = _element(message, action_id, block_id)
        payload = self.payloads.click(user, message, _action(block, element, value, []))
        return self.dispatch.show_click(await self.dispatch.deliver(payload), channel_id, user)

    async def shortcut(self, user: str, callback_id: str, channel_id: str | None, ts: str | None) -> DeliveryResult:
        self._known(user)
        if channel_id and ts:
            message = self._message(user, channel_id, ts)
            return await self.dispatch.deliver(self.payloads.message_shortcut(user, callback_id, message))
        return await self.dispatch.deliver(self.payloads.shortcut(user, callback_id))

    async def open_home(self, user: str, tab: str) -> DeliveryResult:
        self._known(user)
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": user,
            "channel": self.workspace.direct_message(user).id,
            "tab": tab,
        }
        if user in self.views.homes and tab == "home":
            event["view"] = self.views.homes[user].as_sent(self.workspace.team_id)
        return await self.dispatch.deliver(self.payloads.event(event))

    async def submit_view(self, user: str, values: dict[str, Any], view_id: str | None) -> DeliveryResult | None:
        """Fill in the top modal and press its submit button; None where Slack's own checks hold it back."""
        view = self._view(user, view_id)
        view.fill(values)
        view.errors = view.missing()
        if view.errors:
            self.workspace.changes.announce()
            return None
        result = await self.dispatch.deliver(self.payloads.submission(view))
        if not result.acked:
            view.errors = {"": TROUBLE}
        else:
            self._follow(view, result)
        self.workspace.changes.announce()
        return result

    async def close_view(self, user: str) -> DeliveryResult | None:
        """Close the top modal, and with ``clear_on_close`` those beneath it too."""
        top = self.views.on_top(user)
        cleared = bool(top.body.get("clear_on_close"))
        gone = list(reversed(self.views.modals[user])) if cleared else [top]
        self.views.close(user, all_of_them=cleared)
        told = [
            await self.dispatch.deliver(self.payloads.closing(view, cleared=cleared))
            for view in gone
            if view.body.get("notify_on_close")
        ]
        return told[0] if told else None

    async def act_in_view(
        self,
        user: str,
        action_id: str,
        value: Any,
        view_id: str | None,
        block_id: str | None,
        values: dict[str, Any],
    ) -> DeliveryResult:
        """Press or choose something in a modal or in the home tab, with ``values`` in its other inputs."""
        view = self._view(user, view_id)
        view.fill(values)
        block, element = view.element(action_id, block_id)
        action = _action(block, element, value, view.known(action_id))
        if element["type"] != "button":
            view.fill({block["block_id"]: {action_id: value}})
        return await self.dispatch.deliver(self.payloads.click_in_view(view, action))

    async def options(self, user: str, action_id: str, typed: str, view_id: str | None) -> DeliveryResult:
        """Type into an external select of a view; the options offered can then be chosen."""
        view = self._view(user, view_id)
        block, _ = view.element(action_id)
        payload = self.payloads.suggestion(user, action_id, block["block_id"], typed, view)
        result = await self.dispatch.deliver(payload)
        if not result.acked:
            return result
        if findings := wrong_with_options(result.body):
            self.warnings.extend(f"options of {action_id}: {finding}" for finding in findings)
            result.error = "invalid_options"
            return result
        groups = result.body.get("option_groups") or []
        view.offer(action_id, result.body.get("options") or [option for group in groups for option in group["options"]])
        self.workspace.changes.announce()
        return result

    def _follow(self, view: SimulatedView, result: DeliveryResult) -> None:
        """Do what the ack of a submission says. Without a word, the view closes."""
        body = result.body if isinstance(result.body, dict) else {}
        action = body.get("response_action")
        try:
            if action == "errors":
                self._show_errors(view, body.get("errors") or {})
            elif action == "update":
                self.views.update(view, body.get("view"))
            elif action == "push":
                self.views.push(view.user, body.get("view"))
            else:
                self.views.close(view.user, all_of_them=action == "clear")
        except SlackError as error:
            self.warnings.append(f"the ack of a view_submission: {error.code} {error.more.get('errors', '')}")
            view.errors = {"": TROUBLE}
            result.error = error.code

    def _show_errors(self, view: SimulatedView, errors: dict[str, str]) -> None:
        inputs = {block["block_id"] for block, _ in elements_of(view.body["blocks"]) if block["type"] == "input"}
        if not errors or not inputs.issuperset(errors):
            raise SlackError("invalid_arguments", errors=["errors must name input blocks of the view"])
        view.errors = dict(errors)

    def _channel(self, channel_id: str, user: str) -> Channel:
        self._known(user)
        channel = self.workspace.channels.get(channel_id)
        if channel is None or (channel.private and user not in channel.members):
            raise NothingThere(f"{user} sees no channel {channel_id}")
        return channel

    def _message(self, user: str, channel_id: str, ts: str) -> SimulatedMessage:
        message = self._channel(channel_id, user).find(ts)
        if message is None or not message.visible_to(user):
            raise NothingThere(f"{user} sees no message {ts} in {channel_id}")
        return message

    def _view(self, user: str, view_id: str | None) -> SimulatedView:
        if view_id is None:
            return self.views.on_top(user)
        view = next((view for view in self.views.of(user) if view.id == view_id), None)
        if view is None:
            raise NothingThere(f"{user} sees no view {view_id}")
        return view

    def _known(self, user: str) -> None:
        if user not in self.workspace.people:
            raise NothingThere(f"there is no person {user}")


def _element(message: SimulatedMessage, action_id: str, block_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    blocks = [*message.blocks]
    for attachment in message.attachments:
        blocks += attachment.get("blocks", [])
    for block, element in elements_of(blocks):
        if element.get("action_id") == action_id and block_id in {None, block.get("block_id")}:
            return block, element
    raise NothingThere(f"no element {action_id} in message {message.ts} of {message.channel}")


def _action(
    block: dict[str, Any], element: dict[str, Any], value: Any, offered: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the entry of ``actions`` for one element."""
    action: dict[str, Any] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
    }
    if element["type"] == "button":
        return action | {name: element[name] for name in ("text", "value", "url", "style") if name in element}
    return action | chosen(element, value, offered)
