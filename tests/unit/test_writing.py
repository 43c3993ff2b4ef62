"""Plain English in the documents, docstrings, comments and log events: banned words are named by file and line."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

import pytest

from bot.i18n.catalog import read_languages
from tests.support.shell import ROOT
from tests.support.source import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTEAD = {
    "anew": "again",
    "whoever": "anyone who, or the person who",
    "thereof": "of it",
    "what came of": "the result of",
    "is so already": "is already in that state",
    "to be had": "available",
    "done with": "finished",
    "organisation": "organization",
    "organisations": "organizations",
    "centre": "center",
    "authorise": "authorize",
    "authorised": "authorized",
    "authorises": "authorizes",
    "authorisation": "authorization",
    "recognise": "recognize",
    "behaviour": "behavior",
    "honour": "honor",
    "honoured": "honored",
    "licence": "license",
    "catalogue": "catalog",
}
"""Banned words, and what to write instead. Words in backticks are names, and are left alone."""
BANNED = re.compile(
    r"(?<![\w-])(?:" + "|".join(words.replace(" ", r"\s+") for words in INSTEAD) + r")(?![\w-])", re.IGNORECASE
)
CODE = re.compile(r"```.*?```|``[^`]*``|`[^`]*`", re.DOTALL)
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tests/*.md", "deploy/*.*", "Makefile", ".env.example", "manifest.yml")
    for path in ROOT.glob(pattern)
)
MODULES = sorted(path for folder in ("bot", "migrations", "tests") for path in (ROOT / folder).rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)*_(?:[a-z]+ed|found|held|lost|sent|shown|timed_out|written)")


def faults(text: str, first_line: int = 1) -> Iterator[str]:
    """Yield line and word of each banned word in a text, and what to write instead."""
    prose = CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    for found in BANNED.finditer(prose):
        words = " ".join(found[0].split())
        yield f"{first_line + prose.count(chr(10), 0, found.start())}: {words!r}: write {INSTEAD[words.lower()]!r}"


def prose_of(code: str) -> Iterator[tuple[int, str]]:
    """Yield each docstring (also of constants) and comment of a module, with its line."""
    for node in ast.walk(parsed(code)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def events_of(code: str) -> Iterator[tuple[int, str]]:
    """Yield each event that a module logs, with its line."""
    for node in ast.walk(parsed(code)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            continue
        logger = ast.unparse(node.func.value)
        if logger == "log" or logger.startswith("structlog.get_logger("):
            first = node.args[0]
            values = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
            yield from ((node.lineno, str(value.value)) for value in values if isinstance(value, ast.Constant))


def test_the_check_finds_banned_words() -> None:
    assert list(faults("It starts\nanew, `anew` and\nWhoever asks is done\n  with it")) == [
        "2: 'anew': write 'again'",
        "3: 'Whoever': write 'anyone who, or the person who'",
        "3: 'done with': write 'finished'",
    ]
    code = '"""Begin anew."""\nx = 1  # done with it\n"""Whoever."""\nanew = "anew"\n'
    assert [fault for line, text in prose_of(code) for fault in faults(text, line)] == [
        "1: 'anew': write 'again'",
        "3: 'Whoever': write 'anyone who, or the person who'",
        "2: 'done with': write 'finished'",
    ]
    assert list(events_of('log.info("a" if x else "b", c="d")\nlog.warning("e")\nother.info("f")\n')) == [
        (1, "a"),
        (1, "b"),
        (2, "e"),
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_are_written_in_plain_american_english(path: Path) -> None:
    found = [f"{path.relative_to(ROOT)}:{fault}" for fault in faults(path.read_text())]

    assert not found, "\n".join(found)


def test_docstrings_and_comments_are_written_in_plain_american_english() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in MODULES
        if path.name != "test_writing.py"
        for line, text in prose_of(path.read_text())
        for fault in faults(text, line)
    ]

    assert not found, "\n".join(found)


def test_log_events_are_a_noun_and_a_past_participle() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {event!r}: write it as in 'card_publish_failed'"
        for path in MODULES
        if path.is_relative_to(ROOT / "bot")
        for line, event in events_of(path.read_text())
        if not EVENT.fullmatch(event)
    ]

    assert not found, "\n".join(found)


SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
ABBREVIATIONS = re.compile(r"\b(?:Sek|Min|Std)\.(?=[;,) ])")
LONGEST_PART = 2
"""Sentences in one part of an answer; a part is one entry of a text file."""
NOT_IN_SLACK = re.compile(
    r"\b(?:the bot|somebody|any more|look at|is so|live recordings?)\b|\bof it[.;,]", re.IGNORECASE
)
LANGUAGES = read_languages().known


def texts_of(language: str) -> Iterator[tuple[str, str]]:
    """Yield the key and each form of every text in a language."""
    for key, text in LANGUAGES[language].texts.items():
        yield from ((key, form) for form in ([text] if isinstance(text, str) else text.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_part_of_an_answer_is_longer_than_two_sentences(language: str) -> None:
    counted = {
        key: len(SENTENCE_END.findall(ABBREVIATIONS.sub("", CODE.sub("", text)))) for key, text in texts_of(language)
    }

    assert {key: number for key, number in counted.items() if number > LONGEST_PART} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_in_slack_has_a_banned_word(language: str) -> None:
    found = [f"{key}: {fault}" for key, text in texts_of(language) for fault in faults(text)]
    if language == "en":
        found += [key for key, text in texts_of(language) if NOT_IN_SLACK.search(text)]
    else:  # German words that look like British ones
        found = [one for one in found if "'organisation'" not in one.lower()]

    assert not found, "\n".join(found)
