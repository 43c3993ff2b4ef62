"""Runs ``record-bot`` as the foreground program of the terminal that is its standard input."""

from __future__ import annotations

import fcntl
import os
import signal
import termios

from bot.cli.main import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background work with Ctrl-C ignored
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    main()
