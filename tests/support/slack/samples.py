"""Recordings and entries as the tests of the Slack side need them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bot.audit.entry import GENESIS_HASH, Draft, Entry, Phase, chain
from bot.i18n.catalog import read_languages
from bot.recording.card import Card
from bot.recording.models import Mechanism, Recording, RecordingState
from bot.slack.blocks.card import CardStyle

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
RECORDING_ID = UUID("019a0000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LANGUAGES = read_languages()
WORDS = LANGUAGES.of("en")
STYLE = CardStyle(team_id="T1", words=WORDS, reason_labels={"complaint": "Complaint"})
HOSTILE = "<!channel> & <@U0GRACE|x> *b* `c` <https://evil.example|click>"


def recording(**changes: Any) -> Recording:
    begun = Recording(
        id=RECORDING_ID,
        conversation_id=CALL,
        state=RecordingState.ACTIVE,
        version=3,
        started_by="slack:T1:U0ADA",
        requested_at=NOON,
        mechanism=Mechanism.ADHOC,
        started_at=NOON,
        audit_seq=7,
    )
    return replace(begun, **changes)


def card(*, agent: str | None = None, queue: str | None = None, **changes: Any) -> Card:
    return Card(recording(**changes), "C0FLOOR", "slack:T1:U0ADA", agent_name=agent, queue_name=queue)


def entry(*, seq: int = 5, **changes: Any) -> Entry:
    draft = Draft(
        id=UUID(int=seq),
        attempt_id=UUID(int=99),
        occurred_at=NOON,
        phase=Phase.REQUESTED,
        action="recording:start",
        actor="slack:T1:U0ADA",
        conversation_id=CALL,
    )
    return chain(replace(draft, **changes), seq=seq, previous_hash=GENESIS_HASH)
