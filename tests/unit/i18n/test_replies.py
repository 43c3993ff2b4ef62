from __future__ import annotations

from dataclasses import replace

import pytest

from bot import errors
from bot.errors import Evidence
from bot.i18n.error_messages import MessageFormatter, explain, now
from bot.recording.models import RecordingState
from bot.recording.permissions import current_state
from bot.slack.blocks.mrkdwn import escape
from tests.support.slack.samples import HOSTILE, LANGUAGES, NOON, WORDS, recording
from tests.support.slack.texts import CAUSES

VOICE = MessageFormatter(WORDS, person=lambda actor: f"<{actor}>", time=lambda when: f"{when:%H:%M}", plain=escape)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_refusal_says_why_by_its_cause(cause: str) -> None:
    said = explain(errors.NotPermitted(cause=cause), VOICE)
    assert said.startswith(WORDS(f"denied.{cause}_what"))
    assert "Nothing was changed." in said


def test_a_number_is_named_where_there_is_one() -> None:
    error = errors.NothingToStop()
    assert "#" not in explain(error, VOICE)
    error.audit_seq = 12
    assert explain(error, VOICE).endswith("(#12)")


@pytest.mark.parametrize("state", list(RecordingState))
def test_a_recording_in_the_way_is_described(state: RecordingState) -> None:
    error = errors.AlreadyRecording(**current_state(recording(state=state)))
    expected = WORDS(f"standing.{state.value}", by="<slack:T1:U0ADA>", at="12:00")
    assert explain(error, VOICE).startswith(expected)


@pytest.mark.parametrize("state", list(RecordingState))
def test_how_the_call_stands_now_is_never_guessed(state: RecordingState) -> None:
    assert now(recording(state=state), WORDS) == WORDS(f"now.{state.value}")
    assert "We are checking" in now(recording(state=state, in_doubt=True), WORDS)


def test_details_that_help_an_administrator_are_named() -> None:
    missing = errors.PermissionMissing(permission="conversation:call:record")
    assert "Missing permission: conversation:call:record." in explain(missing, VOICE)
    assert "asks record-bot to wait 3 s" in explain(errors.RateLimited(retry_after=3.2), VOICE)
    assert "asks record-bot to wait 1 s" in explain(errors.RateLimited(retry_after=0.1), VOICE)
    assert "Database error: disk full." in explain(errors.AuditUnavailable(cause="disk full"), VOICE)


def test_an_outage_is_said_with_its_beginning_and_the_next_trial() -> None:
    down = errors.GenesysUnavailable(since=NOON, next_trial=3.6)
    said = explain(down, VOICE, recording(state=RecordingState.ACTIVE))
    assert said.startswith(
        "Genesys has not responded since 12:00, so nothing was sent. record-bot checks again in 4 s."
    )
    assert WORDS("now.active") in said
    assert "since" not in explain(errors.GenesysUnavailable(), VOICE)


def test_what_genesys_or_the_database_say_can_not_come_alive() -> None:
    for error in (
        errors.PermissionMissing(permission=HOSTILE),
        errors.AuditUnavailable(cause=HOSTILE),
        errors.RequestRejected(HOSTILE),
    ):
        said = explain(error, VOICE)
        assert "<!channel>" not in said
        assert "<https" not in said


def test_an_unknown_outcome_is_not_called_a_failure() -> None:
    said = explain(errors.OutcomeUnknown(evidence=Evidence(http_status=503)), VOICE, recording(in_doubt=True))
    assert "fail" not in said.lower()
    assert "We are checking whether the call is being recorded." in said


def test_a_fault_of_the_bots_own_promises_nothing_about_the_call() -> None:
    said = explain(errors.RecordBotError(), VOICE)
    assert "Nothing was changed." not in said
    assert "check the call in Genesys" in said


@pytest.mark.parametrize("language", LANGUAGES.known)
def test_a_slow_database_is_said_in_the_readers_words(language: str) -> None:
    voice = replace(VOICE, words=LANGUAGES.known[language])
    said = explain(errors.AuditUnavailable(cause=errors.AuditUnavailable.TOO_SLOW), voice)
    assert voice.words("details.database_slow") in said
    assert errors.AuditUnavailable.TOO_SLOW not in said
