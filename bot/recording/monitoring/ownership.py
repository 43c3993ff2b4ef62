"""Determines which owners of attempts are no longer alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Presence(Protocol):
    """Reports which owners are gone, so that nobody waits for an outcome that they can no longer write."""

    async def absent(self, owners: frozenset[str]) -> frozenset[str]:
        """Return those owners of attempts that surely serve no more; about the others nothing is said."""


@dataclass(frozen=True, slots=True)
class SoleProcess:
    """One process of a kind at a time, as a SQLite file's lock guarantees: any other of that kind is gone."""

    owner: str

    async def absent(self, owners: frozenset[str]) -> frozenset[str]:
        return frozenset(one for one in owners if one != self.owner and kind(one) == kind(self.owner))


def kind(owner: str) -> str:
    """Return what sort of process an owner is: ``serve`` or ``cli``."""
    return owner.partition(":")[0]
