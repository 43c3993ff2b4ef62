"""A plain HTTP client for the simulated Genesys, which sees what really goes over the wire."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.sandbox.genesys import SimulatedGenesys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

TIMEOUT = aiohttp.ClientTimeout(total=120)


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> Any:
        return self.body["code"]


@dataclass
class GenesysClient:
    url: str
    session: aiohttp.ClientSession
    token: str = field(default="", repr=False)

    async def login(self, client_id: str = "sandbox-client", secret: str = "sandbox-secret") -> Response:
        form = {"grant_type": "client_credentials"}
        auth = aiohttp.encode_basic_auth(client_id, secret)
        response = await self._send("POST", "/oauth/token", data=form, headers={"Authorization": auth})
        if response.status == 200:
            self.token = response.body["access_token"]
        return response

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self._send(method, f"/api/v2{path}", json=body, headers=headers, **options)

    async def call(self, conversation_id: str) -> Any:
        response = await self.send("GET", f"/conversations/calls/{conversation_id}")
        assert response.status == 200, response.text
        return response.body

    async def record(self, conversation_id: str, participant_id: str, *, on: bool) -> Response:
        path = f"/conversations/{conversation_id}/participants/{participant_id}"
        return await self.send("PATCH", path, {"recording": on})

    async def set_state(self, conversation_id: str, state: str) -> Response:
        path = f"/conversations/calls/{conversation_id}/recordingstate"
        return await self.send("PUT", path, {"recordingState": state})

    async def _send(self, method: str, path: str, **options: Any) -> Response:
        async with self.session.request(method, self.url + path, **options) as response:
            return Response(response.status, response.headers, await response.text())


@asynccontextmanager
async def genesys_running(**settings: Any) -> AsyncIterator[tuple[SimulatedGenesys, GenesysClient]]:
    """Run a simulated Genesys, with changes that take effect at once, and log a client in."""
    genesys = SimulatedGenesys(**({"effect_delay": 0} | settings))
    await genesys.start()
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            client = GenesysClient(genesys.url, session)
            await client.login()
            yield genesys, client
    finally:
        await genesys.stop()
