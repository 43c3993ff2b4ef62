"""Holds the app manifest, the product's requests and the simulated Genesys against the vendors' own descriptions.

``python -m tests.support.contracts.check DIRECTORY``, where the directory has Slack's manifest schema and the OpenAPI
description of Genesys Cloud; they are too large and not ours to keep here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys import SimulatedGenesys
from bot.slack.manifest import manifest
from tests.support.contracts.exercise import Exercise
from tests.support.contracts.openapi import Description

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.contracts.exercise import Exchange

SLACK = "slack-manifest.schema.2.0.0.json"
GENESYS = "genesys.swagger.json"
SESSIONS = "/api/v2/recording/sessions"
ANY_NOT_A_USER = ": 400: no code not.a.user"
LISTED = {
    f"GET {SESSIONS}: not in the description": "the session API of the founding tutorial, which a gateway may offer",
    f"POST {SESSIONS}: not in the description": "the same",
    **{
        f"GET {path}: permissions are none; the simulator wants directory:user:view": (
            "POST /api/v2/users/search is described with this permission; that the plain list wants it is an assumption"
        )
        for path in ("/api/v2/users", "/api/v2/users/{userId}")
    },
}
"""What the simulator does although the description does not have it, and the source of it.

``not.a.user`` beside: a switch of the sandbox makes any operation demand a user. Which of them do so for an OAuth
client only an organization can show.
"""


def slack_findings(schema: Any) -> list[str]:
    """Say where the two manifests break Slack's schema."""
    from jsonschema import Draft7Validator  # noqa: PLC0415  as in openapi.py

    validator = Draft7Validator(schema)
    return [
        f"manifest for {url or 'Socket Mode'}: {error.json_path}: {error.message}"
        for url in (None, "https://bot.example.com")
        for error in validator.iter_errors(manifest(url))
    ]


async def genesys_findings(description: Description) -> list[str]:
    """Say where the product's requests, or the simulated platform's answers, break the description."""
    genesys = SimulatedGenesys(effect_delay=0)
    genesys.rate_limit.allowed = 1_000_000
    genesys.seed()
    await genesys.start()
    exercise = Exercise(genesys)
    genesys.gate.answer_observers.append(exercise.note)
    try:
        await exercise.by_the_product()
        await exercise.by_hand()
    finally:
        await genesys.stop()
    found = [*_permission_findings(description, genesys), *_exchange_findings(description, exercise.exchanges)]
    left = {one for one in found if one not in LISTED and not one.endswith(ANY_NOT_A_USER)}
    return sorted(left) + _no_longer_needed(set(found))


def _exchange_findings(description: Description, exchanges: list[Exchange]) -> Iterator[str]:
    for one in exchanges:
        operation = description.operation(one.method, one.path)
        if operation is None:
            yield f"{one.method} {SESSIONS if one.path.startswith(SESSIONS) else one.path}: not in the description"
            continue
        if one.by_product:
            for finding in description.request_findings(operation, one.query, one.body):
                yield f"{operation.name}: request: {finding}"
        for finding in description.answer_findings(operation, one.status, one.answer):
            yield f"{operation.name}: {finding}"


def _permission_findings(description: Description, genesys: SimulatedGenesys) -> Iterator[str]:
    """Compare what each simulated operation wants with what the description says that it wants."""
    for route in genesys.routes():
        operation = description.operation(route.method, route.path)
        if operation is None:
            continue
        wanted = frozenset(route.any_of or ([route.permission] if route.permission else []))
        if wanted != operation.permissions:
            theirs, ours = (", ".join(sorted(names)) or "none" for names in (operation.permissions, wanted))
            yield f"{operation.name}: permissions are {theirs}; the simulator wants {ours}"


def _no_longer_needed(found: set[str]) -> list[str]:
    """Name what is listed and does not happen, so that the list stays true."""
    return [f"listed, and does not happen: {finding}" for finding in sorted(LISTED.keys() - found)]


def main(directory: Path) -> int:
    found: list[str] = []
    if (directory / SLACK).exists():
        found += slack_findings(json.loads((directory / SLACK).read_text()))
    if (directory / GENESYS).exists():
        found += asyncio.run(genesys_findings(Description(json.loads((directory / GENESYS).read_text()))))
    print("\n".join(found) or "The manifest and the simulated answers keep to the vendors' descriptions.")  # noqa: T201  a program for a terminal
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
