"""The manifest, the product's requests and the simulated answers against the vendors' own descriptions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.contracts.check import GENESYS, SLACK, genesys_findings, slack_findings
from tests.support.contracts.openapi import Description

PLACES = (os.environ.get("RECORD_BOT_CONTRACTS"), Path(__file__).parents[3] / "shared" / "contracts")
DIRECTORY = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)


def document(name: str) -> Any:
    if DIRECTORY is None or not (DIRECTORY / name).exists():
        pytest.skip(f"{name} is not here; RECORD_BOT_CONTRACTS names the directory that has it.")
    return json.loads((DIRECTORY / name).read_text())


async def test_each_request_and_each_answer_keeps_to_the_description_of_genesys() -> None:
    assert await genesys_findings(Description(document(GENESYS))) == []


def test_the_manifests_keep_to_slacks_schema() -> None:
    assert slack_findings(document(SLACK)) == []


DESCRIBED = Description(
    {
        "definitions": {
            "Thing": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "part": {"$ref": "#/definitions/Thing"}},
            }
        },
        "paths": {
            "/things/{id}": {
                "put": {
                    "parameters": [
                        {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Thing"}},
                        {"name": "size", "in": "query", "type": "integer"},
                        {"name": "all", "in": "query", "type": "boolean"},
                        {"name": "expand", "in": "query", "type": "array", "items": {"type": "string", "enum": ["a"]}},
                    ],
                    "responses": {
                        "200": {"schema": {"$ref": "#/definitions/Thing"}},
                        "404": {"schema": {"type": "object"}, "x-inin-error-codes": {"not.found": ""}},
                    },
                }
            }
        },
    }
)
"""A description of one operation, so that what the check finds is checked without the vendor's."""


@pytest.mark.parametrize(
    ("query", "body", "findings"),
    [
        ({"size": "5", "all": "true", "expand": "a"}, {"id": "x"}, []),
        ({"sise": "5"}, {}, ["no parameter sise"]),
        ({"size": "many"}, {}, ["size: many is no number"]),
        ({"all": "True"}, {}, ["all: True is no boolean"]),
        ({"expand": "a,b"}, {}, ["expand: b is none of its values"]),
        ({}, None, ["no body"]),
        ({}, {"id": 7}, ["$.id: 7 is not of type 'string'"]),
        ({}, {"part": {"extra": 1}}, ["$.part: no field extra"]),
    ],
)
def test_what_is_wrong_with_a_request(query: dict[str, str], body: Any, findings: list[str]) -> None:
    operation = DESCRIBED.operation("PUT", "/things/1")
    assert operation is not None
    assert list(DESCRIBED.request_findings(operation, query, body)) == findings


@pytest.mark.parametrize(
    ("status", "body", "findings"),
    [
        (200, {"id": "x", "part": None}, []),
        (200, {"odd": 1}, ["200: $: no field odd"]),
        (404, {"code": "not.found"}, []),
        (404, {"code": "lost"}, ["404: no code lost"]),
        (418, {}, ["no status 418"]),
    ],
)
def test_what_is_wrong_with_an_answer(status: int, body: Any, findings: list[str]) -> None:
    operation = DESCRIBED.operation("PUT", "/things/1")
    assert operation is not None
    assert list(DESCRIBED.answer_findings(operation, status, body)) == findings


def test_an_operation_that_is_not_described() -> None:
    assert DESCRIBED.operation("GET", "/things/1") is None
    assert DESCRIBED.operation("PUT", "/things/1/2") is None
