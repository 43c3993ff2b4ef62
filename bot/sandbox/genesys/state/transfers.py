"""Who leaves a call, who takes it over, and with which disconnect type.

The words are those of ``CallMediaParticipant.disconnectType`` in the OpenAPI description; a consult is marked by
``consultParticipantId``. That the customer is on hold during a consult is how the help center describes it. What the
recorders do is documented nowhere: see ``calls``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant
    from bot.sandbox.genesys.state.contact_center import Floor


@dataclass(frozen=True, slots=True)
class Transfers:
    """What agents do with their calls on the floor. The first agent is the one who does it."""

    floor: Floor

    def blind(self, call: SimulatedCall, to: str, *, answered: bool = True) -> SimulatedParticipant:
        """Transfer without asking: the agent is gone at once, and the other one rings until ``answer``."""
        at, leaving = self.floor.clock(), call.agents[0]

        def transfer() -> SimulatedParticipant:
            joined = self.floor.add_agent(call, to, at)
            joined.state, joined.connected_at = "alerting", None
            call.leave(leaving, at, "transfer")
            return joined

        joined = self.floor.change(call, transfer)
        if answered:
            self.answer(call)
        return joined

    def answer(self, call: SimulatedCall) -> None:
        """Let everybody who rings pick up."""

        def pick_up() -> None:
            for participant in call.participants:
                if participant.state == "alerting":
                    participant.state, participant.connected_at = "connected", self.floor.clock()

        self.floor.change(call, pick_up)

    def consult(self, call: SimulatedCall, to: str) -> SimulatedParticipant:
        """Talk to somebody first, with the customer on hold: both agents are connected for a while."""
        at, asking = self.floor.clock(), call.agents[0]

        def talk() -> SimulatedParticipant:
            joined = self.floor.add_agent(call, to, at)
            asking.consult_id = joined.id
            call.participants[0].held_since = at
            return joined

        return self.floor.change(call, talk)

    def complete(self, call: SimulatedCall) -> None:
        """Complete the consult transfer: the agent who asked leaves."""
        asking = consulting(call)

        def hand_over() -> None:
            call.participants[0].held_since = None
            call.leave(asking, self.floor.clock(), "transfer.consult")

        self.floor.change(call, hand_over)

    def cancel(self, call: SimulatedCall) -> None:
        """End the consult without a transfer: the other agent leaves again."""
        asking = consulting(call)

        def take_back() -> None:
            other = call.participant(asking.consult_id or "")
            call.participants[0].held_since = asking.consult_id = None
            if other is not None:
                other.disconnect(self.floor.clock(), "peer")

        self.floor.change(call, take_back)

    def conference(self, call: SimulatedCall, to: str) -> SimulatedParticipant:
        """Bring another agent in; all talk to each other, and the first may leave by ``transfer.conference``."""
        return self.floor.agent_joins(call, to)

    def redial(self, call: SimulatedCall) -> SimulatedParticipant:
        """Let the agent of a callback dial again: another leg of the same participant."""
        at, dialing = self.floor.clock(), call.agents[0]

        def dial() -> SimulatedParticipant:
            again = self.floor.add_agent(call, dialing.name, at)
            again.id = dialing.id
            dialing.disconnect(at, "endpoint")
            return again

        return self.floor.change(call, dial)


def consulting(call: SimulatedCall) -> SimulatedParticipant:
    """Return the agent who consults another one. Raise ValueError where nobody does."""
    found = next((agent for agent in call.agents if agent.consult_id is not None), None)
    if found is None:
        raise ValueError("nobody on this call consults another agent")
    return found
