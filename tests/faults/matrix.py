"""All rows, in the order of the fault matrix."""

from __future__ import annotations

from tests.faults import genesys_rows, kills, replica_rows, slack_rows, storage_rows

ALONE = (*kills.ROWS, *genesys_rows.ROWS, *slack_rows.ROWS, *storage_rows.ROWS)
REPLICAS = replica_rows.ROWS
ROWS = (*ALONE, *REPLICAS)
