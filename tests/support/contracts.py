"""Holds the app manifest and the simulated Genesys against the vendors' own descriptions.

``python -m tests.support.contracts DIRECTORY``, where the directory has Slack's manifest schema and the OpenAPI
description of Genesys Cloud; they are too large and not ours to keep here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
from jsonschema import Draft4Validator, Draft7Validator

from bot.sandbox.genesys import SimulatedGenesys
from bot.slack.manifest import manifest

SLACK = "slack-manifest.schema.2.0.0.json"
GENESYS = "genesys.swagger.json"
CALLS = "/api/v2/conversations/calls/{conversationId}"
CONVERSATION = "/api/v2/conversations/{conversationId}"


def slack_findings(schema: Any) -> list[str]:
    """Say where the two manifests break Slack's schema."""
    validator = Draft7Validator(schema)
    return [
        f"manifest for {url or 'Socket Mode'}: {error.json_path}: {error.message}"
        for url in (None, "https://bot.example.com")
        for error in validator.iter_errors(manifest(url))
    ]


async def genesys_findings(description: Any) -> list[str]:
    """Say where the simulated platform's answers about its calls break the description."""
    genesys = SimulatedGenesys(effect_delay=0)
    genesys.seed()
    await genesys.start()
    try:
        async with aiohttp.ClientSession(genesys.url) as session:
            login = {"Authorization": aiohttp.encode_basic_auth(genesys.client_id, genesys.client_secret)}
            form = {"grant_type": "client_credentials"}
            async with session.post("/oauth/token", data=form, headers=login) as answer:
                token = (await answer.json())["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            found = [
                finding
                for path, ids in ((CALLS, genesys.calls), (CONVERSATION, [*genesys.calls, *genesys.floor.chats]))
                for one in ids
                for finding in await _answer_findings(session, description, path, one)
            ]
    finally:
        await genesys.stop()
    return found


async def _answer_findings(
    session: aiohttp.ClientSession, description: Any, path: str, conversation_id: str
) -> list[str]:
    async with session.get(path.replace("{conversationId}", conversation_id)) as answer:
        body, status = await answer.json(), str(answer.status)
    response = description["paths"][path]["get"]["responses"].get(status)
    if response is None:
        return [f"GET {path}: the description knows no status {status}"]
    schema = {**response["schema"], "definitions": description["definitions"]}
    return [
        f"GET {path} {status}: {error.json_path}: {error.message}"
        for error in Draft4Validator(schema).iter_errors(_without_nulls(body))
    ]


def _without_nulls(value: Any) -> Any:
    """Leave out what is null: the platform sends nulls that its description does not mention."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def main(directory: Path) -> int:
    found: list[str] = []
    if (directory / SLACK).exists():
        found += slack_findings(json.loads((directory / SLACK).read_text()))
    if (directory / GENESYS).exists():
        found += asyncio.run(genesys_findings(json.loads((directory / GENESYS).read_text())))
    print("\n".join(found) or "The manifest and the simulated answers keep to the vendors' descriptions.")  # noqa: T201  a program for a terminal
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
