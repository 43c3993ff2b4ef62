"""Counts what an action costs the database: its statements, and its commits."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from bot.database.engine import Engines


@dataclass(frozen=True)
class Cost:
    """Commits, and the statements of the writer and of the readers, without the BEGINs."""

    commits: int = 0
    written: int = 0
    read: int = 0


@dataclass
class Tally:
    """What both engines have sent."""

    written: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    commits: int = 0

    @property
    def cost(self) -> Cost:
        return Cost(self.commits, len(self.written), len(self.read))

    def profile(self) -> str:
        """Return the statements in their order, the writer's first."""
        return "\n".join(" ".join(one.split())[:240] for one in (*self.written, "", *self.read))

    def assert_within(self, cost: Cost, *, together: bool = False) -> None:
        """Hold that exactly these commits were made, and at most these statements.

        ``together``: several workers write, and share a commit where they happen to do so at the same moment.
        """
        found = self.cost
        fewest = 2 if together else cost.commits
        assert fewest <= found.commits <= cost.commits, f"{found}\n{self.profile()}"
        assert found.written <= cost.written, f"{found}\n{self.profile()}"
        assert found.read <= cost.read, f"{found}\n{self.profile()}"


@contextmanager
def tallied(engines: Engines) -> Iterator[Tally]:
    """Count until the end of the block."""
    tally = Tally()

    def on_statement(into: list[str]) -> Any:
        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith("BEGIN"):
                into.append(statement)

        return note

    def on_commit(_connection: Any) -> None:
        tally.commits += 1

    writer, note_read = engines.writer.engine, on_statement(tally.read)
    listeners: list[tuple[Engine, str, Any]] = [
        (writer, "before_cursor_execute", on_statement(tally.written)),
        *((reader, "before_cursor_execute", note_read) for reader in engines.readers),
        (writer, "commit", on_commit),
    ]
    for listener in listeners:
        event.listen(*listener)
    try:
        yield tally
    finally:
        for listener in listeners:
            event.remove(*listener)
