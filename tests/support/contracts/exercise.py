"""Has the product, and then a plain client, use every operation of the simulated Genesys, and keeps what went by."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.errors import GenesysError
from bot.genesys import (
    ConversationsControl,
    GenesysAccount,
    GenesysClient,
    GenesysDirectory,
    GenesysPeople,
    GenesysRecordingFiles,
    GenesysSavedRecordings,
    call_volume,
    check,
)
from bot.genesys.notifications.channel import open_channel, subscribe
from bot.genesys.transport.deadline import unattended
from bot.recording.clock import SystemClock
from bot.recording.models import Mechanism, Target
from bot.recording.ports import tell_nobody
from bot.sandbox.genesys.state.seed import CHAT, ENDED, INBOUND, POLICY_RECORDED, WAITING
from bot.sandbox.genesys.web_api.faults import KINDS
from tests.support.recording.change_options import permit_anyone, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.genesys.web_api.answers import Answer, Route, SimulatedRequest

NIL = "00000000-0000-0000-0000-000000000000"
PATIENCE = 30.0
ADDS_AN_ANSWER = frozenset(
    {"rate_limited", "rate_limited_bare", "unauthorised", "forbidden", "server_error", "conflict", "not_a_user",
     "request_too_large", "answer_too_large"}
)  # fmt: skip
"""Faults that are an answer of the platform; the others are none, or break the connection."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer as they went over the wire."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    answer: Any = field(repr=False)
    by_product: bool = False
    fault: str = ""


@dataclass
class Exercise:
    """All that went by."""

    genesys: SimulatedGenesys
    exchanges: list[Exchange] = field(default_factory=list)
    by_product: bool = False
    fault: str = ""

    def note(self, request: SimulatedRequest, answer: Answer) -> None:
        self.exchanges.append(
            Exchange(
                request.method,
                request.path,
                request.query,
                request.body,
                answer.status,
                None if answer.empty else answer.body,
                by_product=self.by_product,
                fault=self.fault,
            )
        )

    async def by_the_product(self) -> None:
        """Have the adapters do all that the bot does."""
        self.by_product = True
        genesys = self.genesys
        clock = SystemClock()
        client = GenesysClient(
            GenesysAccount(genesys.client_id, genesys.client_secret, api_url=genesys.url), clock=clock
        )
        try:
            await self._control(ConversationsControl(client), clock)
            await self._read(client, clock)
        finally:
            await client.close()
        self.by_product = False

    async def _control(self, control: ConversationsControl, clock: SystemClock) -> None:
        how = within(clock, PATIENCE)
        for call in (INBOUND, POLICY_RECORDED):
            started = await control.start(Target(call), how, reason_code="quality", permit=permit_anyone)
            agent = started.agent.id if started.agent else None
            target = Target(call, participant_id=agent, mechanism=started.mechanism)
            await control.pause(target, how)
            await control.resume(target, how)
            await control.read_call(target, deadline=how.deadline, progress=tell_nobody)
            await control.stop(target, how)
        gone = Target(ENDED, participant_id=self.genesys.calls[ENDED].participants[-1].id, mechanism=Mechanism.ADHOC)
        for call in (WAITING, CHAT, NIL):
            await _or_error(control.start(Target(call), how, reason_code=None, permit=permit_anyone))
        for ended in (gone, Target(ENDED, mechanism=Mechanism.POLICY)):
            await _or_error(control.stop(ended, how))

    async def _read(self, client: GenesysClient, clock: SystemClock) -> None:
        directory, deadline = GenesysDirectory(client), clock.monotonic() + PATIENCE
        listed = await directory.live_calls(deadline=deadline)
        await directory.with_recording(listed, deadline=deadline)
        users = frozenset(self.genesys.floor.directory.users)
        await directory.names("user", users | {NIL}, deadline=deadline)
        await directory.names("queue", frozenset(self.genesys.floor.directory.queues), deadline=deadline)
        self.genesys.calls[ENDED].other_files += ["Station", "Consult", "Screen", "Snippet"]
        self.genesys.calls[ENDED].participants[-1].wraps_up = True
        for call in (ENDED, INBOUND, NIL):
            await GenesysSavedRecordings(client).saved(call, deadline=deadline)
        await self._keep(GenesysRecordingFiles(client), clock)
        people = GenesysPeople(client)
        for words in ("Becker", "tom.becker@example.com"):
            await people.find(words, deadline=deadline)
        user = min(users)
        await people.status(user, deadline=deadline)
        await directory.live_calls_of(user, deadline=deadline)
        self.genesys.faults.switch_on("forbidden", times=1, only="activity")
        await directory.live_calls_of(user, deadline=deadline)
        queues = self.genesys.floor.directory.queues
        await call_volume(client, unattended(deadline), queue_ids=queues, user_ids=[user])
        channel = await open_channel(client)
        await subscribe(client, channel, users | {NIL})
        await check(client)

    async def _keep(self, files: GenesysRecordingFiles, clock: SystemClock) -> None:
        """Protect, release, annotate and play."""
        limits: dict[str, Any] = {"deadline": clock.monotonic() + PATIENCE, "progress": tell_nobody}
        self.genesys.media.transcode_seconds = 0.001
        await files.protect(ENDED, **limits)
        await files.release(ENDED, **limits)
        await _or_error(files.protect(NIL, **limits))
        for file in self.genesys.recordings.saved_files(self.genesys.calls[ENDED])[:2]:
            await files.annotate(ENDED, file.id, "Complaint", **limits)
            await files.media_link(ENDED, file.id, **limits)

    async def by_hand(self) -> None:
        """Send each operation good and bad requests, and have each fault answer each of them."""
        async with aiohttp.ClientSession(self.genesys.url) as session:
            login = {"Authorization": aiohttp.encode_basic_auth(self.genesys.client_id, self.genesys.client_secret)}
            form = {"grant_type": "client_credentials"}
            async with session.post("/oauth/token", data=form, headers=login) as answer:
                session.headers["Authorization"] = f"Bearer {(await answer.json())['access_token']}"
            async with session.post("/api/v2/notifications/channels") as opened:
                channel = (await opened.json())["id"]
            for route in self.genesys.routes():
                if route.method == "*":
                    continue
                for path in _paths(route, self.genesys, channel):
                    for body in _bodies(route, self.genesys):
                        await _send(session, route.method, path, body)
                await self._with_faults(session, route, channel)

    async def _with_faults(self, session: aiohttp.ClientSession, route: Route, channel: str) -> None:
        path, body = next(_paths(route, self.genesys, channel)), next(iter(_bodies(route, self.genesys)))
        for kind in KINDS:
            if kind.name not in ADDS_AN_ANSWER or (kind.name == "conflict" and route.kind != "write"):
                continue
            self.fault = kind.name
            self.genesys.faults.switch_on(kind.name, times=1, value=0 if "large" in kind.name else None)
            await _send(session, route.method, path, body)
            self.genesys.faults.switch_off(kind.name)
        self.fault = ""


