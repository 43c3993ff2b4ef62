"""Every value that is stored or published, as a literal: a rename of a class or function can't change one unnoticed.

If you change such a value on purpose, change it here too and say so in the changelog.
"""

from __future__ import annotations

import ast
import enum
import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bot
from bot.config.settings import ServeSettings
from bot.database.schema import tables
from bot.errors import RecordBotError
from bot.observability import metrics as observability
from bot.observability.metrics import Metrics
from bot.slack.manifest import EVENTS, SHORTCUTS
from tests.support.commands import record_bot
from tests.support.source import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(bot.__file__).parent
EXPECTED: dict[str, Any] = json.loads(Path(__file__).with_name("published_values.json").read_text(encoding="utf-8"))
MAKES_BUTTON = ("button", "recording_button")
"""The functions whose first argument is an action id."""
BLOCK_KEYS = ("action_id", "block_id", "callback_id", "event_type")


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules below these folders of the package, the sandbox apart."""
    for folder in folders or (".",):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(("bot", *file.relative_to(ROOT).with_suffix("").parts))
            if not name.startswith("bot.sandbox") and file.stem not in {"__init__", "__main__"}:
                yield name, parsed(file.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def text_of(node: ast.expr, module: str) -> str | None:
    """Return the text that an expression stands for; what is known only later is an ellipsis."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name) and module:
        value = getattr(importlib.import_module(module), node.id, None)
        return value if isinstance(value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.FormattedValue) else one for one in node.values)
        return "".join(text_of(one, module) or "…" for one in parts)
    return None


def audit_actions() -> list[str]:
    return sorted({one for _, tree in sources() for one in strings(tree) if re.fullmatch(r"[a-z_]+:[a-z_]+", one)})


def slack_ids() -> dict[str, list[str]]:
    found: dict[str, set[str]] = {key: set() for key in BLOCK_KEYS}
    for module, tree in sources("slack", "outbox"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in BLOCK_KEYS:
                        text = text_of(value, module)
                        if text is not None:
                            found[key.value].add(text)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKES_BUTTON:
                text = text_of(node.args[0], module)
                if text is not None:
                    found["action_id"].add(text)
    return {key: sorted(values) for key, values in found.items()}


def slack_constants() -> list[str]:
    """Return the values of the constants by which Slack's payloads are recognized."""
    found: set[str] = set()
    for name, _ in sources("slack"):
        for key, value in vars(importlib.import_module(name)).items():
            if key.isupper() and isinstance(value, str) and re.fullmatch(r"/?[a-z]+(_[a-z]+)*[_:]?", value):
                found.add(value)
    return sorted(found)


def stored_keys() -> list[str]:
    """Return the keys of all dictionaries that the parts which write entries build: origins, outcomes, facts."""
    found: set[str] = set()
    for _, tree in sources("recording", "admin", "audit", "database", "outbox"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                found |= {
                    one.value for one in node.keys if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                found |= {node.slice.value} if isinstance(node.slice.value, str) else set()
    return sorted(found)


def enums() -> list[list[str]]:
    """Return the values of every string enumeration; their classes may change their names, the values may not."""
    found = set()
    for name, _ in sources():
        for one in vars(importlib.import_module(name)).values():
            if isinstance(one, type) and issubclass(one, enum.StrEnum) and one.__module__ == name:
                found.add(tuple(f"{member.name}={member.value}" for member in one))
    return sorted(list(one) for one in found)


def error_kinds() -> list[str]:
    def below(one: type[RecordBotError]) -> Iterator[type[RecordBotError]]:
        for child in one.__subclasses__():
            yield child
            yield from below(child)

    kinds = {getattr(one, "kind", None) for one in (RecordBotError, *below(RecordBotError))}
    return sorted(one for one in kinds if isinstance(one, str))


def metrics() -> list[str]:
    """Return the names on /metrics as Prometheus knows them, with their labels."""
    labels = {}
    tree = parsed(Path(observability.__file__).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and node.args
            and re.fullmatch(r"record_?bot_\w+", text_of(node.args[0], "") or "")
        ):
            rest = [one for arg in node.args[2:] for one in (arg.elts if isinstance(arg, ast.List) else [arg])]
            labels[text_of(node.args[0], "")] = [one.value for one in rest if isinstance(one, ast.Constant)]
    families = list(Metrics().registry.collect())
    return sorted(" ".join((one.name, one.type, *map(str, labels[one.name]))) for one in families)


def columns() -> dict[str, list[str]]:
    return {name: [column.name for column in table.columns] for name, table in sorted(tables.metadata.tables.items())}


def components() -> list[str]:
    """Return the names by which /readyz and ``check`` tell what they looked at."""
    found: set[str] = set()
    for _, tree in sources("runtime", "admin"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            delivers = isinstance(node.func, ast.Attribute) and node.func.attr == "_delivery"
            if delivers or any(one.arg == "ok" for one in node.keywords):
                found.add(str(node.args[0].value))
    return sorted(found)


def commands() -> list[str]:
    def below(command: Any, path: str) -> Iterator[str]:
        for name, child in getattr(command, "commands", {}).items():
            yield f"{path} {name}".strip()
            yield from below(child, f"{path} {name}".strip())

    return sorted(below(record_bot(), ""))


def settings() -> list[str]:
    return sorted(ServeSettings.model_fields)


def shortcuts() -> list[list[str]]:
    return [[name, kind, callback_id] for name, kind, callback_id, _ in SHORTCUTS]


def events() -> list[str]:
    return list(EVENTS)


FOUND = {
    one.__name__: one
    for one in (
        audit_actions,
        slack_ids,
        slack_constants,
        stored_keys,
        enums,
        error_kinds,
        metrics,
        columns,
        components,
        commands,
        settings,
        shortcuts,
        events,
    )
}


@pytest.mark.parametrize("what", FOUND)
def test_what_is_stored_or_published_stays(what: str) -> None:
    assert FOUND[what]() == EXPECTED[what]


def test_nothing_is_expected_that_is_not_compared() -> None:
    assert sorted(EXPECTED) == sorted(FOUND)
