"""One repetition of a fault: a fresh call, the people who act on it, and the result."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults.harness.single_process import FLOOR

if TYPE_CHECKING:
    from random import Random

    from bot.sandbox.genesys.web_api.answers import SimulatedRequest
    from bot.sandbox.slack.events.delivery import DeliveryResult
    from tests.faults.harness.single_process import Stage

ADA, GRACE = "U0ADA", "U0GRACE"
START, STOP = "start", "stop"
LATE_WORDS = "A start that had been given up on went through after all"
"""What the card says of a start that took effect after it had been given up."""


@dataclass
class Run:
    """``starts`` is how often recording has to have begun in the end; None where chance decides between 0 and 1."""

    stage: Stage
    number: int
    chance: Random
    verb: str = START
    may_go_unanswered: bool = False
    starts: int | None = None
    call: str = ""
    asked: list[DeliveryResult] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    taken_over: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.call = self.stage.genesys.add_call().conversation_id

    # People

    async def types(self, user: str, text: str) -> DeliveryResult:
        return self._note(await self.stage.slack.command(user, FLOOR, text))

    async def clicks(self, user: str, verb: str, *, card: Any = None) -> DeliveryResult:
        card = card or self.stage.cards(self.call)[-1]
        return self._note(await self.stage.slack.click(user, card.channel, card.ts, f"recording_{verb}"))

    async def asks(self, verb: str | None = None, *, user: str = ADA) -> DeliveryResult:
        """Ask for the run's verb, in one of the ways in which a person can."""
        verb = verb or self.verb
        if verb == STOP and self.chance.random() < 0.5:
            return await self.clicks(user, STOP)
        return await self.types(user, f"{verb} {self.call}")

    def asks_meanwhile(self) -> asyncio.Task[DeliveryResult]:
        return asyncio.create_task(self.asks())

    def _note(self, result: DeliveryResult) -> DeliveryResult:
        self.asked.append(result)
        if result.again is not None:
            self.asked.append(result.again)
        return result

    # What is so

    def attempts(self, asked: DeliveryResult) -> int:
        """Return how many attempts a delivery has led to."""
        trigger = asked.payload.body["trigger_id"]
        count: int = self.stage.outside.one("SELECT count(*) FROM attempts WHERE dedupe_key LIKE ?", f"%:{trigger}")
        return count

    def state(self) -> str | None:
        state: str | None = self.stage.outside.one(
            "SELECT state FROM recordings WHERE conversation_id = ? ORDER BY requested_at DESC LIMIT 1", self.call
        )
        return state

    def recordings(self) -> int:
        count: int = self.stage.outside.one("SELECT count(*) FROM recordings WHERE conversation_id = ?", self.call)
        return count

    def phases(self, action: str = "recording:%") -> list[str]:
        return [
            row["phase"]
            for row in self.stage.outside.rows(
                "SELECT phase FROM audit_entries WHERE conversation_id = ? AND action LIKE ? ORDER BY seq",
                self.call,
                action,
            )
        ]

    def outcomes(self) -> int:
        """Return how many entries about the call are outcomes."""
        return sum(phase not in {"requested", "unknown"} for phase in self.phases())

    def told(self, user: str, words: str) -> bool:
        """Say whether the person alone was shown these words."""
        return any(words in one.text for one in self.stage.slack.messages(FLOOR) if one.ephemeral_to == user)

    def reads(self, request: SimulatedRequest) -> bool:
        return request.conversation_id == self.call and not request.is_write

    def writes(self, request: SimulatedRequest) -> bool:
        return request.conversation_id == self.call and request.is_write

    def written(self) -> int:
        return len(self.stage.genesys.writes(self.call))

    # Usual steps

    async def prepare(self) -> None:
        """Have the call recorded, where the fault is to meet its stop."""
        if self.verb == STOP:
            await self.record()

    async def record(self) -> None:
        await self.types(ADA, f"start {self.call}")
        await self.stage.until(
            f"{self.call} is recorded and its card says so",
            lambda: self.state() == "active" and self.card_says("Recording"),
        )

    def card_says(self, words: str) -> bool:
        cards = self.stage.cards(self.call)
        return bool(cards) and cards[-1].text.startswith(words)

    def card_mentions(self, words: str) -> bool:
        cards = self.stage.cards(self.call)
        return bool(cards) and words in cards[-1].text

    async def until_settled(self, outcomes: int, *, within: float = 40.0) -> None:
        """Wait until the trail has so many outcomes about the call."""
        await self.stage.until(
            f"{outcomes} outcomes about {self.call}", lambda: self.outcomes() >= outcomes, within=within
        )

    def expect(self, truth: object, sentence: str) -> None:
        if not truth:
            self.violations.append(sentence)
