"""The means with which Slack's rules for blocks and views are written down: checks that name the place they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Place:
    """A point in what was sent, as a JSON pointer, and the findings so far (shared by all places)."""

    pointer: str
    findings: list[str] = field(default_factory=list)

    def at(self, key: str | int) -> Place:
        return Place(f"{self.pointer}/{key}", self.findings)

    def say(self, finding: str) -> None:
        self.findings.append(f"{finding} [json-pointer:{self.pointer}]")


Check = Callable[[Place, Any], None]


def anything(_place: Place, _value: Any) -> None:
    """Accept every value: a part of Block Kit whose inside is not checked here."""


def boolean(place: Place, value: Any) -> None:
    if not isinstance(value, bool):
        place.say("must provide a boolean")


def integer(minimum: int, maximum: int) -> Check:
    def check(place: Place, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            place.say(f"must be a number from {minimum} to {maximum}")

    return check


def string(maximum: int, minimum: int = 0) -> Check:
    def check(place: Place, value: Any) -> None:
        if not isinstance(value, str):
            place.say("must provide a string")
        elif len(value) > maximum:
            place.say(f"must be less than {maximum + 1} characters")
        elif len(value) < minimum:
            place.say(f"must be more than {minimum - 1} characters")

    return check


def one_of(*allowed: str) -> Check:
    def check(place: Place, value: Any) -> None:
        if value not in allowed:
            place.say(f"must be a valid enum value: {', '.join(allowed)}")

    return check


def array(item: Check, minimum: int, maximum: int) -> Check:
    def check(place: Place, value: Any) -> None:
        if not isinstance(value, list):
            place.say("must provide an array")
            return
        if len(value) > maximum:
            place.say(f"no more than {maximum} items allowed")
        if len(value) < minimum:
            place.say(f"no fewer than {minimum} items allowed")
        for index, each in enumerate(value):
            item(place.at(index), each)

    return check


def shape(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Want an object with these fields and no others, as Slack does."""
    known = required | (optional or {})

    def check(place: Place, value: Any) -> None:
        if not isinstance(value, dict):
            place.say("must provide an object")
            return
        for name in required:
            if name not in value:
                place.say(f"missing required field: {name}")
        for name, each in value.items():
            if name not in known:
                place.say(f"invalid additional property: {name}")
            else:
                known[name](place.at(name), each)

    return check


def by_type(kinds: dict[str, Check]) -> Check:
    """Want an object whose ``type`` is one of these, and that its rule accepts."""

    def check(place: Place, value: Any) -> None:
        if not isinstance(value, dict):
            place.say("must provide an object")
        elif not isinstance(value.get("type"), str):
            place.say("missing required field: type")
        elif value["type"] not in kinds:
            place.at("type").say(f"unsupported type: {value['type']}")
        else:
            kinds[value["type"]](place, value)

    return check


def all_of(*checks: Check) -> Check:
    def check(place: Place, value: Any) -> None:
        for each in checks:
            each(place, value)

    return check


def with_one_of(*names: str) -> Check:
    """Want exactly one of these fields."""

    def check(place: Place, value: Any) -> None:
        if isinstance(value, dict) and sum(name in value for name in names) != 1:
            place.say(f"must provide exactly one of: {', '.join(names)}")

    return check


def with_some_of(*names: str) -> Check:
    """Want at least one of these fields."""

    def check(place: Place, value: Any) -> None:
        if isinstance(value, dict) and not any(value.get(name) for name in names):
            place.say(f"must provide at least one of: {', '.join(names)}")

    return check


def without_repeats(name: str) -> Check:
    """Want no two objects of a list with the same value of this field."""

    def check(place: Place, value: Any) -> None:
        seen: set[str] = set()
        for index, each in enumerate(value if isinstance(value, list) else []):
            mine = each.get(name) if isinstance(each, dict) else None
            if isinstance(mine, str) and mine in seen:
                place.at(index).at(name).say(f"`{name}` {mine} already exists")
            elif isinstance(mine, str):
                seen.add(mine)

    return check
