"""Runs a command beside busy loops and ends them with it: ``python -m tests.support.busy 6 COMMAND [ARGUMENT...]``."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack

LOOP = "import os\nparent = os.getppid()\nprint(flush=True)\nwhile os.getppid() == parent: pass"
"""Keeps a core busy until the process that started it is gone, however it went."""


def main(loops: int, command: list[str]) -> int:
    """Return the command's exit status. Ctrl-C and SIGTERM end the command, and the command ends the loops."""
    with ExitStack() as stack:
        for _ in range(loops):
            loop = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            )
            stack.callback(loop.kill)
            assert loop.stdout is not None
            loop.stdout.readline()  # it runs
        running = subprocess.Popen(command)
        signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
        signal.signal(signal.SIGTERM, lambda *_: running.terminate())
        return running.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
