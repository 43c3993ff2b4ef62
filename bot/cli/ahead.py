"""The bot of a sandbox whose clock was moved: ``python -m bot.cli.ahead SECONDS``.

Only the sandbox starts it. No command and no setting moves the clock of a real bot.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.config import settings as config
from bot.observability import logging as log
from bot.recording.clock import SystemClock
from bot.runtime.serve import Serving

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class ClockAhead(SystemClock):
    """The machine's time, and some more."""

    ahead: timedelta

    @override
    def now(self) -> datetime:
        return super().now() + self.ahead


def main() -> None:
    settings = config.load(config.ServeSettings)
    log.configure(format_=settings.log_format, level=settings.log_level)
    asyncio.run(Serving(settings, clock=ClockAhead(timedelta(seconds=float(sys.argv[1])))).run())


if __name__ == "__main__":
    main()
