"""A simulated Genesys Cloud organization, for newcomers, training and tests."""

from bot.sandbox.genesys.server import SimulatedGenesys
from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant
from bot.sandbox.genesys.web_api.answers import SimulatedRequest

__all__ = ["SimulatedCall", "SimulatedGenesys", "SimulatedParticipant", "SimulatedRequest"]
