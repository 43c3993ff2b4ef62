"""Runs the command line in a steady event loop: ``python -m tests.support.clocks.steady_cli serve``."""

from __future__ import annotations

from bot.cli.main import main
from tests.support.clocks import steady_time

if __name__ == "__main__":
    main(steady_time.run)
