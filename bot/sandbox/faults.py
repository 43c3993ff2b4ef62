"""Switches for the things that go wrong in other people's systems, thrown by a test or by a visitor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong.

    ``value`` means what ``value_label`` says (seconds for most); ``remaining`` is how many more times it happens:
    0 is off, None is until somebody switches it off. ``only`` limits it to operations whose name contains it.
    ``lasting``: it is no accident but how an organization is set up, and holds until it is switched off.
    """

    name: str
    label: str
    value: float | None = None
    value_label: str = ""
    remaining: int | None = 0
    only: str = ""
    lasting: bool = False

    @property
    def on(self) -> bool:
        return self.remaining != 0

    def snapshot(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "value": self.value,
            "value_label": self.value_label,
            "remaining": self.remaining,
            "only": self.only,
            "on": self.on,
            "lasting": self.lasting,
        }


@dataclass
class FaultSwitches:
    """The faults of one simulated system, by name, in the order in which a page shows them."""

    kinds: Iterable[Fault]
    on_change: Callable[[], None] = lambda: None
    _faults: dict[str, Fault] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._faults = {fault.name: fault for fault in self.kinds}

    def switch_on(self, name: str, *, times: int | None = None, value: float | None = None, only: str = "") -> None:
        """Make ``name`` happen ``times`` times (None: until switched off), for operations that contain ``only``."""
        fault = self._faults[name]
        times = None if fault.lasting else times
        self._put(replace(fault, remaining=times, value=fault.value if value is None else value, only=only))

    def switch_off(self, name: str) -> None:
        self._put(replace(self._faults[name], remaining=0, only=""))

    def switch_all_off(self) -> None:
        for name in list(self._faults):
            self.switch_off(name)

    def take(self, name: str, operation: str = "") -> Fault | None:
        """Say whether ``name`` happens to this operation now, and count it down when it does."""
        fault = self._faults[name]
        if not fault.on or fault.only not in operation:
            return None
        if fault.remaining is not None:
            self._put(replace(fault, remaining=fault.remaining - 1))
        return fault

    def value_of(self, name: str, operation: str = "") -> float | None:
        """Return the value of ``name`` where it would happen to this operation, and count nothing down."""
        fault = self._faults[name]
        return fault.value if fault.on and fault.only in operation else None

    def snapshot(self) -> list[dict[str, Any]]:
        return [fault.snapshot() for fault in self._faults.values()]

    def _put(self, fault: Fault) -> None:
        self._faults[fault.name] = fault
        self.on_change()
