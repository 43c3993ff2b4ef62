"""Everything that the bot shows, through the models of Slack's own SDK and back, without loss."""

from __future__ import annotations

from typing import Any

import pytest

from bot.admin.checks.sample_messages import Sample, Samples
from bot.recording.call import CallRecording, Direction, LiveCall, Participant
from bot.recording.requests import ReasonRules
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.sandbox.slack.block_kit.blocks import wrong_with_view as wrong_with_view_for_slack
from bot.slack.blocks.call_options import call_options
from tests.integration.slack.outbox.test_bot_posting import text_objects
from tests.support.slack.samples import CALL, LANGUAGES, NOON, STYLE
from tests.support.slack.sdk_models import wrong_with_message, wrong_with_options, wrong_with_view

SAMPLES = tuple(Samples(STYLE, LANGUAGES, ReasonRules({"complaint": "Complaint"})).all())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.name)
def test_the_models_lose_nothing(sample: Sample) -> None:
    if sample.is_view:
        assert list(wrong_with_view(sample.payload)) == []
        assert wrong_with_view_for_slack(sample.payload, wanted=sample.payload["type"]) == []
    else:
        assert list(wrong_with_message(sample.payload)) == []
        assert wrong_with_blocks(sample.payload["blocks"]) == []
        assert sample.payload.get("parse", "none") == "none"
    assert all(one["verbatim"] is True for one in text_objects(sample.payload))


def test_the_options_of_live_calls() -> None:
    agents = (Participant("p", "u-1", "Priya"), Participant("q", "u-2", "Hanna"))
    call = LiveCall(CALL, agents, "q-1", "Billing", Direction.INBOUND, NOON, CallRecording.ACTIVE)
    for words in LANGUAGES.known.values():
        for number in (1, 200):
            assert list(wrong_with_options(call_options([call] * number, words, NOON))) == []


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "sectoin"}, "knows no such block"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "text attribute cannot exceed 150"),
        ({"type": "divider", "made_up": 1}, "and the SDK makes"),
    ],
    ids=str,
)
def test_the_comparison_finds_what_is_wrong(block: dict[str, Any], says: str) -> None:
    assert says in next(wrong_with_message({"blocks": [block]}))
