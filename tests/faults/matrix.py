"""All rows, in the order of the fault matrix."""

from __future__ import annotations

from tests.faults.rows import genesys, keeps, kills, replicas, slack, storage

ALONE = (*kills.ROWS, *genesys.ROWS, *slack.ROWS, *storage.ROWS, *keeps.ROWS)
REPLICAS = (*replicas.ROWS, *keeps.ON_REPLICAS)
ROWS = (*ALONE, *REPLICAS)
