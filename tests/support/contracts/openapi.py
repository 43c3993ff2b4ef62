"""The OpenAPI description of Genesys Cloud, as far as a request and its answer can be held against it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ID = re.compile(r"\{[^}]+\}")
BOOLEANS = frozenset({"true", "false"})


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    method: str
    path: str
    description: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def permissions(self) -> frozenset[str]:
        """Of which one is enough, or all are needed; the description says which, and no simulated one needs several."""
        return frozenset(self.description.get("x-inin-requires-permissions", {}).get("permissions", ()))

    @cached_property
    def query(self) -> dict[str, Mapping[str, Any]]:
        return {one["name"]: one for one in self.description.get("parameters", ()) if one["in"] == "query"}

    @property
    def body(self) -> Mapping[str, Any] | None:
        return next((one for one in self.description.get("parameters", ()) if one["in"] == "body"), None)

    def response(self, status: int) -> Mapping[str, Any] | None:
        """Return what is said of a status; ``default`` stands for a success that is not listed."""
        responses = self.description["responses"]
        found = responses.get(str(status))
        if found is None and 200 <= status < 300:
            found = responses.get("default")
        return found  # type: ignore[no-any-return]


class Description:
    """All operations, and the schemas that they share."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._definitions = document["definitions"]
        self._operations = [
            Operation(method.upper(), path, told)
            for path, methods in document["paths"].items()
            for method, told in methods.items()
        ]
        # fixed words before ids: /conversations/calls is no conversation
        self._operations.sort(key=lambda one: (one.path.count("{"), one.path))
        self._patterns = [(re.compile(_pattern(one.path)), one) for one in self._operations]

    def operation(self, method: str, path: str) -> Operation | None:
        return next(
            (one for pattern, one in self._patterns if one.method == method and pattern.fullmatch(path)),
            None,
        )

    def request_findings(self, operation: Operation, query: Mapping[str, str], body: Any) -> Iterator[str]:
        """Say where a request breaks the description: its query, and its body."""
        for name, value in query.items():
            told = operation.query.get(name)
            if told is None:
                yield f"no parameter {name}"
            else:
                yield from _parameter_findings(name, value, told)
        if operation.body is None:
            if body is not None:
                yield "a body, and none is described"
        elif body is None:
            yield "no body"
        else:
            yield from self.findings(operation.body["schema"], body)

    def answer_findings(self, operation: Operation, status: int, body: Any) -> Iterator[str]:
        """Say where an answer breaks the description: its status, its body, and its error code."""
        response = operation.response(status)
        if response is None:
            yield f"no status {status}"
            return
        schema = response.get("schema")
        if schema is None:
            if body is not None:
                yield f"{status}: a body, and none is described"
            return
        yield from (f"{status}: {finding}" for finding in self.findings(schema, body))
        codes = response.get("x-inin-error-codes")
        if codes is not None and isinstance(body, dict) and body.get("code") not in codes:
            yield f"{status}: no code {body.get('code')}"

    def findings(self, schema: Mapping[str, Any], value: Any) -> Iterator[str]:
        from jsonschema import Draft4Validator  # noqa: PLC0415  it takes seconds, which each worker would spend to collect

        value = without_nulls(value)
        whole = {**schema, "definitions": self._definitions}
        yield from (f"{error.json_path}: {error.message}" for error in Draft4Validator(whole).iter_errors(value))
        yield from self._invented(schema, value, "$")

    def _invented(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        """Yield the fields that no schema names, which a validator lets pass."""
        if reference := schema.get("$ref"):
            schema = self._definitions[str(reference).rpartition("/")[2]]
        if isinstance(value, list):
            for number, one in enumerate(value):
                yield from self._invented(schema.get("items", {}), one, f"{where}[{number}]")
        elif isinstance(value, dict) and "properties" in schema and "additionalProperties" not in schema:
            for name, one in value.items():
                if name in schema["properties"]:
                    yield from self._invented(schema["properties"][name], one, f"{where}.{name}")
                else:
                    yield f"{where}: no field {name}"


def without_nulls(value: Any) -> Any:
    """Leave out what is null: the platform sends nulls that its description does not mention."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def _pattern(path: str) -> str:
    return "[^/]+".join(map(re.escape, ID.split(path)))


def _parameter_findings(name: str, value: str, told: Mapping[str, Any]) -> Iterator[str]:
    """Check one value; a list goes with commas, as the SDK sends it."""
    array = told["type"] == "array"
    kind = told["items"] if array else told
    for one in value.split(",") if array else [value]:
        if kind["type"] == "integer" and not one.isdecimal():
            yield f"{name}: {one} is no number"
        if kind["type"] == "boolean" and one not in BOOLEANS:
            yield f"{name}: {one} is no boolean"
        if "enum" in kind and one not in kind["enum"]:
            yield f"{name}: {one} is none of its values"
