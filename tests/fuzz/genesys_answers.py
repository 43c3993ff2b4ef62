"""Answers of Genesys: as they should be, and what may come instead."""

# ruff: noqa: E501  tables of bytes are read by the row

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.odd import junk, mutilated, texts
from tests.fuzz.raw_server import http

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
AT = "2026-03-02T08:55:00.000Z"


def person(number: int, purpose: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "purpose": purpose,
        "state": "connected",
        "user": {"id": f"u{number}"},
        "queue": {"id": "q1", "name": "Sales"},
        "name": "Ann Onym",
        "connectedTime": AT,
        "recordingState": "none",
        "recordersState": {"adhocState": "none"},
        "securePause": False,
    } | more


def call(**more: Any) -> dict[str, Any]:
    agent, customer = person(1, "agent", **more), {"id": "p2", "purpose": "customer", "state": "connected"}
    return {"id": CALL, "participants": [agent, customer], "recordingState": "none"}


SESSION = {"id": "s1", "status": "active", "conversationId": CALL, "startTime": AT}
LIVE = {"userId": "u1", "queueId": "q1", "conversationId": CALL, "mediaType": "voice", "metric": "oInteracting",
        "activityDate": AT, "sessionId": "x", "participantName": "Ann", "direction": "inbound"}  # fmt: skip
SEGMENT = {"segmentStart": AT, "segmentType": "interact", "queueId": "q1"}
DETAIL = {"conversationId": CALL, "conversationStart": AT, "originatingDirection": "inbound", "participants": [
    {"participantId": "p1", "userId": "u1", "purpose": "agent", "participantName": "Ann", "sessions": [
        {"mediaType": "voice", "sessionId": "x", "direction": "inbound", "recording": True, "segments": [SEGMENT]}]}]}  # fmt: skip
ERROR = {"message": "no", "code": "bad.request", "status": 400, "contextId": "c-1", "details": [], "errors": []}
GOOD: dict[str, Any] = {
    "POST /oauth/token": {"access_token": "token", "expires_in": 86400, "token_type": "bearer"},
    f"GET /api/v2/conversations/calls/{CALL}": call(),
    f"GET /api/v2/conversations/{CALL}": {"id": CALL, "participants": [{"id": "p1", "calls": [{"id": "x"}]}]},
    f"GET /api/v2/conversations/{CALL}/recordingmetadata": [
        {"id": "r1", "fileState": "AVAILABLE", "media": "audio", "startTime": AT, "endTime": AT}
    ],
    f"GET /api/v2/conversations/{CALL}/recordings/r1": {
        "id": "r1",
        "fileState": "AVAILABLE",
        "mediaUris": {"S": {"mediaUri": "https://files.example.com/r1?X-Amz-Date=20260302T085500Z&X-Amz-Expires=60"}},
    },
    f"GET /api/v2/conversations/{CALL}/recordings/r1/annotations": [],
    f"POST /api/v2/conversations/{CALL}/recordings/r1/annotations": {"id": "n1", "description": "Complaint"},
    "POST /api/v2/recordings/deletionprotection": [],
    "POST /api/v2/users/search": {
        "results": [{"id": "u1", "name": "Ann Onym", "email": "ann@example.com"}],
        "total": 1,
    },
    "GET /api/v2/users/u1": {
        "id": "u1",
        "routingStatus": {"status": "IDLE"},
        "presence": {"presenceDefinition": {"systemPresence": "On Queue"}},
    },
    "GET /api/v2/recording/sessions": [SESSION],
    "GET /api/v2/recording/sessions/s1": SESSION,
    "POST /api/v2/recording/sessions": SESSION,
    "POST /api/v2/recording/sessions/s1/stop": SESSION | {"status": "stopped"},
    "POST /api/v2/analytics/conversations/activity/query": {"results": [{"group": {}, "entities": [LIVE]}]},
    "POST /api/v2/analytics/conversations/details/query": {"conversations": [DETAIL]},
    "GET /api/v2/users": {"entities": [{"id": "u1", "name": "Ann Onym"}]},
    "GET /api/v2/routing/queues": {"entities": [{"id": "q1", "name": "Sales"}]},
    "POST /api/v2/notifications/channels": {"id": "ch1", "connectUri": "wss://127.0.0.1:9/nowhere"},
    "PUT /api/v2/notifications/channels/ch1/subscriptions": {
        "entities": [{"id": "v2.users.u1.conversations.calls", "state": "Permitted"}]
    },
    "GET /api/v2/tokens/me": {"organization": {"id": "o"}},
}
"""What comes back when all is well, by method and path; an empty object from anywhere else."""