async def _send(session: aiohttp.ClientSession, method: str, path: str, body: Any) -> None:
    async with session.request(method, path, json=body) as answer:
        await answer.read()


async def _or_error(action: Any) -> None:
    try:
        await action
    except GenesysError:
        return


def _paths(route: Route, genesys: SimulatedGenesys, channel: str) -> Iterator[str]:
    """Fill the ids of a path in, good ones first."""
    call = genesys.calls[INBOUND]
    agents = [*(one.id for one in call.agents), genesys.calls[ENDED].participants[-1].id, NIL]
    known: dict[str, Iterable[str]] = {
        "conversation": (INBOUND, ENDED, CHAT, POLICY_RECORDED, NIL, "nonsense"),
        "participant": agents,
        "user": (next(iter(genesys.floor.directory.users)), NIL),
        "queue": (next(iter(genesys.floor.directory.queues)), NIL),
        "channel": (channel, NIL),
        "subject": (genesys.client_id, NIL),
        "session": (NIL,),
        "recording": (*(one.id for one in genesys.recordings.saved_files(genesys.calls[ENDED])), NIL),
    }
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    for ids in itertools.product(*(known[name] for name in names)):
        path = route.path
        for name, one in zip(names, ids, strict=True):
            path = path.replace(f"{{{name}}}", one)
        yield path + (
            "?ignoreErrors=true" if route.path.endswith("/subscriptions") and route.method != "DELETE" else ""
        )


def _bodies(route: Route, genesys: SimulatedGenesys) -> tuple[Any, ...]:
    user = next(iter(genesys.floor.directory.users))
    by_operation: dict[str, tuple[Any, ...]] = {
        "recording state": ({"recordingState": "PAUSED"}, {"recordingState": "ACTIVE"}),
        "state": ({"recordingState": "PAUSED"},),
        "participant": ({"recording": True}, {"recording": False}, {"muted": True}),
        "attributes": ({"attributes": {"recordingReason": "quality"}},),
        "conversation activity": (
            {
                "metrics": [{"metric": "oInteracting", "details": True}],
                "groupBy": ["queueId", "userId"],
                "filter": {
                    "type": "and",
                    "predicates": [
                        {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "voice"}
                    ],
                },
            },
        ),
        "conversation details": (
            {
                "interval": "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z",
                "paging": {"pageSize": 5, "pageNumber": 1},
            },
        ),
        "topics": ([{"id": f"v2.users.{user}.conversations.calls"}, {"id": f"v2.users.{NIL}.conversations.calls"}],),
        "recording session": ({"conversationId": INBOUND},),
        "annotation": (
            {"type": "bookmark", "location": 0, "description": "Kept: complaint"},
            {"description": "x" * 501},
            {"color": "red"},
        ),
        "protection": ({"conversationIds": [ENDED]}, {"conversationIds": [NIL]}, {"conversationIds": [ENDED] * 101}),
        "protected": ({"conversationIds": [ENDED]}, {"conversationIds": ["nonsense"]}),
        "user search": (
            {"query": [{"type": "CONTAINS", "fields": ["name"], "value": "becker"}], "pageSize": 2, "pageNumber": 1},
            {"query": [{"type": "EXACT", "fields": ["state"], "value": "active"}], "pageSize": 101},
            {"query": [{"type": "EXACT", "fields": ["state"]}]},
        ),
    }
    return by_operation.get(route.operation, (None,)) if route.method in {"POST", "PUT", "PATCH"} else (None,)
