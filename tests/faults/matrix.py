"""All rows, in the order of the fault matrix."""

from __future__ import annotations

from tests.faults.rows import genesys, keeps, kills, next_calls, replicas, rules, slack, storage, time_limits

ALONE = (
    *kills.ROWS,
    *genesys.ROWS,
    *slack.ROWS,
    *storage.ROWS,
    *time_limits.ALONE,
    *keeps.ROWS,
    *next_calls.ROWS,
    *rules.ROWS,
)
REPLICAS = (*replicas.ROWS, *time_limits.REPLICAS, *keeps.ON_REPLICAS, *next_calls.REPLICAS, *rules.REPLICAS)
ROWS = (*ALONE, *REPLICAS)
