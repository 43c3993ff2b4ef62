from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.storable import visible
from bot.errors import MalformedId, ReasonRefused
from bot.recording.models import Reason
from bot.recording.requests import REASON_LIMIT, ReasonRules, conversation_id, split_pause
from tests.support.recording.service import CALL

LABELS = {"qa": "Quality check", "qa2": "Second check", "dispute": "Dispute about a bill"}


@pytest.mark.parametrize(
    "typed",
    [
        CALL,
        CALL.upper(),
        f"  {CALL} ",
        f"https://apps.mypurecloud.com/directory/#/analytics/interactions/{CALL}/admin/details",
        f"<https://apps.euw2.pure.cloud/directory/#/analytics/interactions/{CALL}/admin/details>",
        f"<https://apps.mypurecloud.de/directory/#/engage/admin/interactions/{CALL}|the call>",
    ],
)
def test_an_id_or_a_link_names_a_call(typed: str) -> None:
    assert conversation_id(typed) == CALL


@pytest.mark.parametrize("typed", ["", "abc", CALL[:-1], CALL + "0", f"https://example.com/{CALL}", "<@U0ADA>", "../x"])
def test_anything_else_does_not(typed: str) -> None:
    with pytest.raises(MalformedId):
        conversation_id(typed)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_an_id(typed: str) -> None:
    with contextlib.suppress(MalformedId):
        assert len(conversation_id(typed)) == len(CALL)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (None, Reason()),
        ("   ", Reason()),
        ("customer upset", Reason(text="customer upset")),
        ("qa", Reason(code="qa")),
        ("QA: customer upset", Reason(code="qa", text="customer upset")),
        ("Quality check customer upset", Reason(code="qa", text="customer upset")),
        ("qa2", Reason(code="qa2")),
        ("Dispute about a bill: again", Reason(code="dispute", text="again")),
        ("qatar", Reason(text="qatar")),
    ],
)
def test_a_reason_is_a_code_words_or_both(typed: str | None, reason: Reason) -> None:
    assert ReasonRules(LABELS).read(typed) == reason


def test_a_reason_may_be_as_long_as_one_slack_text_and_no_longer() -> None:
    assert ReasonRules().read("x" * REASON_LIMIT).text == "x" * REASON_LIMIT
    with pytest.raises(ReasonRefused, match="3,001 characters; at most 3,000"):
        ReasonRules().read("x" * (REASON_LIMIT + 1))


def test_a_required_reason_is_one_of_the_listed() -> None:
    rules = ReasonRules(LABELS, required=True)
    assert rules.read("dispute").code == "dispute"
    for typed in (None, "because"):
        with pytest.raises(ReasonRefused, match="required"):
            rules.read(typed)


def test_a_required_reason_without_a_list_is_any_words() -> None:
    rules = ReasonRules(required=True)
    assert rules.read("because").text == "because"
    with pytest.raises(ReasonRefused):
        rules.read(" ")


@given(st.text(max_size=400))
def test_no_words_are_lost(typed: str) -> None:
    reason = ReasonRules(LABELS).read(typed)
    assert reason.code is not None or (reason.text or "") == visible(typed).strip()


@pytest.mark.parametrize(
    ("typed", "call", "length"),
    [
        ("", None, None),
        ("90s", None, "90s"),
        ("90 s", None, "90 s"),
        ("for 90s", None, "for 90s"),
        (CALL, CALL, None),
        (f"{CALL} 90s", CALL, "90s"),
        (f"90s {CALL}", CALL, "90s"),
        (f"{CALL} for 5 m", CALL, "for 5 m"),
        (f"{CALL} -5s", CALL, "-5s"),
        ("90x", None, "90x"),
        ("0s", None, "0s"),
        ("-5s", None, "-5s"),
        ("1m30s", None, "1m30s"),
        ("abc", "abc", None),
        ("abc 90s", "abc", "90s"),
        (CALL[:8], CALL[:8], None),
    ],
)
def test_a_pause_is_divided_into_the_call_and_the_length(typed: str, call: str | None, length: str | None) -> None:
    assert split_pause(typed) == (call, length)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_pause(typed: str) -> None:
    call, length = split_pause(typed)
    assert (call is None and length is None) == (not typed.split())
