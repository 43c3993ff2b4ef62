"""What fuzzing found, each once more by itself."""

from __future__ import annotations

import pytest
from slack_sdk.signature import SignatureVerifier

from bot.audit.storable import storable
from bot.genesys.transport.answer import Answer
from bot.genesys.transport.errors import LONGEST_WAIT, retry_after
from bot.genesys.transport.health import RateBudget
from bot.genesys.transport.rate_limiter import RequestLimit
from bot.slack.app import sound
from bot.slack.blocks.start_modal import Form, read_form
from tests.support.clocks.fake_clock import FakeClock

CLICK = {"type": "block_actions", "user": {"id": "U0ADA"}, "actions": [{"action_id": "recording_stop"}]}


def test_text_that_has_no_bytes_is_replaced_wherever_it_stands() -> None:
    assert storable({"a\x00": ["\ud800", 1, None, "ß"]}) == {"a\ufffd": ["\ufffd", 1, None, "ß"]}
    assert Answer(400, text='{"code": "\\ud800"}').evidence.code == "\ufffd"


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000])
def test_json_that_is_too_deep_is_none(text: str) -> None:
    assert Answer(200, text=text).json() is None


def test_no_answer_stops_the_bot_for_longer_than_it_can_mean() -> None:
    assert retry_after(Answer(429, {"retry-after": "1e300"})) == LONGEST_WAIT
    clock = FakeClock()
    limit = RequestLimit(clock, 300)
    limit._under_way = 1
    limit.landed(RateBudget(used=300, allowed=300, reset=10**400))
    assert limit.left == 0
    clock.advance(62)
    assert limit.left == 300


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, CLICK | {"user": None},
        CLICK | {"user": {}}, CLICK | {"user": "U0ADA"}, CLICK | {"actions": None},
        CLICK | {"actions": []}, CLICK | {"actions": [None]}, CLICK | {"actions": [{}]}, CLICK | {"trigger_id": {}},
        {"command": "/record", "user_id": None}, {"type": "view_submission", "user": {"id": "U0ADA"}},
    ],
)  # fmt: skip
def test_what_slack_never_sends_is_no_payload(body: object) -> None:
    assert sound(body) is None
    assert sound(CLICK | {"view": None}) == CLICK


@pytest.mark.parametrize(
    "view",
    [{}, {"state": []}, {"private_metadata": "["}, {"private_metadata": '{"tries": "x", "channel": 1}'}, {"blocks": 1},
     {"state": {"values": {"start_call": {"call": {"selected_option": "x"}}}}}],
)  # fmt: skip
def test_a_form_with_anything_in_it_is_read(view: dict[str, object]) -> None:
    assert read_form(view) == Form()


def test_a_timestamp_beyond_all_numbers_is_what_the_door_has_to_expect() -> None:
    with pytest.raises(OverflowError):
        SignatureVerifier("secret").is_valid(body=b"", timestamp="9" * 400, signature="v0=")
