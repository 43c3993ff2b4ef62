"""What ``/readyz`` says of deliveries in a replica that doesn't lead any more."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from typing_extensions import override

from bot.database.replicas import Replicas
from bot.outbox.relay import Backoff
from bot.runtime.health import Readiness
from tests.support.clocks.fake_clock import FakeClock


@dataclass
class Former(Replicas):
    """One that led until a moment ago."""

    leads: bool = False

    @property
    @override
    def leading(self) -> bool:
        return self.leads


@pytest.mark.parametrize("leads", [True, False])
def test_a_problem_of_the_time_as_the_leader_is_over_with_the_lead(*, leads: bool) -> None:
    readiness = Readiness(replicas=Former("serve:1", leads=leads))
    pace = Backoff(FakeClock(), problem="OperationalError")
    assert readiness._delivery("cards", pace).ok is not leads
