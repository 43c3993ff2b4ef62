"""The clock of the simulated world, which a visitor can move ahead."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class SandboxClock:
    """Seconds since 1970, as many ahead of the machine's clock as it was moved."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def move(self, seconds: float) -> None:
        self.ahead += seconds
