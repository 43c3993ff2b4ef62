"""All rows, in the order of the fault matrix."""

from __future__ import annotations

from tests.faults.rows import genesys, kills, next_calls, replicas, slack, storage

ALONE = (*kills.ROWS, *genesys.ROWS, *slack.ROWS, *storage.ROWS, *next_calls.ROWS)
REPLICAS = (*replicas.ROWS, *next_calls.REPLICAS)
ROWS = (*ALONE, *REPLICAS)
