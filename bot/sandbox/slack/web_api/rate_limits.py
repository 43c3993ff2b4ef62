"""Slack's rate limits: https://docs.slack.dev/apis/web-api/rate-limits/."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PER_MINUTE = {2: 20, 3: 50, 4: 100}
POST_BURST = 5


@dataclass
class _Bucket:
    capacity: float
    per_second: float
    tokens: float
    at: float


@dataclass
class RateLimits:
    """Token buckets: a method's tier for the whole team, and ``chat.postMessage`` for each channel."""

    clock: Callable[[], float]
    _buckets: dict[tuple[str, str], _Bucket] = field(init=False, default_factory=dict)

    def retry_after(self, method: str, tier: int | None, channel: str) -> int | None:
        """Count one call; return the whole seconds to wait where it is one too many."""
        if method == "chat.postMessage":
            return self._take((method, channel), capacity=POST_BURST, per_second=1)
        if tier is None:
            return None
        return self._take((method, ""), capacity=PER_MINUTE[tier], per_second=PER_MINUTE[tier] / 60)

    def _take(self, key: tuple[str, str], *, capacity: float, per_second: float) -> int | None:
        now = self.clock()
        bucket = self._buckets.setdefault(key, _Bucket(capacity, per_second, capacity, now))
        passed = max(0.0, now - bucket.at)
        bucket.tokens = min(bucket.capacity, bucket.tokens + passed * bucket.per_second)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, math.ceil((1 - bucket.tokens) / bucket.per_second))
