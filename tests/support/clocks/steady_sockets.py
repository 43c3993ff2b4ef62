"""Connections to Genesys whose time-outs pass in the tests' steady time, for tests in which a time-out is short."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from typing_extensions import override
from urllib3.connectionpool import HTTPConnectionPool

from bot.genesys.transport.http import _Tidy, connection_pool
from tests.support.clocks.steady_time import SLICE, steady

if TYPE_CHECKING:
    from urllib3 import PoolManager

CONNECTIONS = 4


class SteadySocket(socket.socket):
    """A connected socket that waits for bytes in slices, and gives up when its time-out has passed in steady time."""

    @override
    def recv_into(self, *arguments: Any, **more: Any) -> int:
        patience, began = self.gettimeout(), steady()
        if not patience:
            return super().recv_into(*arguments, **more)
        self.settimeout(min(patience, SLICE))
        try:
            while True:
                try:
                    return super().recv_into(*arguments, **more)
                except TimeoutError:
                    if steady() - began >= patience:
                        raise
        finally:
            self.settimeout(patience)


class _SteadyConnection(_Tidy):
    @override
    def connect(self) -> None:
        super().connect()
        patience = self.sock.gettimeout()
        self.sock = SteadySocket(fileno=self.sock.detach())
        self.sock.settimeout(patience)


class _SteadyPool(HTTPConnectionPool):
    ConnectionCls = _SteadyConnection


def steady_pool() -> PoolManager:
    """Return what makes a bot's connections to Genesys: the bot's own, but for the time in which a time-out passes."""
    pool = connection_pool(CONNECTIONS)
    pool.pool_classes_by_scheme = pool.pool_classes_by_scheme | {"http": _SteadyPool}
    return pool
