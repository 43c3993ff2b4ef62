"""The figures: what is counted, by which words, and that labels can't grow without end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from bot.audit.entry import GENESIS_HASH, Draft, Entry, Phase, chain
from bot.observability.metrics import VERBS, Metrics


@dataclass(frozen=True)
class Request:
    operation: str = "read call"
    method: str = "GET"
    status: int | None = 200
    error: str | None = None
    seconds: float = 0.25
    correlation_id: str | None = "0a1b"
    client: str | None = None


def entry(action: str, phase: Phase, **outcome: object) -> Entry:
    draft = Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=datetime(2026, 3, 2, tzinfo=UTC),
        phase=phase,
        action=action,
        actor="slack:T:U",
        conversation_id=str(uuid7()),
        outcome=outcome,
    )
    return chain(draft, seq=1, previous_hash=GENESIS_HASH)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("action", "phase", "verb"),
    [
        ("recording:start", Phase.SUCCEEDED, "start"),
        ("recording:stop", Phase.UNKNOWN, "stop"),
        ("recording:stop", Phase.OBSERVED, "stop"),
        ("recording:read", Phase.SUCCEEDED, "read"),
        ("recording:still_needed", Phase.SUCCEEDED, "still_needed"),
        ("audit:report", Phase.SUCCEEDED, "report"),
    ],
)
def test_an_action_counts_by_verb_and_how_it_ended(action: str, phase: Phase, verb: str) -> None:
    metrics = Metrics()

    metrics.on_entry(entry(action, Phase.REQUESTED))
    metrics.on_entry(entry(action, phase))

    assert value(metrics, "record_bot_actions_total", verb=verb, outcome=phase.value) == 1
    assert value(metrics, "record_bot_actions_total", verb=verb, outcome="requested") is None


@pytest.mark.parametrize("action", ["bot:start", "call:ended", "audit:digest", "recording:saved"])
def test_what_nobody_asked_for_is_not_counted(action: str) -> None:
    metrics = Metrics()

    metrics.on_entry(entry(action, Phase.OBSERVED))

    assert b"record_bot_actions_total{" not in metrics.page()


def test_a_denial_counts_by_cause() -> None:
    metrics = Metrics()

    metrics.on_entry(entry("recording:start", Phase.DENIED, error="not_permitted", cause="guest"))
    metrics.on_too_many()

    assert value(metrics, "record_bot_denied_total", cause="guest") == 1
    assert value(metrics, "record_bot_denied_total", cause="too_many_requests") == 1


def test_ids_are_no_labels() -> None:
    metrics = Metrics()
    seen = [entry(action, phase) for action in VERBS for phase in Phase]

    for one in seen:
        metrics.on_entry(one)
    metrics.on_request(Request())

    page = metrics.page().decode()
    assert not [one for one in seen if str(one.attempt_id) in page or str(one.conversation_id) in page]
    assert "0a1b" not in page
    assert value(metrics, "record_bot_genesys_seconds_sum", operation="read call") == 0.25


def test_what_runs_is_named() -> None:
    page = Metrics().page().decode()

    assert 'record_bot_build_info{python="3.' in page


def test_a_write_that_is_tried_again_is_counted() -> None:
    metrics = Metrics()
    assert value(metrics, "record_bot_database_write_retries_total") == 0
    metrics.on_write_retried()
    assert value(metrics, "record_bot_database_write_retries_total") == 1


def test_every_metric_has_one_prefix_and_the_suffix_of_its_kind() -> None:
    counters = 0
    for family in Metrics().registry.collect():
        samples = {one.name for one in family.samples}
        assert family.name.startswith("record_bot_"), family.name
        assert family.type != "histogram" or family.name.endswith(("_seconds", "_bytes")), family.name
        assert family.type == "counter" or not family.name.endswith("_total"), family.name
        if family.type == "counter" and samples:
            counters += 1
            assert f"{family.name}_total" in samples, family.name
    assert counters
