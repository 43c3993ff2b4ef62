"""Connections to Genesys: checks certificates, and leaves no connection open after any answer."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import certifi
import urllib3
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3 import HTTPResponse as PoolResponse


@cache  # reading the authorities takes longer than a request
def trust() -> ssl.SSLContext:
    """Return whom to believe to be Genesys: the system's authorities, and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def connection_pool(size: int) -> urllib3.PoolManager:
    """Return the pool of connections that all exchanges share."""
    pool = urllib3.PoolManager(num_pools=2, maxsize=size, block=False, retries=False, ssl_context=trust())
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pool


class _Tidy(HTTPConnection):
    """Closes a connection whose answer has a malformed head; urllib3 leaves that to the garbage collector."""

    @override
    def getresponse(self) -> PoolResponse:  # type: ignore[override]  # as in urllib3's own
        with ExitStack() as left_open:

            def begun(*args: Any, **more: Any) -> HTTPResponse:
                response = HTTPResponse(*args, **more)
                left_open.callback(response.close)
                return response

            self.response_class = begun  # type: ignore[assignment]  # called once, as the class is
            response = super().getresponse()
            left_open.pop_all()
        return response


class _TidySecure(_Tidy, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Tidy


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _TidySecure
