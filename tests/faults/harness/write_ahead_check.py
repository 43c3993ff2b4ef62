"""The outside observer: at the instant a write reaches Genesys, is its request on disk?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.genesys.web_api.answers import SimulatedRequest
    from tests.faults.harness.database_client import Outside

PLAINLY_REFUSED = {401, 409, 413, 429}
OPEN_REQUEST = """
    SELECT attempt_id FROM audit_entries AS asked
    WHERE conversation_id = ? AND phase = 'requested' AND action IN (?, ?, ?) AND NOT EXISTS (
        SELECT 1 FROM audit_entries AS ended WHERE ended.attempt_id = asked.attempt_id AND ended.seq > asked.seq
            AND ended.phase IN ('succeeded', 'failed', 'observed'))
"""


@dataclass(frozen=True)
class Seen:
    """A write, and the request on disk that it belongs to; None where there was none."""

    request: SimulatedRequest
    attempt_id: str | None
    starts: bool


@dataclass
class Witness:
    """Looks into the file whenever a write arrives, before Genesys does anything about it."""

    outside: Outside
    seen: list[Seen] = field(default_factory=list)

    def on_write(self, request: SimulatedRequest) -> None:
        actions = _actions(request)
        attempt = self.outside.one(OPEN_REQUEST, _call(request), *actions)
        self.seen.append(Seen(request, attempt, "recording:start" in actions))

    def faults(self) -> list[str]:
        """Say which writes came without their request on disk, and which starts were sent twice."""
        found = [
            f"{one.request.method} for {one.request.conversation_id} came before its entry was on disk"
            for one in self.seen
            if one.attempt_id is None
        ]
        sent = Counter(one.attempt_id for one in self.seen if one.starts and one.request.status not in PLAINLY_REFUSED)
        found += [
            f"the start of attempt {attempt} was sent {times} times" for attempt, times in sent.items() if times > 1
        ]
        return found


def _call(request: SimulatedRequest) -> str | None:
    """Return the call; a protection names several, and the bot protects one at a time."""
    ids = request.body.get("conversationIds") if isinstance(request.body, dict) else None
    return str(ids[0]) if isinstance(ids, list) and len(ids) == 1 else request.conversation_id


def _actions(request: SimulatedRequest) -> tuple[str, str, str]:
    """Return the actions, as the trail calls them, that send such a write."""
    body = request.body if isinstance(request.body, dict) else {}
    if request.name == "annotation" or (request.name == "protection" and request.query.get("protect") != "false"):
        return ("recording:keep",) * 3
    if request.name == "protection":
        return ("recording:release",) * 3
    if request.method == "PATCH":
        if body.get("recording"):
            return "recording:start", "recording:start", "recording:follow"
        return ("recording:stop",) * 3
    if body.get("recordingState") == "PAUSED":
        return "recording:pause", "recording:stop", "recording:stop"
    return "recording:resume", "recording:start", "recording:follow"
