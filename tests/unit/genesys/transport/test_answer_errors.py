"""Each kind of answer, as one of the bot's errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot import errors
from bot.genesys.transport.answer import Answer
from bot.genesys.transport.errors import error_for, login_error_for, retry_after, transient


def answer(status: int, headers: dict[str, str] | None = None, **body: Any) -> Answer:
    return Answer(status=status, headers=headers or {}, text=json.dumps(body))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "conversation.error.conversation.disconnected", errors.CallEnded),
        (400, "conversation.error.call.disconnected", errors.AgentLeft),
        (400, "conversation.error.user.not.party", errors.UserContextNeeded),
        (400, "conversation.error.participant.no.active.conversations", errors.AgentLeft),
        (404, "conversation.error.participant.not.found", errors.AgentLeft),
        (404, "conversation.error.not.conversation.participant", errors.UserContextNeeded),
        (403, "conversation.error.forbidden.not.active.participant", errors.UserContextNeeded),
        (404, "conversation.error.conversation.not.found", errors.CallNotFound),
        (404, "conversation.not.found", errors.CallNotFound),
        (404, "conversation.error.consult.transfer.pending.not.found", errors.NotFound),
        (400, "conversation.not.active", errors.RequestRejected),
        (400, "not.a.user", errors.UserContextNeeded),
        (400, "bad.request", errors.RequestRejected),
        (400, None, errors.RequestRejected),
        (401, "bad.credentials", errors.LoginRefused),
        (403, "missing.permissions", errors.PermissionMissing),
        (404, "not.found", errors.NotFound),
        (404, None, errors.NotFound),
        (408, "client.timeout", errors.GenesysUnavailable),
        (409, "request.conflict", errors.Conflict),
        (413, "request.entity.too.large", errors.RequestTooLarge),
        (413, None, errors.RequestTooLarge),
        (400, "response.entity.too.large", errors.RequestTooLarge),
        (415, "unsupported.media.type", errors.RequestRejected),
        (429, "too.many.requests", errors.RateLimited),
        (302, None, errors.RequestRejected),
        (500, "internal.server.error", errors.GenesysUnavailable),
        (504, None, errors.GenesysUnavailable),
    ],
)
def test_each_answer_has_its_error(status: int, code: str | None, expected: type[errors.GenesysError]) -> None:
    error = error_for(answer(status, {"inin-correlation-id": "corr"}, code=code, contextId="ctx", message="So."))

    assert type(error) is expected
    assert error.evidence == errors.Evidence(http_status=status, code=code, context_id="ctx", correlation_id="corr")


@pytest.mark.parametrize(
    ("body", "permission"),
    [
        ({"messageParams": {"permissions": "conversation:call:record"}}, "conversation:call:record"),
        ({"messageParams": {"permission": ["a:b:c", "d:e:f"]}}, "a:b:c"),
        (
            {"message": "You are missing the following permission(s): recording:recording:view"},
            "recording:recording:view",
        ),
        ({"message": "No."}, None),
        ({"messageParams": None}, None),
    ],
)
def test_the_missing_permission_is_found(body: dict[str, Any], permission: str | None) -> None:
    error = error_for(answer(403, **body))
    assert isinstance(error, errors.PermissionMissing)
    assert error.permission == permission


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", '{"code": 7, "message": null, "contextId": {}}'])
def test_an_answer_without_an_error_body_still_has_its_error(text: str) -> None:
    error = error_for(Answer(status=400, text=text))
    assert isinstance(error, errors.RequestRejected)
    assert error.evidence == errors.Evidence(http_status=400)
    assert "HTTP 400" in str(error)


def test_long_messages_are_cut() -> None:
    assert len(str(error_for(answer(400, message="far too long " * 1000)))) < 300


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("", None), ("soon", None), ("-1", None), ("inf", None), ("nan", None)],
)
def test_the_time_to_wait_is_a_number_of_seconds(header: str, seconds: float | None) -> None:
    assert retry_after(answer(429, {"retry-after": header})) == seconds
    assert retry_after(answer(429)) is None


def test_a_login_is_refused_or_unavailable() -> None:
    refused = login_error_for(answer(400, error="invalid_client", description="No such client."))
    assert isinstance(refused, errors.LoginRefused)
    assert refused.evidence.code == "invalid_client"
    assert "No such client." in str(refused)
    assert isinstance(login_error_for(answer(503)), errors.GenesysUnavailable)
    assert isinstance(login_error_for(answer(200)), errors.GenesysUnavailable)


def test_what_leaves_the_outcome_open() -> None:
    assert [status for status in (200, 400, 408, 409, 429, 500, 503) if transient(answer(status))] == [408, 500, 503]
