"""Names the permission that a request needs where Genesys's answer names several, or none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.errors import PermissionMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY_OF = "missing.any.permissions"
"""Genesys's code where any of several permissions would do; the first that it names need not be the one meant."""


@contextmanager
def needing(permission: str) -> Iterator[None]:
    """Have a PermissionMissing name ``permission``, unless Genesys named exactly one."""
    try:
        yield
    except PermissionMissing as missing:
        if missing.permission is not None and missing.evidence.code != ANY_OF:
            raise
        raise PermissionMissing(
            f"The bot's OAuth client in Genesys lacks the permission {permission}.",
            permission=permission,
            evidence=missing.evidence,
        ) from missing
