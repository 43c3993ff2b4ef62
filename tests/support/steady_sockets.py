"""Time-outs of other people's clients, by the tests' own time: neither counts what the machine stood still."""

from __future__ import annotations

import socket
from typing import Any

from typing_extensions import override
from urllib3.util import connection

from tests.support.steady import SLICE, steady

_connected = connection.create_connection


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


def connect(*arguments: Any, **more: Any) -> SteadySocket:
    """Connect as urllib3's ``create_connection`` does, which this stands in for."""
    found = _connected(*arguments, **more)
    patience = found.gettimeout()
    steadier = SteadySocket(fileno=found.detach())
    steadier.settimeout(patience)
    return steadier
