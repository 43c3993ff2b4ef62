"""The text files, and the places in the code that use them, as tests look at them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import bot
from bot.errors import RecordBotError
from bot.i18n.catalog import read_languages
from bot.slack.people.users import OBSTACLES
from tests.support.source import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CODE = Path(bot.__file__).parent
ENGLISH = read_languages().of("en").texts
SECTIONS = {key.partition(".")[0] for key in ENGLISH}
NEVER_IN_SLACK = {"settings"}
REFUSALS = {"NotPermitted": "cause", "Caller": "obstacle"}
"""What refuses people, and the argument that says why."""
GENERAL_CAUSES = {"not_a_supervisor", "not_listed"}
"""Refusals that the sentence for ``not_permitted`` is about."""


def _kinds(root: type[RecordBotError]) -> set[str]:
    return {root.kind}.union(*map(_kinds, root.__subclasses__()))


def facts(text: str | Mapping[str, str]) -> set[str]:
    """Return the names in braces; of a text that depends on a number, those of both forms."""
    forms = [text] if isinstance(text, str) else text.values()
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name is not None}


@dataclass(frozen=True)
class Use:
    """One place that asks for a text: a pattern of keys, and the facts that are put in (None: not to be seen)."""

    where: str
    pattern: str
    given: frozenset[str] | None

    def keys(self) -> set[str]:
        return {key for key in ENGLISH if re.fullmatch(self.pattern, key)}


@cache
def nodes() -> list[tuple[str, ast.Call | ast.Constant | ast.JoinedStr]]:
    """Return the calls and strings of the code, each with its file."""
    return [
        (str(file.relative_to(CODE)), node)
        for file in sorted(CODE.rglob("*.py"))
        for node in ast.walk(parsed(file.read_text("utf-8")))
        if isinstance(node, (ast.Call, ast.Constant, ast.JoinedStr))
    ]


def asked_for() -> list[Use]:
    """Return the calls ``words("…", …)``, also where the key is put together or one of two."""
    return [
        Use(f"{name}:{node.lineno}", pattern, _given(node))
        for name, node in nodes()
        if isinstance(node, ast.Call) and node.args and _is_words(node.func)
        for pattern in _patterns(node.args[0])
    ]


def mentioned() -> set[str]:
    """Return every key that stands anywhere in the code, whole or as a pattern."""
    patterns = {
        pattern for _, node in nodes() if isinstance(node, (ast.Constant, ast.JoinedStr)) for pattern in _patterns(node)
    }
    return {key for pattern in patterns for key in ENGLISH if re.fullmatch(pattern, key)}


def literal_causes() -> set[str]:
    """Return the causes that the code refuses people for."""
    found = {value for _, value in OBSTACLES}
    for node in _refusals():
        if not isinstance(node.func, ast.Name):
            continue
        wanted = REFUSALS.get(node.func.id)
        values = [one.value for one in node.keywords if wanted and one.arg == wanted]
        found |= {
            one.value
            for value in values
            for one in ast.walk(value)
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        }
    return found


def _refusals() -> Iterator[ast.Call]:
    """Yield the calls in the modules that refuse people; each worker reads them to collect the tests."""
    for file in CODE.rglob("*.py"):
        code = file.read_text("utf-8")
        if any(f"{name}(" in code for name in REFUSALS):
            yield from (node for node in ast.walk(parsed(code)) if isinstance(node, ast.Call))


def _is_words(function: ast.expr) -> bool:
    if isinstance(function, ast.Call):  # desk.words_for(asked)("…")
        return _is_words(function.func)
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name in {"words", "_words", "words_for", "words_of"}


def _patterns(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_patterns(node.body), *_patterns(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [re.escape(node.value)] if _in_a_section(node.value) else []
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        if not _in_a_section(str(node.values[0].value)):
            return []
        parts = [re.escape(str(one.value)) if isinstance(one, ast.Constant) else r"\w*" for one in node.values]
        return ["".join(parts)]
    return []


def _in_a_section(text: str) -> bool:
    return re.fullmatch(r"[a-z]\w*\.\w*", text) is not None and text.partition(".")[0] in SECTIONS


def _given(node: ast.Call) -> frozenset[str] | None:
    names = [one.arg for one in node.keywords]
    return None if None in names else frozenset(filter(None, names))


KINDS = sorted(_kinds(RecordBotError) - NEVER_IN_SLACK)
CAUSES = sorted(literal_causes() - GENERAL_CAUSES | {"foreign_team", "unconfirmed", "not_compliance"})
