"""The people and channels that a visitor of the sandbox meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.slack.state.people import STRANGERS_TEAM
from bot.sandbox.slack.state.workspace import BOT_USER

if TYPE_CHECKING:
    from bot.sandbox.slack.state.setup import Premises

FLOOR, GRACE, NIGHT_SHIFT = "C0FLOOR", "U0GRACE", "S0NIGHT"


def seed(slack: Premises) -> None:
    """Fill the workspace with a small contact center."""
    slack.add_person("U0ADA", "Ada Byron", "ada", role="Supervisor")
    slack.add_person("U0GRACE", "Grace Murray", "grace", role="Supervisor", tz="America/New_York")
    slack.add_person("U0HEIDI", "Heidi Brandt", "heidi", role="Supervisor, night shift", locale="de-DE")
    slack.add_person("U0MALLORY", "Mallory Marsh", "mallory", role="Agent, not a supervisor")
    slack.add_person("U0PRIYA", "Priya Nair", "priya", role="Agent in Genesys, not a supervisor")
    slack.add_person("U0COMPL", "Clara Winter", "clara", role="Compliance officer")
    slack.add_person("U0GUEST", "Gus Sommer", "gus", is_ultra_restricted=True, role="Guest")
    slack.add_person(
        "U0OUTSIDE", "Olga Sands", "olga", is_stranger=True, team_id=STRANGERS_TEAM, role="From another company"
    )
    slack.add_person("U0HELPER", "Helper", "helper", is_bot=True, role="Another bot")
    slack.add_group("S0SUPERS", "supervisors", ["U0ADA", "U0GRACE"])
    slack.add_group(NIGHT_SHIFT, "night-shift", ["U0HEIDI"])
    everybody = ["U0ADA", "U0GRACE", "U0HEIDI", "U0MALLORY", "U0PRIYA", "U0COMPL", "U0GUEST", "U0OUTSIDE", "U0HELPER"]
    slack.add_channel("C0FLOOR", "floor", [*everybody, BOT_USER])
    slack.add_channel("C0AUDIT", "recording-audit", ["U0ADA", "U0GRACE", "U0HEIDI", "U0COMPL", BOT_USER])
