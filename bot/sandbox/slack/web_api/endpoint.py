"""The front door of the Web API: reads a request, lets faults happen, checks token, scope and rate, answers."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.slack.state.changes import Changes
    from bot.sandbox.slack.state.trigger_ids import ResponseUrls
    from bot.sandbox.slack.web_api.chat import ChatMethods
    from bot.sandbox.slack.web_api.files import FileMethods
    from bot.sandbox.slack.web_api.rate_limits import RateLimits

SECRET_ARGUMENTS = {"token"}


@dataclass
class SlackRequest:
    """One call that reached the simulated Slack, without its token; ``ok`` is None until it is answered."""

    method: str
    payload: dict[str, Any]
    at: float
    ok: bool | None = None
    error: str | None = None

    def snapshot(self) -> dict[str, Any]:
        return {"method": self.method, "at": self.at, "ok": self.ok, "error": self.error}


@dataclass(frozen=True)
class WebApi:
    """All of ``/api/…``, the response URLs and the uploads. ``requests`` keeps every call, in order."""

    methods: dict[str, Method]
    tokens: dict[str, str] = field(repr=False)
    scopes: set[str]
    faults: FaultSwitches
    limits: RateLimits | None
    chat: ChatMethods
    response_urls: ResponseUrls
    files: FileMethods
    changes: Changes
    clock: Callable[[], float]
    stopping: asyncio.Event
    requests: list[SlackRequest] = field(default_factory=list)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self.call),
            web.post("/response/{token}", self.response_url),
            web.post("/upload/{file}", self.upload),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        arguments = await read_arguments(request)
        token = _token(request, arguments)

        async def answer(seen: SlackRequest) -> web.Response:
            try:
                body = {"ok": True} | self._run(name, token, Arguments(arguments))
            except SlackError as error:
                seen.error = error.code
                if error.code == "ratelimited":
                    return _limited(error.more["retry_after"])
                body = {"ok": False, "error": error.code} | error.more
            seen.ok = seen.error is None
            return self._json(body, name)

        shown = {key: value for key, value in arguments.items() if key not in SECRET_ARGUMENTS}
        return await self._through_faults(request, name, shown, answer)

    async def response_url(self, request: web.Request) -> web.StreamResponse:
        arguments = await read_arguments(request)

        async def answer(seen: SlackRequest) -> web.Response:
            try:
                url = self.response_urls.use(request.match_info["token"])
                self.chat.answer(url, arguments)
            except SlackError as error:
                seen.ok, seen.error = False, error.code
                status = 404 if error.code.endswith("_url") else 400
                return web.json_response({"ok": False, "error": error.code} | error.more, status=status)
            seen.ok = True
            return web.Response(text="ok")

        return await self._through_faults(request, "response_url", arguments, answer)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        content = await _uploaded(request)

        async def answer(seen: SlackRequest) -> web.Response:
            try:
                self.files.upload(request.match_info["file"], content)
            except SlackError as error:
                seen.ok, seen.error = False, error.code
                return web.Response(status=500, text=error.code)
            seen.ok = True
            return web.Response(text=f"OK - {len(content)}")

        return await self._through_faults(request, "upload", {"length": len(content)}, answer)

    async def _through_faults(
        self,
        request: web.Request,
        operation: str,
        payload: dict[str, Any],
        answer: Callable[[SlackRequest], Awaitable[web.Response]],
    ) -> web.StreamResponse:
        """Record the call; let the first fault that is switched on happen; else answer."""
        seen = SlackRequest(operation, payload, self.clock())
        self.requests.append(seen)
        try:
            if (spoiled := await self._spoiled(request, operation, seen)) is not None:
                seen.ok = False
                return spoiled
            response = await answer(seen)
            if self.faults.take("drop_after", operation):
                seen.error = "drop_after"
                return cut(request)
            return response
        finally:
            self.changes.announce()

    async def _spoiled(self, request: web.Request, operation: str, seen: SlackRequest) -> web.StreamResponse | None:
        """Return what a fault answers before anything is applied, None where the call goes on."""
        for name in ("down", "drop_before", "server_error", "rate_limited", "hang"):
            fault = self.faults.take(name, operation)
            if fault is None:
                continue
            seen.error = name
            if name == "drop_before":
                return cut(request)
            if name == "rate_limited":
                return _limited(int(fault.value or 3))
            if name in {"down", "server_error"}:
                return web.Response(status=503 if name == "down" else int(fault.value or 500), text="")
            await self._hang(fault.value or 30)
            if self.stopping.is_set() or request.transport is None or request.transport.is_closing():
                # The caller has given up, or Slack stops: the call is lost, not applied late.
                return cut(request)
            seen.error = None
        return None

    async def _hang(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    def _run(self, name: str, token: str, arguments: Arguments) -> dict[str, Any]:
        method = self.methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._admit(name, method, token)
        if self.limits is not None:
            wait = self.limits.retry_after(name, method.tier, arguments.text("channel"))
            if wait is not None:
                raise SlackError("ratelimited", retry_after=wait)
        return method.run(arguments)

    def _admit(self, name: str, method: Method, token: str) -> None:
        """Check token and scope."""
        if method.token == "none":  # noqa: S105  a kind of token
            return
        if not token:
            raise SlackError("not_authed")
        kind = next((kind for kind, known in self.tokens.items() if secrets.compare_digest(known, token)), None)
        if kind is None:
            raise SlackError("invalid_auth")
        if method.token not in {"any", kind}:
            raise SlackError("not_allowed_token_type")
        if not method.scopes:
            return
        if self.scopes.isdisjoint(method.scopes) or self.faults.take("missing_scope", name):
            provided = ",".join(sorted(self.scopes.difference(method.scopes)))
            raise SlackError("missing_scope", needed=",".join(method.scopes), provided=provided)

    def _json(self, body: dict[str, Any], name: str) -> web.Response:
        method = self.methods.get(name)
        headers = {
            "x-oauth-scopes": ",".join(sorted(self.scopes)),
            "x-accepted-oauth-scopes": ",".join(method.scopes if method else ()),
            "x-slack-req-id": secrets.token_hex(16),
        }
        return web.json_response(body, headers=headers)


def cut(request: web.Request) -> web.StreamResponse:
    """Close the connection under a request, without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _limited(seconds: int) -> web.Response:
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(seconds)})


async def read_arguments(request: web.Request) -> dict[str, Any]:
    """Return the arguments of a request from its query and its body, be it a form or JSON."""
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        arguments |= body if isinstance(body, dict) else {}
    elif request.method == "POST":
        arguments |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return arguments


def _token(request: web.Request, arguments: dict[str, Any]) -> str:
    given = request.headers.get("Authorization", "")
    return given.removeprefix("Bearer ").strip() or str(arguments.get("token", ""))


async def _uploaded(request: web.Request) -> bytes:
    """Return the uploaded bytes, sent raw or as the first file of a multipart form."""
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
