"""Runs a module as ``python -m`` would, but not for longer than the process that started it lives.

``python -m bot.sandbox.parent_watchdog MODULE [ARGUMENT...]``: standard input is a pipe that the parent holds open and
never writes to. The system closes it when the parent goes, however it goes, and that works on every platform.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

SECONDS_TO_FINISH = 25.0


def main() -> None:
    threading.Thread(target=_leave_with_the_parent, name="leash", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _leave_with_the_parent() -> None:
    # Not sys.stdin: its lock, held by a waiting thread, would abort the interpreter's shutdown.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_FINISH)
    os._exit(1)


if __name__ == "__main__":
    main()
