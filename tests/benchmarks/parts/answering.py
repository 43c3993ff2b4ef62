"""How a part is asked for so many rounds, and says what they took."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def answer_questions(work: Callable[[int], object]) -> None:
    """Do so many rounds for each line of input, and answer with seconds by the clock and by the processor."""
    say(ready=True)
    for line in sys.stdin:
        count = json.loads(line)["rounds"]
        began, processor = time.perf_counter(), time.process_time()
        work(count)
        say(seconds=time.perf_counter() - began, processor=time.process_time() - processor)
