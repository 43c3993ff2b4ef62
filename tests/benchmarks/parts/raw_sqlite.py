"""The database's part of starts, alone: asked for so many, it commits them by plain ``sqlite3``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from tests.benchmarks.parts.answering import answer_questions
from tests.benchmarks.parts.commits import Commits, whole


def main(file: str) -> None:
    commits = Commits(Path(file))
    answer_questions(partial(whole, commits))


if __name__ == "__main__":
    main(sys.argv[1])
