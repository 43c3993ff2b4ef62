"""How much work a regular expression is on a text, counted in steps instead of seconds."""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 2_000_000


class TooManySteps(Exception):
    """It takes more steps than anybody would wait for."""


def steps(pattern: re.Pattern[str], text: str) -> int:
    """Return how many single steps a backtracking search for all matches takes, done as ``re`` does it."""
    count = _Count(text, pattern.flags)
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    at = 0
    while at <= len(text):
        end = next(count.sequence(list(tree), at), None)
        at = at + 1 if end is None or end == at else end
    return count.steps


class _Count:
    def __init__(self, text: str, flags: int) -> None:
        self.text = text
        self.flags = flags
        self.steps = 0

    def sequence(self, items: list[Any], at: int) -> Iterator[int]:
        """Yield the ends at which the items can match from ``at`` on, in the order in which they are tried."""
        self.steps += 1
        if self.steps > MOST:
            raise TooManySteps
        if not items:
            yield at
            return
        for end in self.one(items[0][0], items[0][1], at):
            yield from self.sequence(items[1:], end)

    def one(self, code: Any, what: Any, at: int) -> Iterator[int]:
        match code:
            case op.SUBPATTERN:
                yield from self.sequence(list(what[3]), at)
            case op.BRANCH:
                for branch in what[1]:
                    yield from self.sequence(list(branch), at)
            case op.MAX_REPEAT | op.MIN_REPEAT:
                yield from self.repeated(what, at, lazy=code is op.MIN_REPEAT)
            case op.ASSERT | op.ASSERT_NOT:
                direction, items = what
                begin = at if direction > 0 else at - 1  # what is looked back at here is one character
                found = begin >= 0 and next(self.sequence(list(items), begin), None) is not None
                if found is (code is op.ASSERT):
                    yield at
            case op.AT:
                yield at  # a boundary can only save steps
            case _:
                if at < len(self.text) and self.fits(code, what, self.text[at]):
                    yield at + 1

    def repeated(self, what: Any, at: int, *, lazy: bool) -> Iterator[int]:
        least, most, items = what
        ends = [at]
        if lazy:
            while len(ends) <= most:
                if len(ends) > least:
                    yield ends[-1]
                end = next(self.sequence(list(items), ends[-1]), None)
                if end is None:
                    return
                ends.append(end)
            yield ends[-1]
            return
        if not _single(list(items)):
            yield from self.greedy(list(items), at, least, most)
            return
        while len(ends) <= most and (end := next(self.sequence(list(items), ends[-1]), None)) is not None:
            ends.append(end)
        yield from reversed(ends[least:])

    def greedy(self, items: list[Any], at: int, least: int, most: int) -> Iterator[int]:
        if most:
            for end in self.sequence(items, at):
                if end != at:
                    yield from self.greedy(items, end, max(0, least - 1), most - 1)
        if not least:
            yield at

    def fits(self, code: Any, what: Any, character: str) -> bool:
        if code is op.ANY:
            return character != "\n"
        if code is op.IN:
            negated = what[0][0] is op.NEGATE
            return negated is not any(self.fits(one, more, character) for one, more in what[negated:])
        if code is op.RANGE:
            return any(what[0] <= ord(one) <= what[1] for one in self.cases(character))
        if code is op.CATEGORY:
            return bool(re.match(CATEGORIES[what], character))
        return (ord(character) in self.same(what)) is (code is op.LITERAL)

    def cases(self, character: str) -> str:
        return character.lower() + character.upper() if self.flags & re.IGNORECASE else character

    def same(self, literal: int) -> set[int]:
        return set(map(ord, self.cases(chr(literal))))


CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_SPACE: r"\s", op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _single(items: list[Any]) -> bool:
    """Say whether they match one character, so that there is one way only to repeat them."""
    return len(items) == 1 and items[0][0] in {op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN, op.CATEGORY}
