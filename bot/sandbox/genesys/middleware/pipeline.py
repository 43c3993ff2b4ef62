"""What every API request passes: it is noted, authorized, counted, and broken where a fault says so."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web

from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api import faults as breakage
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.genesys.middleware.authorization import Access
    from bot.sandbox.genesys.middleware.oauth import Logins
    from bot.sandbox.genesys.middleware.rate_limit import OrganizationLimits, RateLimit

    Observer = Callable[[SimulatedRequest], Awaitable[None] | None]

JUNK = "<html><body>upstream said something else</body></html>"
STATE_FIELDS = frozenset({"recording", "recordingState", "recordersState", "securePause"})
LAST_SHOWN = 20
KEPT = 20_000
"""Requests; when there are more, the older half is forgotten, so that a sandbox can run for weeks."""


@dataclass(slots=True)
class Gate:
    """Stands before every operation of the API."""

    clock: Callable[[], float]
    logins: Logins
    limit: RateLimit
    organization: OrganizationLimits
    clients: dict[str, Access]
    faults: FaultSwitches
    on_change: Callable[[], None]
    requests: list[SimulatedRequest] = field(default_factory=list)
    """Every API request in the order of arrival, refused and broken ones included; logins are not among them."""

    observers: list[Observer] = field(default_factory=list)
    answer_observers: list[Callable[[SimulatedRequest, Answer], None]] = field(default_factory=list)
    """Called with each answer before it is sent; junk and cut connections are none."""

    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server stops, so that what hangs lets go."""

    total: int = 0
    in_progress: int = 0
    """Requests that have arrived and are not answered yet, those that hang included."""

    def open(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Make an aiohttp handler of ``route``."""

        async def handle(http: web.Request) -> web.StreamResponse:
            self.in_progress += 1
            try:
                seen = await self._note(http, route)
                return await self._pass(http, route, seen)
            finally:
                self.in_progress -= 1
                self.on_change()

        return handle

    def snapshot(self) -> dict[str, Any]:
        return {"total": self.total, "last": [seen.snapshot() for seen in self.requests[-LAST_SHOWN:]]}

    async def _note(self, http: web.Request, route: Route) -> SimulatedRequest:
        seen = SimulatedRequest(
            method=http.method,
            path=http.path,
            operation=f"{http.method} {route.operation} ({route.kind})",
            at=self.clock(),
            is_write=route.kind == "write",
            correlation_id=str(uuid4()),
            ids=dict(http.match_info),
            query=dict(http.query),
            body=_parse(await http.read()),
        )
        self.requests.append(seen)
        self.total += 1
        if len(self.requests) > KEPT:
            del self.requests[: KEPT // 2]
        self.on_change()
        for observer in self.observers if seen.is_write else ():
            told = observer(seen)
            if inspect.isawaitable(told):
                await told
        return seen

    async def _pass(self, http: web.Request, route: Route, seen: SimulatedRequest) -> web.StreamResponse:
        try:
            token = self.logins.authorise(http.headers.get("Authorization"))
        except Problem as problem:
            return self._send(seen, "", problem.answer(seen.correlation_id))
        seen.client = self.clients[self.logins.client_of(token)]
        if not self.limit.count(token):
            limited = answers.too_many_requests(self.limit.reset_in(token))
            return self._send(seen, token, limited.answer(seen.correlation_id))
        if not self.organization.count(route.path):
            limited = answers.too_many_requests(self.organization.reset_in(route.path))
            counted = token if self.organization.token_headers else ""
            return self._send(seen, counted, limited.answer(seen.correlation_id))
        if fault := self.faults.take("hang", seen.operation):
            await self._hold(fault.value)
            if _gone(http) or self.closing.is_set():
                return _drop(http)
        if self.faults.take("drop_before", seen.operation):
            return _drop(http)
        return await self._after(http, seen, token, await self._answer(route, seen))

    async def _answer(self, route: Route, seen: SimulatedRequest) -> Answer:
        refused = breakage.refusal(self.faults, seen, route.permission, self.limit.allowed)
        if refused is None and seen.client is not None:
            refused = self.clients[seen.client.client_id].refusal(route)
        if refused is not None:
            return refused.answer(seen.correlation_id)
        try:
            answer = route.handler(seen)
            if inspect.isawaitable(answer):
                answer = await answer
        except Problem as problem:
            return problem.answer(seen.correlation_id)
        if route.shows_state and self.faults.take("null_state", seen.operation):
            return Answer(answer.status, _without_state(answer.body))
        return answer

    async def _after(self, http: web.Request, seen: SimulatedRequest, token: str, answer: Answer) -> web.StreamResponse:
        """Send the answer, or break it: by now everything has happened."""
        if self.faults.take("drop_after", seen.operation):
            return _drop(http)
        for name in ("hang_after", "slow"):
            if fault := self.faults.take(name, seen.operation):
                await self._hold(fault.value)
        if _gone(http) or self.closing.is_set():
            return _drop(http)
        if self.faults.take("junk", seen.operation):
            seen.status = 200
            return web.Response(text=JUNK, content_type="text/html", headers=self._headers(seen, token))
        return self._send(seen, token, answer)

    def _send(self, seen: SimulatedRequest, token: str, answer: Answer) -> web.Response:
        seen.status = answer.status
        for observer in self.answer_observers:
            observer(seen, answer)
        headers = self._headers(seen, token) | answer.headers
        if answer.empty:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    def _headers(self, seen: SimulatedRequest, token: str) -> dict[str, str]:
        counted = self.limit.headers(token) if token else {}
        return {"ININ-Correlation-Id": seen.correlation_id, **counted}

    async def _hold(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds or 0):
                await self.closing.wait()
        except TimeoutError:
            return


def _gone(http: web.Request) -> bool:
    return http.transport is None or http.transport.is_closing()


def _drop(http: web.Request) -> web.Response:
    """Cut the connection; the response exists only because a handler has to return one, and reaches nobody."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def _without_state(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_state(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: None if key in STATE_FIELDS else _without_state(value) for key, value in body.items()}
