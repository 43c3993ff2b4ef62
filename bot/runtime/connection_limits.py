"""Limits on connections to the HTTP port, so that idle ones can't take the place of Slack's.

aiohttp accepts as many connections as the process may have open files; then it accepts none, and asyncio logs a
traceback for each try. So there is a cap far below that. The newest connection is let in, because a
request follows at once, and the connection that has been waiting longest for its client is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 256
"""Slack's requests take milliseconds each; a service manager usually allows 1,024 open files."""
HEAD_SECONDS = 10.0
"""How long a client may take until its first request is complete."""


@dataclass(slots=True)
class ConnectionLimits:
    """The open connections, oldest first. It makes the protocols of a server, each with a limit of time."""

    protocols: Callable[[], asyncio.Protocol]
    """Makes the HTTP protocol of a connection: an ``aiohttp.web.Server``."""
    most: int = MOST_CONNECTIONS
    head_seconds: float = HEAD_SECONDS
    closed: int = 0
    """How many connections were closed because there were too many, or nothing came."""
    _open: dict[asyncio.BaseTransport, _Limited] = field(default_factory=dict)

    def __call__(self) -> asyncio.Protocol:
        return _Limited(self, self.protocols())

    @property
    def count(self) -> int:
        return len(self._open)

    def serving(self, transport: asyncio.BaseTransport | None) -> AbstractContextManager[None]:
        """Cover the handling of a request that has arrived completely: its connection isn't closed meanwhile."""
        limited = None if transport is None else self._open.get(transport)
        return contextlib.nullcontext() if limited is None else limited.serving()

    def opened(self, transport: asyncio.BaseTransport, limited: _Limited) -> None:
        if len(self._open) >= self.most:
            self._close_oldest()
        self._open[transport] = limited

    def gone(self, transport: asyncio.BaseTransport) -> None:
        self._open.pop(transport, None)

    def _close_oldest(self) -> None:
        waiting = next((one for one in self._open.values() if not one.busy), None)
        if waiting is not None:
            log.warning("connections_limited", open=len(self._open))
            waiting.abort()


class _Limited(asyncio.Protocol):
    """Passes everything on to the HTTP protocol, and knows what the connection waits for."""

    def __init__(self, limits: ConnectionLimits, inner: asyncio.Protocol) -> None:
        self.busy = False
        self._limits = limits
        self._inner = inner
        self._transport: asyncio.WriteTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport
        self._limits.opened(transport, self)
        self._timer = asyncio.get_running_loop().call_later(self._limits.head_seconds, self.abort)
        self._inner.connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._transport is not None:
            self._limits.gone(self._transport)
        self._inner.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        self._stop_timer()  # from here on aiohttp's own limit counts the time between two requests
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def abort(self) -> None:
        """Close at once, without waiting for a client that may not read."""
        self._limits.closed += 1
        self._stop_timer()
        if self._transport is not None:
            self._limits.gone(self._transport)
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
