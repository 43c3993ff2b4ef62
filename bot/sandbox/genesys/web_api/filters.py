"""The filters of the analytics queries: and, or, clauses, predicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.web_api.answers import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


def matches(query_filter: object, dimensions: Mapping[str, str | None]) -> bool:
    """Say whether something with these dimensions passes; raises the platform's 400 for what it can't evaluate."""
    if query_filter is None:
        return True
    if not isinstance(query_filter, dict) or query_filter.get("type") not in {"and", "or"}:
        raise violated("filter.type may be: and, or")
    results = [matches(clause, dimensions) for clause in query_filter.get("clauses") or []]
    results += [_holds(predicate, dimensions) for predicate in query_filter.get("predicates") or []]
    if not results:
        raise violated("a filter needs predicates or clauses")
    return all(results) if query_filter["type"] == "and" else any(results)


def violated(what: str) -> Problem:
    return Problem(400, "constraint.validation", "{reason}", reason=what)


def _holds(predicate: dict[str, Any], dimensions: Mapping[str, str | None]) -> bool:
    dimension = predicate.get("dimension")
    if not isinstance(dimension, str) or dimension not in dimensions:
        raise violated(f"predicate.dimension [{dimension}] is not supported here")
    actual = dimensions[dimension]
    match predicate.get("operator") or "matches":
        case "exists":
            return actual is not None
        case "notExists":
            return actual is None
        case "matches":
            return actual is not None and actual.lower() == str(predicate.get("value")).lower()
        case other:
            raise violated(f"predicate.operator [{other}] may be: matches, exists, notExists")