STATUSES = (200, 200, 200, 200, 201, 202, 204, 206, 301, 304, 400, 401, 403, 404, 408, 409, 413, 418, 429, 500, 502, 503,
            504, 599, 600, 999)  # fmt: skip
SECONDS = ("0", "1", "-1", "1e300", "inf", "nan", "9" * 400, "soon", "", "1_0", "0.5", "Wed, 21 Oct 2026 07:28:00 GMT")
COUNTS = ("0", "1", "300", "-5", "9" * 30, "9" * 400, "1.5", "none", "\xb2", "")
NONSENSE = (
    b"", b"\x00" * 40, b"HTTP/1.1", b"HTTP/1.1 200\r\n", b"HTTP/1.1 200\r\n ", b"HTTP/1.1 200 OK\r\n: x\r\n\r\n{}", b"HTTP/9.9 200 OK\r\n\r\n{}", b"HTTP/1.1 20x OK\r\n\r\n",
    b"HTTP/1.1 99999 OK\r\n\r\n", b"HTTP/1.1 099 OK\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n\r\n", b"{}",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 5\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n{}",
    b"HTTP/1.1 200 \xff\xfe\r\n\xff: \xff\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.0 200 OK\r\n\r\n" + b"{" * 100,
)  # fmt: skip
BODIES = (
    b"", b"null", b"[]", b"{}", b'""', b"0", b"NaN", b"{", b'{"id": "c1", "participants": [', b"[" * 200_000,
    b'{"a":' * 50_000, b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"<html>502</html>", b"9" * 5000, b"1e999", b'{"code": "\\ud800"}',
    b'{"code": "a\\u0000b", "contextId": "\\udfff", "message": "\\u0000"}', b'{"id": 1, "id": null}',
)  # fmt: skip

headers = st.lists(
    st.one_of(
        st.tuples(st.just("Retry-After"), st.sampled_from(SECONDS)),
        st.tuples(st.sampled_from(["inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"]),
                  st.sampled_from(COUNTS)),
        st.tuples(st.just("ININ-Correlation-Id"), st.sampled_from(["x", "\xfc\x80", "a" * 5000, "\x00", "a\tb", ""])),
        st.tuples(st.just("Content-Encoding"), st.sampled_from(["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "?"])),
        st.tuples(st.just("Content-Type"), st.sampled_from(["application/json", "text/html; charset=nonsense", "\xff"])),
        st.tuples(st.just("Transfer-Encoding"), st.sampled_from(["chunked", "gzip", "?"])),
        st.tuples(st.just("Location"), st.sampled_from(["http://127.0.0.1:9/", "//", "\x00"])),
    ),
    max_size=4,
).map(tuple)  # fmt: skip


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def answers(draw: st.DrawFn, good: Any) -> bytes:
    """Return what comes back instead of ``good``, more or less of it."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(NONSENSE))
    status = draw(st.sampled_from(STATUSES))
    if kind == 1:
        body = draw(st.sampled_from(BODIES))
    elif kind == 2:
        body = draw(st.binary(max_size=40))
    elif kind == 3:
        body = encoded(draw(junk))
    else:
        body = encoded(draw(mutilated(ERROR if status >= 400 else good, odd=st.one_of(junk, texts))))
    length = draw(st.sampled_from([None, None, None, None, 0, len(body) + 7, max(len(body) - 1, 0)]))
    return http(body, status=status, headers=draw(headers), length=length)
