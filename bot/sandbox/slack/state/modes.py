"""How organizations differ, as switches of the page: each mode changes the seeded workspace, and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.sandbox.slack.state.grid import Enterprise
from bot.sandbox.slack.state.seed import FLOOR, GRACE, NIGHT_SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.slack.state.setup import Premises

OTHER_WORKSPACE = "T0EASTSIDE"


def _grid(slack: Premises, *, on: bool) -> None:
    """Let Grace have her home in another workspace of the organization, and be a member of this one too."""
    ours = slack.workspace.team_id
    slack.join_enterprise(Enterprise() if on else None)
    if GRACE in slack.workspace.people:
        home, teams = (OTHER_WORKSPACE, (OTHER_WORKSPACE, ours)) if on else (ours, ())
        slack.workspace.people[GRACE] = replace(slack.workspace.people[GRACE], team_id=home, teams=teams)


def _read_only(slack: Premises, *, on: bool) -> None:
    if FLOOR in slack.workspace.channels:
        slack.refuse_posts(FLOOR, "restricted_action_read_only_channel" if on else "")


def _disabled_group(slack: Premises, *, on: bool) -> None:
    if NIGHT_SHIFT in slack.workspace.groups:
        slack.disable_group(NIGHT_SHIFT, on=on)


MODES: dict[str, Callable[..., None]] = {
    "enterprise_grid": _grid,
    "read_only_channel": _read_only,
    "disabled_group": _disabled_group,
}


@dataclass
class Modes:
    """Brings the workspace in line with the switches, when one was thrown and not otherwise."""

    slack: Premises
    _on: frozenset[str] = field(default=frozenset())

    def follow(self, switched_on: frozenset[str]) -> None:
        before, self._on = self._on, switched_on & MODES.keys()
        for name in sorted(before ^ self._on):
            MODES[name](self.slack, on=name in self._on)
