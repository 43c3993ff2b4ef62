"""Measures how long read connections are in use, as an estimate of the database's time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.database.engine import Engines

BEGAN = "read_began"


def time_reads(engines: Engines, on_read: Callable[[float], None]) -> None:
    """Tell ``on_read`` after each read how many seconds it took."""

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        record.info[BEGAN] = time.perf_counter()

    def given_back(_connection: Any, record: Any) -> None:
        if (began := record.info.pop(BEGAN, None)) is not None:
            on_read(time.perf_counter() - began)

    event.listen(engines.reader.sync_engine, "checkout", taken)
    event.listen(engines.reader.sync_engine, "checkin", given_back)
