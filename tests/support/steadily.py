"""Runs the command line in a steady event loop: ``python -m tests.support.steadily serve``."""

from __future__ import annotations

from bot.cli.main import main
from tests.support import steady

if __name__ == "__main__":
    main(steady.run)
