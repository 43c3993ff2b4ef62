"""The modals and home tabs that are open in front of people, and what they have filled in."""

from __future__ import annotations

import secrets
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.blocks import elements_of, with_ids, wrong_with_view
from bot.sandbox.slack.errors import NothingThere, SlackError
from bot.sandbox.slack.state.workspace import APP_ID, BOT_ID

if TYPE_CHECKING:
    from bot.sandbox.slack.state.workspace import Workspace

STACKED_VIEWS = 3
PLAIN = {"plain_text_input", "number_input", "email_text_input", "url_text_input"}
SINGLE = {
    "users_select": "user",
    "channels_select": "channel",
    "conversations_select": "conversation",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "date_time",
}
OPTION = {"static_select", "external_select", "radio_buttons", "overflow"}
OPTIONS = {"multi_static_select", "multi_external_select", "checkboxes"}
Values = dict[str, dict[str, dict[str, Any]]]


@dataclass
class SimulatedView:
    """One view in front of one person. ``errors`` are what the app or Slack wrote under the inputs."""

    id: str
    user: str
    body: dict[str, Any]
    hash: str
    root: str
    previous: str | None = None
    values: Values = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    offered: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ever_offered: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def as_sent(self, team_id: str) -> dict[str, Any]:
        """Return the view object of Slack's answers and payloads."""
        body = deepcopy(self.body)
        for name in ("callback_id", "external_id", "private_metadata"):
            body.setdefault(name, "")
        for name in ("submit", "close", "title"):
            body.setdefault(name, None)
        for name in ("clear_on_close", "notify_on_close"):
            body.setdefault(name, False)
        return body | {
            "id": self.id,
            "team_id": team_id,
            "state": {"values": deepcopy(self.values)},
            "hash": self.hash,
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": APP_ID,
            "app_installed_team_id": team_id,
            "bot_id": BOT_ID,
        }

    def snapshot(self) -> dict[str, Any]:
        return deepcopy(self.body) | {
            "id": self.id,
            "hash": self.hash,
            "values": deepcopy(self.values),
            "errors": dict(self.errors),
            "options": deepcopy(self.offered),
        }

    def element(self, action_id: str, block_id: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the block and the element with this action id."""
        for block, element in elements_of(self.body["blocks"]):
            if element["action_id"] == action_id and block_id in {None, block["block_id"]}:
                return block, element
        raise NothingThere(f"no element {action_id} in view {self.id}")

    def offer(self, action_id: str, options: list[dict[str, Any]]) -> None:
        """Show these options of an external select; those of an earlier search can still be the chosen one."""
        self.offered[action_id] = options
        self.ever_offered.setdefault(action_id, {}).update({option["value"]: option for option in options})

    def known(self, action_id: str) -> list[dict[str, Any]]:
        return list(self.ever_offered.get(action_id, {}).values())

    def fill(self, values: dict[str, Any]) -> None:
        """Fill in inputs: ``{action_id: value}``, or ``{block_id: {action_id: value}}``."""
        for name, value in values.items():
            if any(block["block_id"] == name for block, _ in elements_of(self.body["blocks"])):
                for action_id, inner in value.items():
                    self._fill_one(action_id, inner, name)
            else:
                self._fill_one(name, value, None)

    def missing(self) -> dict[str, str]:
        """Return the inputs that a person must still fill in, as Slack's own client says it."""
        return {
            block["block_id"]: "Please complete this required field."
            for block, element in elements_of(self.body["blocks"])
            if block["type"] == "input"
            and not block.get("optional")
            and not _filled(self.values.get(block["block_id"], {}).get(element["action_id"]))
        }

    def _fill_one(self, action_id: str, value: Any, block_id: str | None) -> None:
        block, element = self.element(action_id, block_id)
        initial = [element["initial_option"]] if "initial_option" in element else []
        state = chosen(element, value, [*initial, *self.known(action_id)])
        self.values.setdefault(block["block_id"], {})[action_id] = state


@dataclass
class Views:
    """All open views: a stack of modals and a home tab for each person."""

    workspace: Workspace
    modals: dict[str, list[SimulatedView]] = field(init=False, default_factory=dict)
    homes: dict[str, SimulatedView] = field(init=False, default_factory=dict)

    def push(self, user: str, body: Any) -> SimulatedView:
        """Put a modal on top of the person's stack; the first one opens it."""
        stack = self.modals.get(user, [])
        if len(stack) >= STACKED_VIEWS:
            raise SlackError("push_limit_reached")
        view = self._made(user, body, "modal")
        if stack:
            view.root, view.previous = stack[0].root, stack[-1].id
        self.modals.setdefault(user, []).append(view)
        self.workspace.changes.announce()
        return view

    def open(self, user: str, body: Any) -> SimulatedView:
        view = self._made(user, body, "modal")
        self.modals[user] = [view]
        self.workspace.changes.announce()
        return view

    def publish(self, user: str, body: Any, view_hash: str = "") -> SimulatedView:
        self.workspace.person(user)
        old = self.homes.get(user)
        if old is None:
            self.homes[user] = old = self._made(user, body, "home")
            self.workspace.changes.announce()
            return old
        return self.update(old, body, view_hash)

    def update(self, view: SimulatedView, body: Any, view_hash: str = "") -> SimulatedView:
        """Show another body in the same view. What was filled in stays where block and action ids are the same."""
        if view_hash and view_hash != view.hash:
            raise SlackError("hash_conflict")
        fresh = self._made(view.user, body, view.body["type"])
        kept = {
            block_id: {action_id: state for action_id, state in inner.items() if action_id in fresh_ids}
            for block_id, inner in view.values.items()
            if (fresh_ids := _action_ids(fresh, block_id))
        }
        view.body, view.hash, view.errors = fresh.body, fresh.hash, {}
        view.values = fresh.values | kept
        self.workspace.changes.announce()
        return view

    def find(self, view_id: str, external_id: str = "") -> SimulatedView:
        for view in [view for user in self.workspace.people for view in self.of(user)]:
            if view.id == view_id or (external_id and view.body.get("external_id") == external_id):
                return view
        raise SlackError("not_found")

    def of(self, user: str) -> list[SimulatedView]:
        """Return the views of one person: the open modals, and the home tab."""
        home = self.homes.get(user)
        return [*self.modals.get(user, []), *([home] if home else [])]

    def on_top(self, user: str) -> SimulatedView:
        """Return the modal that the person sees."""
        if not self.modals.get(user):
            raise NothingThere(f"no modal is open in front of {user}")
        return self.modals[user][-1]

    def close(self, user: str, *, all_of_them: bool = False) -> None:
        stack = self.modals.get(user, [])
        del stack[0 if all_of_them else -1 :]
        self.workspace.changes.announce()

    def _made(self, user: str, body: Any, kind: str) -> SimulatedView:
        if findings := wrong_with_view(body, wanted=kind):
            raise SlackError.invalid("invalid_arguments", findings)
        stored = body | {"blocks": with_ids(body["blocks"])}
        view_id = self.workspace.next_id("V")
        view_hash = f"{int(self.workspace.clock())}.{secrets.token_urlsafe(6)}"
        view = SimulatedView(view_id, user, stored, view_hash, root=view_id)
        for block, element in elements_of(stored["blocks"]):
            if (state := _initial(element)) is not None:
                view.values.setdefault(block["block_id"], {})[element["action_id"]] = state
        return view


def chosen(element: dict[str, Any], value: Any, offered: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the state of an element in which a person chose or typed ``value`` (for options: their value)."""
    kind = element["type"]
    if kind in PLAIN:
        return {"type": kind, "value": None if value in {None, ""} else str(value)}
    if kind in SINGLE:
        return {"type": kind, f"selected_{SINGLE[kind]}": value}
    if kind in OPTION:
        return {"type": kind, "selected_option": None if value is None else _option(element, value, offered)}
    if kind in OPTIONS:
        return {"type": kind, "selected_options": [_option(element, each, offered) for each in value or []]}
    if kind.startswith("multi_"):
        return {"type": kind, f"selected_{SINGLE[kind.removeprefix('multi_')]}s": list(value or [])}
    return {"type": kind, "value": value}


def _option(element: dict[str, Any], value: Any, offered: list[dict[str, Any]]) -> dict[str, Any]:
    groups = element.get("option_groups", [])
    options: list[dict[str, Any]] = [
        *element.get("options", []),
        *(each for group in groups for each in group["options"]),
        *offered,
    ]
    wanted = value["value"] if isinstance(value, dict) else value
    for option in options:
        if option["value"] == wanted:
            return option
    raise NothingThere(f"no option {wanted} in {element['action_id']}")


def _initial(element: dict[str, Any]) -> dict[str, Any] | None:
    kind = element["type"]
    if kind == "button":
        return None
    names = {"initial_option": "selected_option", "initial_options": "selected_options", "initial_value": "value"}
    names |= {f"initial_{name}": f"selected_{name}" for name in SINGLE.values()}
    names |= {f"initial_{name}s": f"selected_{name}s" for name in SINGLE.values()}
    for name, state in names.items():
        if name in element:
            return {"type": kind, state: deepcopy(element[name])}
    if kind in OPTION | OPTIONS or kind in PLAIN or kind in SINGLE or kind.startswith("multi_"):
        return chosen(element, None, [])
    return None


def _filled(state: dict[str, Any] | None) -> bool:
    return state is not None and any(value for name, value in state.items() if name != "type")


def _action_ids(view: SimulatedView, block_id: str) -> set[str]:
    return {
        element["action_id"] for block, element in elements_of(view.body["blocks"]) if block["block_id"] == block_id
    }
