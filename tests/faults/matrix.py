"""All rows, in the order of the fault matrix."""

from __future__ import annotations

from tests.faults.rows import genesys, kills, replicas, slack, storage, time_limits

ALONE = (*kills.ROWS, *genesys.ROWS, *slack.ROWS, *storage.ROWS, *time_limits.ALONE)
REPLICAS = (*replicas.ROWS, *time_limits.REPLICAS)
ROWS = (*ALONE, *REPLICAS)
