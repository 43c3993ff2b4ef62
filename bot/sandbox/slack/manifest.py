"""What the simulated Slack takes from an app's manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import yaml


@dataclass(frozen=True)
class Shortcut:
    """An entry of a shortcut menu: ``global`` ones stand beside the composer, ``message`` ones at each message."""

    name: str
    type: Literal["global", "message"]
    callback_id: str
    description: str = ""


def expanding_commands(manifest: str) -> frozenset[str]:
    """Return the commands of a manifest with ``should_escape``."""
    features: dict[str, Any] = (yaml.safe_load(manifest) or {}).get("features") or {}
    return frozenset(one["command"] for one in features.get("slash_commands") or () if one.get("should_escape"))


def shortcuts_of(manifest: str) -> tuple[Shortcut, ...]:
    """Return the shortcuts that a manifest (YAML or JSON) names, in its order."""
    features: dict[str, Any] = (yaml.safe_load(manifest) or {}).get("features") or {}
    return tuple(
        Shortcut(one["name"], one["type"], one["callback_id"], one.get("description", ""))
        for one in features.get("shortcuts") or ()
    )
