"""``views.*``: modals and the home tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from bot.sandbox.slack.state.open_views import SimulatedView, Views
    from bot.sandbox.slack.state.trigger_ids import TriggerIds


@dataclass(frozen=True)
class ViewMethods:
    """What an app may put in front of a person, each modal once for a fresh trigger."""

    views: Views
    triggers: TriggerIds

    def table(self) -> dict[str, Method]:
        return {
            "views.open": Method(self.open, tier=4),
            "views.push": Method(self.push, tier=4),
            "views.update": Method(self.update, tier=4),
            "views.publish": Method(self.publish, tier=4),
        }

    def open(self, arguments: Arguments) -> dict[str, Any]:
        trigger_id = arguments.wanted("trigger_id")
        view = self.views.open(self.triggers.check(trigger_id), self._body(arguments))
        self.triggers.use(trigger_id)
        return self._answer(view)

    def push(self, arguments: Arguments) -> dict[str, Any]:
        trigger_id = arguments.wanted("trigger_id")
        view = self.views.push(self.triggers.check(trigger_id), self._body(arguments))
        self.triggers.use(trigger_id)
        return self._answer(view)

    def update(self, arguments: Arguments) -> dict[str, Any]:
        view = self.views.find(arguments.text("view_id"), arguments.text("external_id"))
        return self._answer(self.views.update(view, self._body(arguments), arguments.text("hash")))

    def publish(self, arguments: Arguments) -> dict[str, Any]:
        user = arguments.wanted("user_id")
        return self._answer(self.views.publish(user, self._body(arguments), arguments.text("hash")))

    def _body(self, arguments: Arguments) -> Any:
        body = arguments.parsed("view", "invalid_arguments")
        if body is None:
            raise SlackError.invalid("invalid_arguments", ["missing required field: view"])
        return body

    def _answer(self, view: SimulatedView) -> dict[str, Any]:
        return {"view": view.as_sent(self.views.workspace.team_id)}
