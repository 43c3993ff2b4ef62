"""A simulated Genesys Cloud organisation, for newcomers, training and tests."""

from .answers import SimulatedRequest
from .calls import SimulatedCall, SimulatedParticipant
from .server import SimulatedGenesys

__all__ = ["SimulatedCall", "SimulatedGenesys", "SimulatedParticipant", "SimulatedRequest"]
