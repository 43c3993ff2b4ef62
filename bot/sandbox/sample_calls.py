"""The other calls of a busy hour, so that there is something to search through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys

# Agent, queue, direction, caller, and how many seconds ago the call began.
CALLS = (
    ("Priya Nair", "Retention", "inbound", "Noor Haddad", 720),
    ("Hanna Virtanen", "Technical support", "inbound", "Marek Novak", 1510),
    ("Tom Becker", "Claims", "inbound", "Elena Petrova", 66),
    ("Jonas Keller", "Technical support", "outbound", "Baltic Freight", 205),
    ("Mei Tanaka", "Billing", "inbound", "Peter Sandberg", 34),
    ("Lucia Romano", "Retention", "outbound", "Amir Rahimi", 980),
)


def fill(genesys: SimulatedGenesys) -> None:
    """Put the calls on the floor, each with an agent."""
    for agent, queue, direction, caller, ago in CALLS:
        genesys.add_call(agent=agent, queue=queue, direction=direction, caller=caller, started_ago=float(ago))
